"""Metrics of the field, from label indices and probabilities; each has a second implementation in the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from emofuse.evaluation.reliability import Flags, reliability
from emofuse.types.arrays import Float64Array, IntArray

Counts = IntArray
MetricName = Literal["wa", "ua", "macro_f1"]
# A probability of zero for the truth would cost infinitely much: the floor makes it 36 nats at most.
PROBABILITY_FLOOR = float(np.finfo(np.float64).eps)


def confusion_matrix(truth: IntArray, predicted: IntArray, labels: int) -> Counts:
    """Count how often each label (row) was taken for each label (column): (labels, labels)."""
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def weighted_accuracy(confusion: Counts) -> float:
    """Return WA: the share of utterances that are right."""
    return float(np.trace(confusion) / confusion.sum())


def recalls(confusion: Counts) -> Float64Array:
    """Return each class's recall; NaN for a class that does not occur."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1))


def precisions(confusion: Counts) -> Float64Array:
    """Return each class's precision; NaN for a class that was never predicted."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0))


def f1_scores(confusion: Counts) -> Float64Array:
    """Return each class's F1; 0 if it occurs and is never predicted right, NaN if it does not occur."""
    doubled = 2 * np.diag(confusion)
    scores = _ratio(doubled, confusion.sum(axis=0) + confusion.sum(axis=1))
    return np.where(confusion.sum(axis=1) > 0, scores, np.nan)


def unweighted_accuracy(confusion: Counts) -> float:
    """Return UA: the mean recall over the classes that occur; a missing class is left out, not zero."""
    return float(np.nanmean(recalls(confusion)))


def macro_f1(confusion: Counts) -> float:
    """Return the mean F1 over the classes that occur."""
    return float(np.nanmean(f1_scores(confusion)))


def concordance(truth: Float64Array, predicted: Float64Array) -> float:
    """Return the concordance correlation coefficient (CCC) of two series, both (utterances,).

    Lin (1989), with variances and covariance divided by n. NaN where both are the same constant.
    """
    apart = float(truth.mean() - predicted.mean())
    together = ((truth - truth.mean()) * (predicted - predicted.mean())).mean()
    whole = float(truth.var() + predicted.var() + apart**2)
    return float(2 * together / whole) if whole > 0 else float("nan")


def negative_log_likelihood(probabilities: Float64Array, truth: IntArray) -> float:
    """Return the mean cost in nats of the true labels, (utterances,), under (utterances, labels)."""
    own = np.take_along_axis(probabilities, truth[:, None], axis=1)
    return float(-np.log(np.maximum(own, PROBABILITY_FLOOR)).mean())


def brier_score(probabilities: Float64Array, truth: IntArray) -> float:
    """Return the mean squared error of (utterances, labels), summed over labels: 0 to 2 (Brier 1950)."""
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def expected_calibration_error(confidence: Float64Array, correct: Flags, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over bins of equal mass, both (utterances,).

    Guo et al. (2017), with the equal-mass bins of Nixon et al. (2019). It is biased upward where bins hold few
    utterances; below `bins` utterances each is its own bin and the figure says little.
    """
    table = reliability(confidence, correct, bins)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in table) / len(confidence)


def soft_cross_entropy(probabilities: Float64Array, shares: Float64Array) -> float:
    """Return the mean cross-entropy in nats against shares of the raters' votes, both (utterances, labels)."""
    return float(-(shares * np.log(np.maximum(probabilities, PROBABILITY_FLOOR))).sum(axis=1).mean())


# The metrics of a confusion matrix, by the names they have in results.
CONFUSION_METRICS: dict[MetricName, Callable[[Counts], float]] = {
    "wa": weighted_accuracy,
    "ua": unweighted_accuracy,
    "macro_f1": macro_f1,
}


def _ratio(part: Counts, whole: Counts) -> Float64Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))
