"""Scores of several labels at once, compared with those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from emofuse.evaluation.multilabel import multilabel_scores

LABELS = ("angry", "happy", "sad")


def test_each_label_is_scored_by_itself_as_in_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.random((40, 3)) < 0.4, rng.random((40, 3)) < 0.5
    scores = multilabel_scores(truth, predicted, LABELS)
    for number, label in enumerate(LABELS):
        true, positive = truth[:, number], predicted[:, number]
        assert scores["per_label"][label] == {
            "f1": pytest.approx(f1_score(true, positive)),
            "balanced_accuracy": pytest.approx(balanced_accuracy_score(true, positive)),
            "support": int(true.sum()),
        }
    assert scores["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_a_label_that_is_never_there_has_no_f1_and_the_recall_of_its_absence() -> None:
    truth, predicted = np.zeros((4, 1), dtype=bool), np.array([[True], [False], [False], [False]])
    scores = multilabel_scores(truth, predicted, ("sad",))["per_label"]["sad"]
    assert scores == {"f1": 0.0, "balanced_accuracy": 0.75, "support": 0}
