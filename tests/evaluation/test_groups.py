from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from emofuse.evaluation.groups import group_scores

FIXED = settings(derandomize=True, deadline=None)
LABELS = ("angry", "happy", "sad")
TRUTH = np.array([0, 0, 1, 1, 0, 1, 1, 2])
PREDICTED = np.array([[0, 1, 1, 1, 0, 0, 0, 2]])
GENDER = ["F", "F", "F", "F", "M", "M", "M", "M"]


def test_groups_computed_by_hand() -> None:
    found = group_scores(TRUTH, PREDICTED, {"gender": GENDER}, LABELS, min_utterances=4)["gender"]
    assert found["values"]["F"] == {
        "n": 4,
        "wa": 3 / 4,
        "ua": pytest.approx((1 / 2 + 1) / 2),
        "macro_f1": pytest.approx((2 / 3 + 4 / 5) / 2),
        "missing_classes": ["sad"],
    }
    assert found["values"]["M"] == {
        "n": 4,
        "wa": 2 / 4,
        "ua": pytest.approx((1 + 0 + 1) / 3),
        "macro_f1": pytest.approx((2 / 4 + 0 + 1) / 3),
        "missing_classes": [],
    }
    assert found["unknown"] == 0
    assert found["gap"] == {
        "ua": pytest.approx(3 / 4 - 2 / 3),
        "highest": "F",
        "lowest": "M",
        "values": 2,
        "fewest": 4,
    }


@FIXED
@given(st.integers(0, 200))
def test_scores_agree_with_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, groups = generator.integers(0, 3, size=60), np.array(["a", "b"])[generator.integers(0, 2, size=60)]
    predicted = generator.integers(0, 3, size=(2, 60))
    found = group_scores(truth, predicted, {"style": groups.tolist()}, LABELS)["style"]["values"]
    for name in ("a", "b"):
        own = groups == name
        wa = [reference.accuracy_score(truth[own], answers[own]) for answers in predicted]
        ua = [reference.balanced_accuracy_score(truth[own], answers[own]) for answers in predicted]
        f1 = [reference.f1_score(truth[own], answers[own], average="macro") for answers in predicted]
        assert found[name]["n"] == own.sum()
        assert [found[name][metric] for metric in ("wa", "ua", "macro_f1")] == pytest.approx(
            [np.mean(wa), np.mean(ua), np.mean(f1)]
        )


def test_a_small_group_is_scored_and_has_no_say_in_the_gap() -> None:
    truth = np.zeros(25, dtype=np.int64)
    predicted = np.array([[0] * 10 + [0] * 8 + [1] * 4 + [1] * 3])
    speakers = ["a"] * 10 + ["b"] * 12 + ["c"] * 3
    found = group_scores(truth, predicted, {"speaker": speakers}, LABELS)["speaker"]
    assert found["values"]["c"]["ua"] == 0.0
    assert found["gap"] == {
        "ua": pytest.approx(1 - 8 / 12),
        "highest": "a",
        "lowest": "b",
        "values": 2,
        "fewest": 10,
    }


def test_one_group_has_no_gap() -> None:
    gap = group_scores(TRUTH, PREDICTED, {"gender": ["F"] * 8}, LABELS, min_utterances=1)["gender"]["gap"]
    assert gap == {"ua": None, "highest": None, "lowest": None, "values": 1, "fewest": 1}


def test_utterances_of_an_unknown_value_are_counted_and_not_scored() -> None:
    found = group_scores(TRUTH, PREDICTED, {"gender": ["F", None, *GENDER[2:]]}, LABELS)["gender"]
    assert found["unknown"] == 1
    assert found["values"]["F"]["n"] == 3
    nothing = group_scores(TRUTH, PREDICTED, {"gender": [None] * 8}, LABELS)["gender"]
    assert nothing["unknown"] == 8
    assert nothing["values"] == {}
    assert nothing["gap"]["ua"] is None


def test_attributes_stand_side_by_side_as_plain_json() -> None:
    text = ["gold", "asr:x"] * 4
    found = group_scores(TRUTH, PREDICTED, {"gender": GENDER, "text": text}, LABELS)
    assert list(found) == ["gender", "text"]
    assert set(found["text"]["values"]) == {"gold", "asr:x"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_groups_weighted_by_size_give_the_whole_accuracy_again() -> None:
    values = group_scores(TRUTH, PREDICTED, {"gender": GENDER}, LABELS)["gender"]["values"].values()
    assert sum(each["n"] * each["wa"] for each in values) / 8 == (PREDICTED[0] == TRUTH).mean()
