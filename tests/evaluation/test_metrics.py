from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from emofuse.evaluation.metrics import (
    Counts,
    confusion_matrix,
    f1_scores,
    macro_f1,
    precisions,
    recalls,
    unweighted_accuracy,
    weighted_accuracy,
)

FIXED = settings(derandomize=True, deadline=None)
# Three labels; of 4, 3 and 3 utterances, 2, 3 and 0 are right.
COUNTED = np.array([[2, 1, 1], [0, 3, 0], [1, 2, 0]])
# The second label does not occur, the third is never found, the fourth is never predicted.
GAPS = np.array([[3, 1, 1, 0], [0, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0]])

LABELS = 5
PAIRS = st.lists(st.tuples(st.integers(0, LABELS - 1), st.integers(0, LABELS - 1)), min_size=1, max_size=60)
Pairs = list[tuple[int, int]]


def counts_of(pairs: Pairs) -> Counts:
    truth, predicted = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    return confusion_matrix(truth, predicted, LABELS)


def slow_recall(pairs: Pairs, label: int) -> float:
    answers = [predicted for truth, predicted in pairs if truth == label]
    return answers.count(label) / len(answers) if answers else math.nan


def slow_precision(pairs: Pairs, label: int) -> float:
    truths = [truth for truth, predicted in pairs if predicted == label]
    return truths.count(label) / len(truths) if truths else math.nan


def slow_f1(pairs: Pairs, label: int) -> float:
    recall, precision = slow_recall(pairs, label), slow_precision(pairs, label)
    if math.isnan(recall):
        return math.nan
    return 2 * recall * precision / (recall + precision) if recall > 0 else 0.0


def mean_over_classes_that_occur(pairs: Pairs, score: Callable[[Pairs, int], float]) -> float:
    occurring = {truth for truth, _ in pairs}
    return sum(score(pairs, label) for label in occurring) / len(occurring)


def test_a_confusion_matrix_has_the_truth_in_its_rows() -> None:
    counts = confusion_matrix(np.array([0, 0, 0, 1, 2]), np.array([1, 1, 0, 1, 0]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 1, 0], [1, 0, 0]]


@FIXED
@given(PAIRS)
def test_a_confusion_matrix_counts_each_pair(pairs: Pairs) -> None:
    expected = [[pairs.count((row, column)) for column in range(LABELS)] for row in range(LABELS)]
    assert counts_of(pairs).tolist() == expected


def test_values_computed_by_hand() -> None:
    assert weighted_accuracy(COUNTED) == pytest.approx(5 / 10)
    assert unweighted_accuracy(COUNTED) == pytest.approx((2 / 4 + 3 / 3 + 0 / 3) / 3)
    assert recalls(COUNTED) == pytest.approx([1 / 2, 1, 0])
    assert precisions(COUNTED) == pytest.approx([2 / 3, 1 / 2, 0])
    assert f1_scores(COUNTED) == pytest.approx([4 / 7, 2 / 3, 0])
    assert macro_f1(COUNTED) == pytest.approx((4 / 7 + 2 / 3 + 0) / 3)


def test_a_class_that_does_not_occur_is_left_out_and_not_counted_as_zero() -> None:
    assert weighted_accuracy(GAPS) == pytest.approx(3 / 8)
    assert unweighted_accuracy(GAPS) == pytest.approx((3 / 5 + 0 + 0) / 3)
    assert macro_f1(GAPS) == pytest.approx((6 / 11 + 0 + 0) / 3)
    assert recalls(GAPS) == pytest.approx([3 / 5, math.nan, 0, 0], nan_ok=True)
    assert precisions(GAPS) == pytest.approx([1 / 2, 0, 0, math.nan], nan_ok=True)
    assert f1_scores(GAPS) == pytest.approx([6 / 11, math.nan, 0, 0], nan_ok=True)


def test_all_right_is_one_and_all_wrong_is_zero() -> None:
    right, wrong = np.diag([3, 1, 2]), np.array([[0, 3], [2, 0]])
    for metric in (weighted_accuracy, unweighted_accuracy, macro_f1):
        assert metric(right) == 1.0
        assert metric(wrong) == 0.0


def test_one_frequent_class_does_not_lift_the_unweighted_accuracy() -> None:
    always_the_first = np.array([[97, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    assert weighted_accuracy(always_the_first) == 0.97
    assert unweighted_accuracy(always_the_first) == 0.25


@FIXED
@given(PAIRS)
def test_accuracies_agree_with_a_second_implementation(pairs: Pairs) -> None:
    counts = counts_of(pairs)
    right = sum(truth == predicted for truth, predicted in pairs) / len(pairs)
    assert weighted_accuracy(counts) == pytest.approx(right)
    assert unweighted_accuracy(counts) == pytest.approx(mean_over_classes_that_occur(pairs, slow_recall))


@FIXED
@given(PAIRS)
def test_scores_of_each_class_agree_with_a_second_implementation(pairs: Pairs) -> None:
    counts = counts_of(pairs)
    for scores, slow in ((recalls, slow_recall), (precisions, slow_precision), (f1_scores, slow_f1)):
        expected = [slow(pairs, label) for label in range(LABELS)]
        assert scores(counts) == pytest.approx(expected, nan_ok=True)


@FIXED
@given(PAIRS)
def test_macro_f1_agrees_with_a_second_implementation(pairs: Pairs) -> None:
    assert macro_f1(counts_of(pairs)) == pytest.approx(mean_over_classes_that_occur(pairs, slow_f1))


@FIXED
@given(PAIRS)
def test_metrics_agree_with_scikit_learn(pairs: Pairs) -> None:
    truth, predicted = zip(*pairs, strict=True)
    counts, labels = counts_of(pairs), range(LABELS)
    with warnings.catch_warnings(action="ignore"):
        ua = reference.balanced_accuracy_score(truth, predicted)
        f1 = reference.f1_score(truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0)
    assert counts.tolist() == reference.confusion_matrix(truth, predicted, labels=labels).tolist()
    assert weighted_accuracy(counts) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert unweighted_accuracy(counts) == pytest.approx(ua)
    assert macro_f1(counts) == pytest.approx(f1)


@FIXED
@given(PAIRS, st.permutations(range(LABELS)))
def test_metrics_do_not_depend_on_the_order_of_labels(pairs: Pairs, order: list[int]) -> None:
    counts, renamed = counts_of(pairs), counts_of([(order[truth], order[predicted]) for truth, predicted in pairs])
    for metric in (weighted_accuracy, unweighted_accuracy, macro_f1):
        assert metric(renamed) == pytest.approx(metric(counts))


@FIXED
@given(PAIRS)
def test_metrics_lie_between_zero_and_one(pairs: Pairs) -> None:
    for metric in (weighted_accuracy, unweighted_accuracy, macro_f1):
        assert 0.0 <= metric(counts_of(pairs)) <= 1.0


@FIXED
@given(PAIRS)
def test_with_as_many_of_each_class_both_accuracies_are_the_same(pairs: Pairs) -> None:
    balanced = [(label, predicted) for _, predicted in pairs for label in range(LABELS)]
    counts = counts_of(balanced)
    assert weighted_accuracy(counts) == pytest.approx(unweighted_accuracy(counts))


def test_no_warning_is_given_for_classes_that_do_not_occur() -> None:
    with warnings.catch_warnings(action="error"):
        unweighted_accuracy(GAPS)
        macro_f1(GAPS)
        precisions(GAPS)
