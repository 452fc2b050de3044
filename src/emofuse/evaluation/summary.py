"""The figures of a system, and of one system against another, with what is known of their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emofuse.evaluation.groups import group_scores
from emofuse.evaluation.intervals import Interval, Statistic, confidence_interval, difference
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.evaluation.metrics import (
    CONFUSION_METRICS,
    Counts,
    MetricName,
    brier_score,
    confusion_matrix,
    expected_calibration_error,
    negative_log_likelihood,
)
from emofuse.evaluation.reliability import coverage_risk
from emofuse.evaluation.scores import METRICS, evaluate_confusion
from emofuse.evaluation.significance import (
    McNemar,
    detectable_difference,
    holm,
    mcnemar,
    sign_flip_test,
    speaker_differences,
)
from emofuse.types.arrays import Float64Array


def summarise(predictions: LabelledPredictions) -> dict[str, Any]:
    """Return the figures of a system.

    The headline is pooled over all test folds within a seed; then mean and standard deviation (ddof 1, null for
    one seed) over seeds. Intervals count speakers: see `confidence_interval`; that of sessions is given too,
    for the two speakers of a dialogue are not independent either. Scores of classes and the confusion matrix are
    means over seeds too, so that a row of the matrix sums to the utterances of its label.
    """
    intervals = {metric: _intervals(predictions, metric) for metric in METRICS}
    return {
        **{metric: _headline(predictions, metric, intervals[metric]["speakers"]) for metric in METRICS},
        "n": len(predictions.ids),
        "intervals": {
            metric: {by: None if interval is None else interval.as_dict() for by, interval in by_unit.items()}
            for metric, by_unit in intervals.items()
        },
        **_confidence(predictions),
        "per_class": _per_class(predictions),
        "groups": group_scores(predictions.truth, predictions.predicted, predictions.groups, predictions.labels),
        "confusion": _mean_confusion(predictions.confusions),
        "folds_without_class": _without_class(predictions),
    }


def headlines(predictions: LabelledPredictions) -> dict[str, Any]:
    """Return WA, UA and macro-F1: mean and standard deviation over seeds, interval, range over folds."""
    return {
        metric: _headline(predictions, metric, _interval(predictions.statistic(metric, predictions.speakers)))
        for metric in METRICS
    }


def compare(a: str, b: str, systems: Mapping[str, LabelledPredictions], metric: MetricName) -> dict[str, Any]:
    """Return how much better system `a` is than `b`, with a test over speakers.

    The test is the sign-flip over speakers; McNemar's, over utterances, is only a description. `p` is
    not adjusted: `adjust` does that for a family of comparisons.
    """
    first, second = systems[a], systems[b]
    statistics = [s.statistic(metric, s.speakers) for s in (first, second)]
    counts = [s.confusions_by(s.speakers) for s in (first, second)]
    change = _headline(first, metric, None)["mean"] - _headline(second, metric, None)["mean"]
    document: dict[str, Any] = {"a": a, "b": b, "metric": metric, "difference": change}
    document |= dict.fromkeys(("ci95", "test", "p", "p_adjusted", "groups", "smallest_p", "detectable_80"))
    document["mcnemar"] = _described(first, second)
    if statistics[0] is None or statistics[1] is None or counts[0] is None or counts[1] is None:
        return document
    if len(statistics[0].sizes) < 2:
        return document
    differences = speaker_differences(metric, counts[0], counts[1])
    test = sign_flip_test(differences)
    interval = confidence_interval(difference(statistics[0], statistics[1]))
    return document | {
        "ci95": None if interval is None else [interval.low, interval.high],
        "test": test.name,
        "p": test.p,
        "groups": test.groups,
        "smallest_p": test.smallest_p,
        "detectable_80": detectable_difference(differences),
    }


def adjust(comparisons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return comparisons with p adjusted by Holm's method, each metric a family of its own."""
    adjusted = [dict(one) for one in comparisons]
    for metric in METRICS:
        family = [one for one in adjusted if one["metric"] == metric and one["p"] is not None]
        for one, p in zip(family, holm([one["p"] for one in family]), strict=True):
            one["p_adjusted"] = p
    return adjusted


