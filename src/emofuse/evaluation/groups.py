"""How the score differs between groups of utterances: by gender, speaker, session, style or source of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emofuse.evaluation.intervals import group_confusions
from emofuse.evaluation.metrics import CONFUSION_METRICS, Counts
from emofuse.types.arrays import IntArray

# A group of fewer utterances has a score, but does not count for the gap.
MIN_UTTERANCES_FOR_GAP = 10


def group_scores(
    truth: IntArray,
    predicted: IntArray,
    groups: Mapping[str, Sequence[str | None]],
    labels: Sequence[str],
    min_utterances: int = MIN_UTTERANCES_FOR_GAP,
) -> dict[str, Any]:
    """Score each group by itself: attribute -> its values with counts and scores, and the gap between them.

    The scores are means over seeds; UA and macro-F1 are over the classes that occur in the group, and the classes
    that do not are named, as groups with other classes do not compare. The gap grows with the number of values by
    chance alone: it describes, it tests nothing.

    Args:
        truth: true labels, (utterances,).
        predicted: predicted labels, (seeds, utterances).
        groups: attribute ("gender") -> its value for each utterance; None if unknown.
        labels: the names of the labels, in order.
        min_utterances: how many utterances a value must have to count for the gap.

    Returns:
        attribute -> {"values": {value: {"n", "wa", "ua", "macro_f1", "missing_classes"}}, "unknown": utterances
        without a value, "gap": {"ua", "highest", "lowest", "values", "fewest"}}, where `values` counts those that
        have `min_utterances` and `ua`, `highest`, `lowest` are None below two of them.
    """
    return {
        attribute: _attribute(truth, predicted, list(values), labels, min_utterances)
        for attribute, values in groups.items()
    }


def _attribute(
    truth: IntArray, predicted: IntArray, values: list[str | None], labels: Sequence[str], min_utterances: int
) -> dict[str, Any]:
    known = np.array([value is not None for value in values], dtype=np.bool_)
    names, counts = group_confusions(
        truth[known], predicted[:, known], [value for value in values if value is not None], len(labels)
    )
    scores = {name: _scores(counts[:, number], labels) for number, name in enumerate(names)}
    return {"values": scores, "unknown": int((~known).sum()), "gap": _gap(scores, min_utterances)}


def _scores(counts: Counts, labels: Sequence[str]) -> dict[str, Any]:
    """Score (seeds, labels, labels)."""
    support = counts[0].sum(axis=1)
    means: dict[str, Any] = {
        name: float(np.mean([metric(confusion) for confusion in counts]))
        for name, metric in CONFUSION_METRICS.items()
    }
    missing = [label for label, count in zip(labels, support, strict=True) if not count]
    return {"n": int(support.sum())} | means | {"missing_classes": missing}


def _gap(scores: Mapping[str, Mapping[str, Any]], min_utterances: int) -> dict[str, Any]:
    ua = {name: score["ua"] for name, score in scores.items() if score["n"] >= min_utterances}
    gap: dict[str, Any] = {
        "ua": None,
        "highest": None,
        "lowest": None,
        "values": len(ua),
        "fewest": min_utterances,
    }
    if len(ua) < 2:
        return gap
    highest, lowest = max(ua, key=lambda name: ua[name]), min(ua, key=lambda name: ua[name])
    return gap | {"ua": ua[highest] - ua[lowest], "highest": highest, "lowest": lowest}
