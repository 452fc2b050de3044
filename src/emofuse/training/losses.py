"""What training makes small."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from emofuse.model.heads import EmotionOutput
from emofuse.types.arrays import IntArray

# The logit of a label that an utterance could not have had: its probability is zero, and its gradient.
IMPOSSIBLE_LOGIT = -1e4


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
        possible: (batch, labels), the labels that an utterance could have had; others do not count. None for all.
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
    """Return the loss of labels that are there or not for themselves: mean over labels, summed over utterances.

    Args:
        logits: (batch, labels).
        targets: (batch, labels), 1 where the label is there.
        class_weights: (labels,), or None.
        label_smoothing: by how much targets are drawn towards one half.
    """
    targets = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing
    losses = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    return (losses if class_weights is None else losses * class_weights).mean(dim=1).sum()


def summed_squared_error(told: Tensor, targets: Tensor, ranges: Sequence[tuple[float, float]]) -> Tensor:
    """Return the squared error of dimensions: in half ranges, mean over those known, summed over utterances.

    Args:
        told: (batch, dimensions).
        targets: (batch, dimensions), NaN where nobody knows.
        ranges: the lowest and highest value of each dimension.
    """
    half = told.new_tensor([(high - low) / 2 for low, high in ranges])
    known = ~targets.isnan()
    squares = ((told.float() - targets.nan_to_num()) / half).square() * known
    return (squares.sum(dim=1) / known.sum(dim=1).clamp(min=1)).sum()


def with_auxiliary(
    output: EmotionOutput,
    targets: Tensor,
    heard_and_read: tuple[Tensor, Tensor],
    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    weight: float,
    possible: Tensor | None = None,
) -> Tensor:
    """Return the fused loss plus the weighted losses of the heads on one modality, where that is there.

    Args:
        output: of the network in training.
        targets: (batch, labels).
        heard_and_read: (batch,) each, whether an utterance has audio and text.
        loss: from logits, targets and possible labels to a sum over utterances.
        weight: of the auxiliary losses.
        possible: (batch, labels), the labels that an utterance could have had; None for all.
    """
    assert output.logits is not None  # a network always decides
    total = loss(output.logits, targets, possible)
    for logits, present in zip((output.audio_logits, output.text_logits), heard_and_read, strict=True):
        if logits is not None and weight:
            there = None if possible is None else possible[present]
            total = total + weight * loss(logits[present], targets[present], there)
    return total


def inverse_frequency_weights(targets: IntArray, labels: int) -> Tensor:
    """Return a weight a class, inverse to its frequency, whose mean over utterances is 1.

    A class that does not occur has weight 0: nothing is learnt of it.
    """
    counts = np.bincount(targets, minlength=labels).astype(np.float64)
    occurring = counts > 0
    weights = np.where(occurring, len(targets) / np.maximum(counts, 1) / occurring.sum(), 0.0)
    return torch.from_numpy(weights.astype(np.float32))
