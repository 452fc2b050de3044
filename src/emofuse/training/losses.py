"""The losses of training: sums over the utterances of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from emofuse.config import Recipe
from emofuse.model.heads import EmotionOutput
from emofuse.types.arrays import Float32Array

# Stands for the logit of a label that an utterance cannot have: its probability and its gradient are zero.
IMPOSSIBLE_LOGIT = -1e4
# Keeps the concordance of values that are all alike a number.
SMALLEST_SPREAD = 1e-8


def summed_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    class_weights: Tensor | None,
    label_smoothing: float,
    possible: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy summed over the utterances of a batch.

    The caller divides by the utterances of the effective batch, so that batches made by seconds do not weigh
    long utterances more.

    Args:
        logits: (batch, labels).
        targets: (batch, labels), the share of each label; one of them is 1 where the label is not soft.
        class_weights: (labels,), or None.
        label_smoothing: share of the target that is spread evenly over the labels.
        possible: (batch, labels), the labels that an utterance can have; others do not count. None for all.
    """
    if possible is not None:
        logits = logits.float().masked_fill(~possible, IMPOSSIBLE_LOGIT)
        even = possible / possible.sum(dim=1, keepdim=True)
        targets, label_smoothing = (1.0 - label_smoothing) * targets + label_smoothing * even, 0.0
    return nn.functional.cross_entropy(
        logits.float(), targets, weight=class_weights, reduction="sum", label_smoothing=label_smoothing
    )


