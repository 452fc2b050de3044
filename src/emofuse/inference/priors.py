"""How frequent labels are where a model is used, beside how frequent they were where it learnt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emofuse.errors import RecipeError
from emofuse.evaluation.calibration import adapt_priors
from emofuse.types import Task
from emofuse.types.arrays import Float64Array


def checked_priors(
    used: Mapping[str, float], trained: Mapping[str, float], task: Task
) -> tuple[Float64Array, Float64Array]:
    """Return the priors of training and those of use, in the order of the labels.

    Raises:
        RecipeError: the priors are not one share a label, or the model did not write down its own.
    """
    if task.multi_label:
        raise RecipeError("priors are for models that tell one label; this one tells any number at once")
    if not trained:
        raise RecipeError("priors: the model does not say how frequent labels were in training; train it anew")
    if set(used) != set(task.labels):
        raise RecipeError(f"priors need a share for each of {', '.join(task.labels)}, and no others")
    pairs = [(trained.get(label, 0.0), used[label]) for label in task.labels]
    before, now = np.array(pairs, dtype=np.float64).T
    adapt_priors(np.ones((1, len(pairs))), before, now)  # refuses what is no frequency
    return before, now
