"""The label frequencies where a model is used, beside those of its training part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emofuse.errors import RecipeError
from emofuse.evaluation.calibration import adapt_priors
from emofuse.types import Task
from emofuse.types.arrays import Float64Array


@dataclass(frozen=True)
class PriorShift:
    """From the label frequencies of training to others; both (labels,), in the order of the task.

    Attributes:
        trained: of the training part.
        used: where the model is used.
    """

    trained: Float64Array
    used: Float64Array

    @classmethod
    def of(cls, used: Mapping[str, float], trained: Mapping[str, float], task: Task) -> PriorShift:
        """Put the frequencies in the order of the labels.

        Raises:
            RecipeError: `used` is not one share per label, or the frequencies of training are not known.
        """
        if task.multi_label:
            raise RecipeError("priors are for models that predict one label; this one predicts any number at once")
        if not trained:
            raise RecipeError(
                "priors: the model does not say how frequent labels were in training; train it again"
            )
        if set(used) != set(task.labels):
            raise RecipeError(f"priors need a share for each of {', '.join(task.labels)}, and no others")
        pairs = [(trained.get(label, 0.0), used[label]) for label in task.labels]
        before, now = np.array(pairs, dtype=np.float64).T
        adapt_priors(np.ones((1, len(pairs))), before, now)  # refuses what is no frequency
        return cls(before, now)

    def apply(self, probabilities: Float64Array) -> Float64Array:
        """Adapt probabilities, (utterances, labels)."""
        return adapt_priors(probabilities, self.trained, self.used)
