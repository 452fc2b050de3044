"""Predictions under other label frequencies than those of training."""

from __future__ import annotations

import numpy as np
import pytest

from emofuse.errors import RecipeError
from emofuse.inference.priors import PriorShift
from emofuse.types import Task

TASK = Task(("happy", "sad"))
TRAINED = {"happy": 0.5, "sad": 0.5}


def test_frequencies_follow_the_order_of_the_labels_and_weight_the_probabilities() -> None:
    shift = PriorShift.of({"sad": 0.9, "happy": 0.1}, TRAINED, TASK)
    assert (shift.trained.tolist(), shift.used.tolist()) == ([0.5, 0.5], [0.1, 0.9])
    adapted = shift.apply(np.array([[0.5, 0.5], [0.9, 0.1]]))
    np.testing.assert_allclose(adapted, [[0.1, 0.9], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("used", "trained", "task", "message"),
    [
        (
            TRAINED,
            TRAINED,
            Task(("happy", "sad"), multi_label=True),
            "priors are for models that predict one label",
        ),
        (TRAINED, {}, TASK, "the model does not say how frequent labels were in training"),
        ({"happy": 1.0}, TRAINED, TASK, "priors need a share for each of happy, sad, and no others"),
        ({"happy": -1.0, "sad": 2.0}, TRAINED, TASK, "priors need a share of 0 or more"),
    ],
)
def test_frequencies_that_do_not_fit_are_refused(
    used: dict[str, float], trained: dict[str, float], task: Task, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        PriorShift.of(used, trained, task)
