from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.errors import CorpusError
from emofuse.evaluation.scores import confusion_text, evaluate_confusion, evaluate_labels
from emofuse.types import ClassScore, Evaluation, Skip

FIXED = settings(derandomize=True, deadline=None)
LABELS = ("angry", "happy", "sad")
TRUTH = {"a": "angry", "b": "angry", "c": "happy", "d": "happy", "e": "happy"}
PREDICTED = {"a": "angry", "b": "sad", "c": "happy", "d": "happy", "e": "angry"}


def evaluation(*rows: tuple[int, ...]) -> Evaluation:
    return evaluate_confusion(np.array(rows), LABELS[: len(rows)])


def test_an_evaluation_computed_by_hand() -> None:
    assert evaluate_labels(TRUTH, PREDICTED, LABELS) == Evaluation(
        n=5,
        labels=LABELS,
        wa=pytest.approx(3 / 5),
        ua=pytest.approx((1 / 2 + 2 / 3) / 2),
        macro_f1=pytest.approx((1 / 2 + 4 / 5) / 2),
        per_class={
            "angry": ClassScore(recall=0.5, precision=0.5, f1=0.5, support=2),
            "happy": ClassScore(recall=pytest.approx(2 / 3), precision=1.0, f1=pytest.approx(0.8), support=3),
            "sad": ClassScore(recall=None, precision=0.0, f1=None, support=0),
        },
        confusion=((1, 0, 1), (1, 2, 0), (0, 0, 0)),
        missing_classes=("sad",),
    )


def test_predictions_are_found_by_id_whatever_their_order() -> None:
    reordered = dict(reversed(PREDICTED.items()))
    assert evaluate_labels(TRUTH, reordered, LABELS) == evaluate_labels(TRUTH, PREDICTED, LABELS)


def test_predictions_of_utterances_without_a_label_are_not_scored() -> None:
    assert evaluate_labels(TRUTH, PREDICTED | {"z": "sad"}, LABELS).n == 5


def test_what_was_skipped_is_kept_with_its_reason() -> None:
    skipped = (Skip("z", "broken"),)
    assert evaluate_labels(TRUTH, PREDICTED, LABELS, iter(skipped)).skipped == skipped


def test_a_class_that_is_never_predicted_has_no_precision_and_an_f1_of_zero() -> None:
    score = evaluation((2, 0), (1, 0)).per_class["happy"]
    assert score == ClassScore(recall=0.0, precision=None, f1=0.0, support=1)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(CorpusError, match="no labelled utterance to score"):
        evaluate_labels({}, PREDICTED, LABELS)


def test_a_missing_prediction_is_refused_with_the_count_and_the_first() -> None:
    with pytest.raises(CorpusError, match="2 utterances have no prediction, the first is 'b'"):
        evaluate_labels(TRUTH, {i: PREDICTED[i] for i in "ace"} | {"x": "sad"}, LABELS)


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [("calm", "angry"), ("angry", "calm")],
    ids=["true", "predicted"],
)
def test_a_label_that_the_task_does_not_have_is_refused_by_name(truth: str, predicted: str) -> None:
    with pytest.raises(CorpusError, match="calm"):
        evaluate_labels({"a": truth}, {"a": predicted}, LABELS)


@FIXED
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30))
def test_an_evaluation_of_labels_is_that_of_their_confusion_matrix(pairs: list[tuple[str, str]]) -> None:
    truth = {str(n): label for n, (label, _) in enumerate(pairs)}
    predicted = {str(n): label for n, (_, label) in enumerate(pairs)}
    counts = np.array([[pairs.count((row, column)) for column in LABELS] for row in LABELS])
    assert evaluate_labels(truth, predicted, LABELS) == evaluate_confusion(counts, LABELS)


def test_an_evaluation_holds_plain_numbers_only() -> None:
    found = evaluation((2, 0), (1, 0))
    assert {type(value) for value in (found.wa, found.ua, found.macro_f1)} == {float}
    assert {type(cell) for row in found.confusion for cell in row} == {type(found.n)} == {int}


def test_a_confusion_matrix_as_text_has_the_truth_down_and_the_predictions_across() -> None:
    lines = confusion_text([[10, 2], [0, 345]], ["angry", "sad"]).split("\n")
    assert [line.split() for line in lines] == [
        ["true", "\\", "predicted", "angry", "sad"],
        ["angry", "10", "2"],
        ["sad", "0", "345"],
        [],
    ]


def test_means_of_counts_are_shown_with_one_decimal() -> None:
    lines = confusion_text([[10.0, 2.25], [0.0, 345.0]], ["angry", "sad"]).split("\n")
    assert [line.split()[-2:] for line in lines[1:3]] == [["10.0", "2.2"], ["0.0", "345.0"]]


@pytest.mark.parametrize(
    "labels",
    [
        ("a", "b"),
        ("overwhelmed-again", "sad"),
        ("worried-or-frightened", "sad"),
    ],
)
def test_the_columns_of_a_confusion_matrix_as_text_stand_under_each_other(labels: tuple[str, ...]) -> None:
    lines = confusion_text([[1, 20], [3, 44]], labels).splitlines()
    assert len({len(line) for line in lines}) == 1
