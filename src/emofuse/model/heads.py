"""From a pooled vector to the outputs: emotion logits and dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn
from transformers.utils import ModelOutput

from emofuse.config import HeadNorm
from emofuse.data.relative_parts import Affine, HeadWeights
from emofuse.model.normalisation import BatchNorm
from emofuse.types import Task
from emofuse.types.arrays import Float64Array


@dataclass
class EmotionOutput(ModelOutput):
    """The outputs of the network, before any softmax.

    Attributes:
        logits: (batch, labels).
        dimensions: (batch, dimensions), as the corpus scales them; None where the task has none.
        audio_logits: (batch, labels), of a head on audio alone, in training with auxiliary losses.
        text_logits: likewise on text.
        pooled: (batch, width), what the head gets.
    """

    logits: Tensor
    dimensions: Tensor | None = None
    audio_logits: Tensor | None = None
    text_logits: Tensor | None = None
    pooled: Tensor | None = None


class EmotionHead(nn.Module):
    """Dropout, an optional hidden layer with ReLU, and one linear layer for labels and for dimensions.

    Args:
        width: of the pooled vector.
        hidden: width of a hidden layer; 0 for none.
        dropout: before each layer.
        task: labels and dimensions to predict.
        norm: normalise the pooled vector first: what small encoders give from scratch is of any scale. "batch"
            normalises over the batch, the hidden layer too.
    """

    def __init__(self, width: int, hidden: int, dropout: float, task: Task, norm: HeadNorm) -> None:
        super().__init__()
        labels, dimensions = len(task.labels), len(task.dimensions)
        self.ranges = task.ranges
        self.norm = (BatchNorm(width) if norm == "batch" else nn.LayerNorm(width)) if norm else None
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(width, hidden) if hidden else None
        self.hidden_norm = BatchNorm(hidden) if hidden and norm == "batch" else None
        self.classifier = nn.Linear(hidden or width, labels)
        self.regressor = nn.Linear(hidden or width, dimensions) if dimensions else None

    def as_arrays(self) -> HeadWeights:
        """Return the head as arrays that need no torch; batch normalisation is folded into its neighbours."""
        hidden, regressor = self.hidden, self.regressor
        dimensions = None
        if regressor is not None:
            low, high = np.array(self.ranges, dtype=np.float64).T
            dimensions = _scaled(_affine(regressor), (high - low) / 2, (low + high) / 2)
        hidden_layer = None if hidden is None else _affine(hidden)
        if hidden_layer is not None and self.hidden_norm is not None:
            after = _normalising(self.hidden_norm)
            hidden_layer = _scaled(hidden_layer, after.weight, after.bias)
        norm = None
        if isinstance(self.norm, BatchNorm):
            norm = _normalising(self.norm)
        elif self.norm is not None:
            norm = _affine(self.norm)
        layer_norm = isinstance(self.norm, nn.LayerNorm)
        return HeadWeights(_affine(self.classifier), norm, layer_norm, hidden_layer, dimensions)

    def forward(self, pooled: Tensor) -> EmotionOutput:
        """Map (batch, width) to logits and dimensions."""
        vector = self.dropout(pooled if self.norm is None else self.norm(pooled))
        if self.hidden is not None:
            vector = self.hidden(vector)
            vector = vector if self.hidden_norm is None else self.hidden_norm(vector)
            vector = self.dropout(nn.functional.relu(vector))
        if self.regressor is None:
            return EmotionOutput(logits=self.classifier(vector), pooled=pooled)
        low, high = vector.new_tensor(self.ranges).T
        dimensions = (low + high) / 2 + (high - low) / 2 * self.regressor(vector)
        return EmotionOutput(logits=self.classifier(vector), dimensions=dimensions, pooled=pooled)


def _affine(layer: nn.Linear | nn.LayerNorm | BatchNorm) -> Affine:
    """Return the weights of a layer in double precision."""
    return Affine(_doubles(layer.weight), _doubles(layer.bias))


def _doubles(values: Tensor) -> Float64Array:
    return values.detach().double().cpu().numpy()


def _normalising(norm: BatchNorm) -> Affine:
    """Return what batch normalisation does in use: a scale of each number, and a shift."""
    own = _affine(norm)
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("batch normalisation without running figures has no use of its own")
    scale = own.weight / np.sqrt(_doubles(norm.running_var) + norm.eps)
    return Affine(scale, own.bias - _doubles(norm.running_mean) * scale)


def _scaled(layer: Affine, scale: Float64Array, shift: Float64Array) -> Affine:
    """Return a layer whose outputs, (outputs,), are scaled and shifted."""
    return Affine(layer.weight * scale[:, None], layer.bias * scale + shift)
