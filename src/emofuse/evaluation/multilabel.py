"""Scores of multi-label tasks: of each label by itself, and their means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emofuse.evaluation.reliability import Flags


def multilabel_scores(truth: Flags, predicted: Flags, labels: Sequence[str]) -> dict[str, Any]:
    """Score labels that are there or not, both (utterances, labels).

    Returns:
        `macro_f1` and `balanced_accuracy`, means over labels, and both for each label with its `support`. F1 is 0
        for a label that is never predicted or never true. Balanced accuracy is the mean of the recall of
        utterances with the label and of those without it, which papers on CMU-MOSEI call weighted accuracy; if
        there are only utterances of one kind, it is their recall.
    """
    per_label = {}
    for number, label in enumerate(labels):
        true, positive = truth[:, number], predicted[:, number]
        hits = int((true & positive).sum())
        both = int(true.sum()) + int(positive.sum())
        recalls = [float((positive == true)[kind].mean()) for kind in (true, ~true) if kind.any()]
        per_label[label] = {
            "f1": 2 * hits / both if both else 0.0,
            "balanced_accuracy": float(np.mean(recalls)),
            "support": int(true.sum()),
        }
    return {
        "macro_f1": float(np.mean([one["f1"] for one in per_label.values()])),
        "balanced_accuracy": float(np.mean([one["balanced_accuracy"] for one in per_label.values()])),
        "per_label": per_label,
    }
