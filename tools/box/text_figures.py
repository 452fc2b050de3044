"""How good a reader is: macro-F1 over labels, of which a text may have several; thresholds from other texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from text_corpus import DIMENSIONS, LABELS
from text_training import TextOutputs

from emofuse.evaluation.metrics import concordance, confusion_matrix, f1_scores, macro_f1
from emofuse.types.arrays import Float32Array

CANDIDATES = np.arange(0.04, 0.9, 0.01)
# A threshold must be good in its neighbourhood, not by chance: curves of F1 are averaged over so many candidates.
SMOOTHED = 5


def thresholds(truth: Float32Array, predicted: Float32Array) -> Float32Array:
    """Return for each label the probability from which on its F1 is best; both (texts, labels)."""
    best = []
    for column, wanted in zip(predicted.T, truth.T, strict=True):
        curve = np.array([_f1(wanted, column > one) for one in CANDIDATES])
        smooth = np.convolve(np.pad(curve, SMOOTHED // 2, mode="edge"), np.ones(SMOOTHED) / SMOOTHED, "valid")
        best.append(CANDIDATES[int(smooth.argmax())])
    return np.array(best, dtype=np.float32)


def figures(truth: Float32Array, predicted: Float32Array, limits: Float32Array) -> dict[str, Any]:
    """Return macro-F1 over all texts, each label for itself, and over those with one label, the likeliest taken.

    The likeliest is the one whose probability is highest in shares of its threshold.
    """
    each = [
        _f1(wanted, column > limit) for wanted, column, limit in zip(truth.T, predicted.T, limits, strict=True)
    ]
    one = truth.sum(1) == 1
    counts = confusion_matrix(truth[one].argmax(1), (predicted[one] / limits).argmax(1), truth.shape[1])
    return {
        "n": len(truth),
        "macro_f1": float(np.mean(each)),
        "f1": dict(zip(LABELS.values(), each, strict=True)),
        "one_label": {"n": int(one.sum()), "macro_f1": macro_f1(counts)},
    }


def agreement(truth: Float32Array, predicted: Mapping[str, TextOutputs]) -> dict[str, dict[str, float]]:
    """Return style -> dimension -> CCC."""
    return {
        style: {
            name: concordance(truth[:, i].astype(np.float64), one.dimensions[:, i].astype(np.float64))
            for i, name in enumerate(DIMENSIONS)
        }
        for style, one in predicted.items()
    }


def _f1(wanted: Any, predicted: Any) -> float:
    """Return the F1 of one label; 0 where it does not occur."""
    if not wanted.any():
        return 0.0
    return float(f1_scores(confusion_matrix(wanted.astype(np.int64), predicted.astype(np.int64), 2))[1])
