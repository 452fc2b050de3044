"""Several labels at once: how well each is told for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emofuse.evaluation.reliability import Flags


def multilabel_scores(truth: Flags, predicted: Flags, labels: Sequence[str]) -> dict[str, Any]:
    """Score labels that are there or not, both (utterances, labels).

    Returns:
        `macro_f1` and `balanced_accuracy`, means over labels, and both for each label with its `support`. F1 is 0
        for a label that is never told or never there. Balanced accuracy is the mean of the shares found of what is
        there and of what is not, which papers on CMU-MOSEI call weighted accuracy; over utterances of one kind
        only it is the share of that kind.
    """
    per_label = {}
    for number, label in enumerate(labels):
        there, told = truth[:, number], predicted[:, number]
        hits = int((there & told).sum())
        both = int(there.sum()) + int(told.sum())
        shares = [float((told == there)[kind].mean()) for kind in (there, ~there) if kind.any()]
        per_label[label] = {
            "f1": 2 * hits / both if both else 0.0,
            "balanced_accuracy": float(np.mean(shares)),
            "support": int(there.sum()),
        }
    return {
        "macro_f1": float(np.mean([one["f1"] for one in per_label.values()])),
        "balanced_accuracy": float(np.mean([one["balanced_accuracy"] for one in per_label.values()])),
        "per_label": per_label,
    }
