"""Metrics of the field, from label indices; each has a second implementation in the tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]


def confusion_matrix(truth: Indices, predicted: Indices, labels: int) -> Counts:
    """Count how often each label (row) was taken for each label (column): (labels, labels)."""
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def weighted_accuracy(confusion: Counts) -> float:
    """Return WA: the share of utterances that are right."""
    return float(np.trace(confusion) / confusion.sum())


def recalls(confusion: Counts) -> npt.NDArray[np.float64]:
    """Return each class's recall; NaN for a class that does not occur."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1))


def precisions(confusion: Counts) -> npt.NDArray[np.float64]:
    """Return each class's precision; NaN for a class that was never predicted."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0))


def f1_scores(confusion: Counts) -> npt.NDArray[np.float64]:
    """Return each class's F1; 0 for a class that occurs and is never found, NaN for one that does not occur."""
    doubled = 2 * np.diag(confusion)
    scores = _ratio(doubled, confusion.sum(axis=0) + confusion.sum(axis=1))
    return np.where(confusion.sum(axis=1) > 0, scores, np.nan)


def unweighted_accuracy(confusion: Counts) -> float:
    """Return UA: the mean recall over the classes that occur; a missing class is left out, not zero."""
    return float(np.nanmean(recalls(confusion)))


def macro_f1(confusion: Counts) -> float:
    """Return the mean F1 over the classes that occur."""
    return float(np.nanmean(f1_scores(confusion)))


def _ratio(part: Counts, whole: Counts) -> npt.NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))
