"""Sets of labels instead of one: split conformal prediction, with the coverage that was in fact seen.

Its promise holds for utterances that are exchangeable with those it was fitted on; those of new speakers are not.
So nothing here is a guarantee: the coverage on each held-out speaker is what to look at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from emofuse.evaluation.reliability import Flags
from emofuse.types.arrays import Float64Array, IntArray


def conformal_quantile(probabilities: Float64Array, truth: IntArray, level: float) -> float:
    """Return the score up to which labels go into a set that shall hold the truth with probability `level`.

    Split conformal prediction with the score 1 - p(label) (LAC, Sadinle et al. 2019): of the usual scores the one
    with the smallest sets, at the price that hard utterances are covered less than easy ones. The quantile is the
    ceil((n + 1) level)-th smallest score of the true labels, (utterances,), under (utterances, labels); 1.0, which
    lets all labels in, where there are too few utterances for that.
    """
    scores = np.sort(1 - np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0])
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return float(scores[rank - 1]) if rank <= len(scores) else 1.0


def prediction_sets(probabilities: Float64Array, quantile: float | Float64Array) -> Flags:
    """Return which labels are in each utterance's set, (utterances, labels); it is empty where none is likely.

    Args:
        probabilities: (utterances, labels).
        quantile: see `conformal_quantile`; or one for each utterance, (utterances,), such as that of its fold.
    """
    return np.asarray(1 - probabilities <= np.reshape(quantile, (-1, 1)))


def coverage_by_group(sets: Flags, truth: IntArray, groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return for each group, such as a speaker, how often its sets hold the truth and how large they are."""
    covered = np.take_along_axis(sets, truth[:, None], axis=1)[:, 0]
    named = np.asarray(groups, dtype=np.str_)
    return {
        str(name): {
            "n": int((named == name).sum()),
            "coverage": float(covered[named == name].mean()),
            "mean_size": float(sets[named == name].sum(axis=1).mean()),
        }
        for name in np.unique(named)
    }