def summed_binary_cross_entropy(
    logits: Tensor, targets: Tensor, class_weights: Tensor | None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of labels that are independent of each other: mean over labels, summed over utterances.

    Args:
        logits: (batch, labels).
        targets: (batch, labels), 1 where the label is there.
        class_weights: (labels,), or None.
        label_smoothing: how far targets are moved towards one half.
    """
    targets = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing
    losses = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    return (losses if class_weights is None else losses * class_weights).mean(dim=1).sum()


def summed_squared_error(predicted: Tensor, targets: Tensor, ranges: Sequence[tuple[float, float]]) -> Tensor:
    """Return the squared error of dimensions: in half ranges, mean over those known, summed over utterances.

    Args:
        predicted: (batch, dimensions).
        targets: (batch, dimensions), NaN where unknown.
        ranges: the lowest and highest value of each dimension.
    """
    half = predicted.new_tensor([(high - low) / 2 for low, high in ranges])
    known = ~targets.isnan()
    squares = ((predicted.float() - targets.nan_to_num()) / half).square() * known
    return (squares.sum(dim=1) / known.sum(dim=1).clamp(min=1)).sum()


def summed_concordance_error(predicted: Tensor, targets: Tensor, ranges: Sequence[tuple[float, float]]) -> Tensor:
    """Return 1 - CCC of each dimension over a batch, mean over dimensions, times the utterances with any of them.

    The concordance correlation coefficient (Lin 1989) is a figure of a batch, not of an utterance: one alone
    teaches nothing, and larger micro-batches estimate it better.

    Args:
        predicted: (batch, dimensions).
        targets: (batch, dimensions), NaN where unknown.
        ranges: the lowest and highest value of each dimension.
    """
    half = predicted.new_tensor([(high - low) / 2 for low, high in ranges])
    known = ~targets.isnan()
    count = known.sum(dim=0).clamp(min=1)
    told, wanted = (torch.where(known, values.float() / half, 0.0) for values in (predicted, targets.nan_to_num()))
    mean_told, mean_wanted = told.sum(dim=0) / count, wanted.sum(dim=0) / count
    off_told, off_wanted = (told - mean_told) * known, (wanted - mean_wanted) * known
    spread = (off_told.square() + off_wanted.square()).sum(dim=0) / count + (mean_told - mean_wanted).square()
    concordance = 2 * (off_told * off_wanted).sum(dim=0) / count / (spread + SMALLEST_SPREAD)
    there = known.any(dim=0)
    return ((1 - concordance) * there).sum() / there.sum().clamp(min=1) * known.any(dim=1).sum()


DIMENSION_LOSSES: dict[str, Callable[[Tensor, Tensor, Sequence[tuple[float, float]]], Tensor]] = {
    "squared": summed_squared_error,
    "ccc": summed_concordance_error,
}


def with_auxiliary(
    output: EmotionOutput,
    targets: Tensor,
    present: tuple[Tensor, Tensor],
    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    weight: float,
    possible: Tensor | None = None,
) -> Tensor:
    """Return the fused loss plus the weighted losses of the heads on one modality, where it is present.

    Args:
        output: of the network in training.
        targets: (batch, labels).
        present: (batch,) each, whether an utterance has audio, and text.
        loss: from logits, targets and possible labels to a sum over utterances.
        weight: of the auxiliary losses.
        possible: (batch, labels), the labels that an utterance can have; None for all.
    """
    total = loss(output.logits, targets, possible)
    for logits, rows in zip((output.audio_logits, output.text_logits), present, strict=True):
        if logits is not None and weight:
            there = None if possible is None else possible[rows]
            total = total + weight * loss(logits[rows], targets[rows], there)
    return total


@dataclass(frozen=True)
class Targets:
    """What the outputs of a batch are compared with.

    Attributes:
        shares: (batch, labels), the share of each label.
        dimensions: (batch, dimensions), NaN where unknown.
        possible: (batch, labels), the labels that an utterance can have; None for all.
    """

    shares: Tensor
    dimensions: Tensor
    possible: Tensor | None = None


@dataclass(frozen=True)
class TrainingLoss:
    """The whole loss of a batch, summed over its utterances.

    Attributes:
        class_weights: (labels,), or None.
        label_smoothing: share of the target that is spread evenly over the labels.
        multi_label: whether labels are independent of each other.
        auxiliary: weight of the losses of the heads on one modality.
        dimension_weight: weight of the loss of dimensions.
        dimension_loss: of `DIMENSION_LOSSES`.
        ranges: the lowest and highest value of each dimension.
    """

    class_weights: Tensor | None = None
    label_smoothing: float = 0.0
    multi_label: bool = False
    auxiliary: float = 0.0
    dimension_weight: float = 1.0
    ranges: tuple[tuple[float, float], ...] = ()
    dimension_loss: str = "squared"

    @classmethod
    def of_recipe(cls, recipe: Recipe, class_weights: Tensor | None) -> TrainingLoss:
        """Return the loss that a recipe describes."""
        training = recipe.training
        return cls(
            class_weights,
            training.label_smoothing,
            recipe.multi_label,
            training.auxiliary,
            training.dimension_weight,
            tuple(recipe.dimensions.values()),
            training.dimension_loss,
        )

    def __call__(self, output: EmotionOutput, targets: Targets, present: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss; `present`, (batch,) each, tells whether an utterance has audio, and text."""
        loss = with_auxiliary(output, targets.shares, present, self._label_loss, self.auxiliary, targets.possible)
        if output.dimensions is not None:
            error = DIMENSION_LOSSES[self.dimension_loss](output.dimensions, targets.dimensions, self.ranges)
            loss = loss + self.dimension_weight * error
        return loss

    def _label_loss(self, logits: Tensor, targets: Tensor, possible: Tensor | None) -> Tensor:
        if self.multi_label:
            return summed_binary_cross_entropy(logits, targets, self.class_weights, self.label_smoothing)
        return summed_cross_entropy(logits, targets, self.class_weights, self.label_smoothing, possible)


def inverse_frequency_weights(shares: Float32Array) -> Tensor:
    """Return a weight a class, inverse to its frequency, whose mean over all targets is 1.

    Soft labels count with their shares, several labels of an utterance with each of them. A class that does not
    occur has weight 0.

    Args:
        shares: the targets, (utterances, labels).
    """
    counts = shares.sum(axis=0, dtype=np.float64)
    occurring = counts > 0
    weights = np.where(occurring, counts.sum() / np.where(occurring, counts, 1.0) / occurring.sum(), 0.0)
    return torch.from_numpy(weights.astype(np.float32))