def _intervals(predictions: LabelledPredictions, metric: MetricName) -> dict[str, Interval | None]:
    return {
        "speakers": _interval(predictions.statistic(metric, predictions.speakers)),
        "sessions": _interval(predictions.statistic(metric, predictions.sessions)),
    }


def _interval(statistic: Statistic | None) -> Interval | None:
    return None if statistic is None else confidence_interval(statistic)


def _headline(predictions: LabelledPredictions, metric: MetricName, interval: Interval | None) -> dict[str, Any]:
    measure = CONFUSION_METRICS[metric]
    values = np.array([measure(confusion) for confusion in predictions.confusions])
    by_fold = np.array(
        [
            [
                measure(confusion_matrix(predictions.truth[part], labels[part], len(predictions.labels)))
                for part in _parts(predictions)
            ]
            for labels in predictions.predicted
        ]
    )
    return {
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else None,
        "ci95": None if interval is None else [interval.low, interval.high],
        "folds_mean": float(by_fold.mean()),
        "folds_range": [float(by_fold.min()), float(by_fold.max())],
    }


def _per_class(predictions: LabelledPredictions) -> dict[str, dict[str, Any]]:
    """Return each label's recall, precision and F1, means over the seeds that have them, and its utterances."""
    by_seed = [evaluate_confusion(each, predictions.labels).per_class for each in predictions.confusions]
    return {
        label: {
            "recall": _mean_of_known([seed[label].recall for seed in by_seed]),
            "precision": _mean_of_known([seed[label].precision for seed in by_seed]),
            "f1": _mean_of_known([seed[label].f1 for seed in by_seed]),
            "support": by_seed[0][label].support,
        }
        for label in predictions.labels
    }


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None


def _mean_confusion(confusions: Counts) -> list[list[float]]:
    """Return the mean of confusion matrices, (seeds, labels, labels); of one seed its counts."""
    mean: list[list[float]] = (confusions[0] if len(confusions) == 1 else confusions.mean(axis=0)).tolist()
    return mean


def _parts(predictions: LabelledPredictions) -> list[Any]:
    return [np.flatnonzero(predictions.folds == number) for number in np.unique(predictions.folds)]


def _without_class(predictions: LabelledPredictions) -> dict[str, list[str]]:
    lacking = {}
    for number in np.unique(predictions.folds):
        present = set(predictions.truth[predictions.folds == number].tolist())
        missing = [label for index, label in enumerate(predictions.labels) if index not in present]
        if missing:
            lacking[str(number)] = missing
    return lacking


def _confidence(predictions: LabelledPredictions) -> dict[str, Any]:
    """Return figures of calibration and confidence, as means over seeds."""
    seeds = list(zip(predictions.probabilities, predictions.confidence, predictions.correct, strict=True))
    return {
        "ece": _mean([expected_calibration_error(confidence, right) for _, confidence, right in seeds]),
        "nll": _mean([negative_log_likelihood(rows, predictions.truth) for rows, _, _ in seeds]),
        "brier": _mean([brier_score(rows, predictions.truth) for rows, _, _ in seeds]),
        "aurc": _mean([coverage_risk(confidence, right).area for _, confidence, right in seeds]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _described(a: LabelledPredictions, b: LabelledPredictions) -> dict[str, Any]:
    """Return McNemar's test of the first seed, and that it only describes."""
    test = mcnemar(a.correct[0], b.correct[0])
    return asdict(test) | {"label": McNemar.LABEL}


def late_fusion(a: Float64Array, b: Float64Array) -> Float64Array:
    """Return the mean of two systems' probabilities: the fusion that needs no training."""
    return np.asarray((a + b) / 2)
