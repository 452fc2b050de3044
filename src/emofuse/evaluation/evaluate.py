"""From predictions and true labels to an `Evaluation`, and to the summary of many folds and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.errors import CorpusError
from emofuse.evaluation.metrics import (
    confusion_matrix,
    f1_scores,
    macro_f1,
    precisions,
    recalls,
    unweighted_accuracy,
    weighted_accuracy,
)
from emofuse.types import ClassScore, Evaluation, Skip

METRICS = ("wa", "ua", "macro_f1")


def evaluate_labels(
    truth: Mapping[str, str],
    predicted: Mapping[str, str],
    labels: Sequence[str],
    skipped: Iterable[Skip] = (),
) -> Evaluation:
    """Score predicted labels against true ones, both by utterance id.

    Raises:
        CorpusError: there is nothing to score, or an utterance with a true label has no prediction.
    """
    if not truth:
        raise CorpusError("there is no labelled utterance to score")
    missing = sorted(set(truth) - set(predicted))
    if missing:
        raise CorpusError(f"{len(missing)} utterances have no prediction, the first is {missing[0]!r}")
    index = {label: number for number, label in enumerate(labels)}
    strange = sorted({label for i in truth for label in (truth[i], predicted[i])} - set(labels))
    if strange:
        raise CorpusError(f"the label {strange[0]!r} is none of the task's: {', '.join(labels)}")
    confusion = confusion_matrix(
        np.array([index[truth[i]] for i in truth], dtype=np.int64),
        np.array([index[predicted[i]] for i in truth], dtype=np.int64),
        len(labels),
    )
    return evaluate_confusion(confusion, labels, skipped)


def evaluate_confusion(
    confusion: npt.NDArray[np.int64], labels: Sequence[str], skipped: Iterable[Skip] = ()
) -> Evaluation:
    """Turn a confusion matrix, rows true and columns predicted, into an evaluation."""
    support = confusion.sum(axis=1)
    scores = zip(recalls(confusion), precisions(confusion), f1_scores(confusion), support, strict=True)
    return Evaluation(
        n=int(confusion.sum()),
        labels=tuple(labels),
        wa=weighted_accuracy(confusion),
        ua=unweighted_accuracy(confusion),
        macro_f1=macro_f1(confusion),
        per_class={
            label: ClassScore(_number(recall), _number(precision), _number(f1), int(count))
            for label, (recall, precision, f1, count) in zip(labels, scores, strict=True)
        },
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        missing_classes=tuple(label for label, count in zip(labels, support, strict=True) if not count),
        skipped=tuple(skipped),
    )


def summarise(
    pooled: Sequence[Evaluation], folds: Sequence[Sequence[Evaluation]], numbers: Sequence[int] | None = None
) -> dict[str, Any]:
    """Summarise a system: one pooled evaluation a seed, and each seed's evaluation of every fold.

    `numbers` are those of the folds, where some could not be scored.

    The headline is pooled over all test folds within a seed; then mean and standard deviation (ddof 1, null for
    one seed) over seeds. The mean and range over folds stand beside it.
    """
    summary: dict[str, Any] = {metric: _over_seeds(metric, pooled, folds) for metric in METRICS}
    confusion = np.sum([evaluation.confusion for evaluation in pooled], axis=0)
    everything = evaluate_confusion(confusion, pooled[0].labels)
    return summary | {
        "n": pooled[0].n,
        "ece": None,
        "per_class": {label: asdict(score) for label, score in everything.per_class.items()},
        "groups": None,
        "confusion": confusion.tolist(),
        "folds_without_class": {
            str(number): list(evaluation.missing_classes)
            for number, evaluation in zip(numbers or range(1, len(folds[0]) + 1), folds[0], strict=True)
            if evaluation.missing_classes
        },
    }


def compare(a: str, b: str, summaries: Mapping[str, Mapping[str, Any]], metric: str) -> dict[str, Any]:
    """Return how much better system `a` is than `b`; intervals and tests are null where not computed."""
    return {
        "a": a,
        "b": b,
        "metric": metric,
        "difference": summaries[a][metric]["mean"] - summaries[b][metric]["mean"],
        "ci95": None,
        "test": None,
        "p": None,
        "p_adjusted": None,
    }


def confusion_text(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Lay a confusion matrix out as text: true labels down, predicted ones across."""
    width = max(6, *(len(label) for label in labels)) + 1
    first = max(17, *(len(label) + 1 for label in labels))
    head = "true \\ predicted".ljust(first) + "".join(label.rjust(width) for label in labels)
    rows = [
        label.ljust(first) + "".join(str(cell).rjust(width) for cell in row)
        for label, row in zip(labels, confusion, strict=True)
    ]
    return "\n".join([head, *rows]) + "\n"


def _over_seeds(
    metric: str, pooled: Sequence[Evaluation], folds: Sequence[Sequence[Evaluation]]
) -> dict[str, Any]:
    values = np.array([asdict(evaluation)[metric] for evaluation in pooled])
    by_fold = np.array([[asdict(evaluation)[metric] for evaluation in seed] for seed in folds])
    return {
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else None,
        "ci95": None,
        "folds_mean": float(by_fold.mean()),
        "folds_range": [float(by_fold.min()), float(by_fold.max())],
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
