"""What training makes small."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


def summed_cross_entropy(
    logits: Tensor, targets: Tensor, class_weights: Tensor | None, label_smoothing: float
) -> Tensor:
    """Return the cross-entropy summed over the utterances of a batch.

    The caller divides by the utterances of the effective batch, so that batches made by seconds do not weigh
    long utterances more.
    """
    return nn.functional.cross_entropy(
        logits.float(), targets, weight=class_weights, reduction="sum", label_smoothing=label_smoothing
    )


def inverse_frequency_weights(targets: npt.NDArray[np.int64], labels: int) -> Tensor:
    """Return a weight a class, inverse to its frequency, whose mean over utterances is 1.

    A class that does not occur has weight 0: nothing is learnt of it.
    """
    counts = np.bincount(targets, minlength=labels).astype(np.float64)
    occurring = counts > 0
    weights = np.where(occurring, len(targets) / np.maximum(counts, 1) / occurring.sum(), 0.0)
    return torch.from_numpy(weights.astype(np.float32))
