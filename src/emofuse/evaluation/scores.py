"""From predictions and true labels to an `Evaluation`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.metrics import (
    MetricName,
    confusion_matrix,
    f1_scores,
    macro_f1,
    precisions,
    recalls,
    unweighted_accuracy,
    weighted_accuracy,
)
from emofuse.types import ClassScore, Evaluation, Skip
from emofuse.types.arrays import IntArray

METRICS: tuple[MetricName, ...] = ("wa", "ua", "macro_f1")


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


def evaluate_confusion(confusion: IntArray, labels: Sequence[str], skipped: Iterable[Skip] = ()) -> Evaluation:
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


def cell_texts(confusion: Sequence[Sequence[float]]) -> list[list[str]]:
    """Return the cells of a confusion matrix as they are shown: counts, or with one decimal if any is a mean."""
    whole = all(float(cell).is_integer() for row in confusion for cell in row)
    return [[f"{cell:.0f}" if whole else f"{cell:.1f}" for cell in row] for row in confusion]


def confusion_text(confusion: Sequence[Sequence[float]], labels: Sequence[str]) -> str:
    """Lay a confusion matrix out as text: true labels down, predicted ones across."""
    width = max(6, *(len(label) for label in labels)) + 1
    first = max(17, *(len(label) + 1 for label in labels))
    head = "true \\ predicted".ljust(first) + "".join(label.rjust(width) for label in labels)
    rows = [
        label.ljust(first) + "".join(cell.rjust(width) for cell in row)
        for label, row in zip(labels, cell_texts(confusion), strict=True)
    ]
    return "\n".join([head, *rows]) + "\n"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
