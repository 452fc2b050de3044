from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from emofuse.evaluation.metrics import (
    CONFUSION_METRICS,
    Counts,
    MetricName,
    brier_score,
    concordance,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    macro_f1,
    negative_log_likelihood,
    precisions,
    recalls,
    soft_cross_entropy,
    unweighted_accuracy,
    weighted_accuracy,
)
from emofuse.evaluation.scores import METRICS
from emofuse.types.arrays import Float64Array, IntArray

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


def probable(utterances: int, labels: int, seed: int) -> tuple[Float64Array, IntArray]:
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(labels), size=utterances), generator.integers(0, labels, size=utterances)


SIZES = st.tuples(st.integers(1, 40), st.integers(2, 6), st.integers(0, 999))
SERIES = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=2, max_size=30)


def test_metrics_have_the_names_of_results() -> None:
    assert tuple(CONFUSION_METRICS) == METRICS == get_args(MetricName)


@FIXED
@given(SERIES)
def test_the_concordance_agrees_with_a_second_implementation(pairs: Pairs) -> None:
    truth, predicted = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    # Lin's other form: one minus the mean squared distance over what it would be without any correlation.
    apart = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    independent = sum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    expected = 1 - apart / independent if independent else math.nan
    assert concordance(truth, predicted) == pytest.approx(expected, nan_ok=True)


@FIXED
@given(SERIES.filter(lambda pairs: len({a for a, _ in pairs}) > 1 and len({b for _, b in pairs}) > 1))
def test_the_concordance_is_the_correlation_of_scipy_times_the_agreement_of_scales(pairs: Pairs) -> None:
    truth, predicted = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    ratio, shift = truth.std() / predicted.std(), (truth.mean() - predicted.mean()) ** 2
    agreement = 2 / (ratio + 1 / ratio + shift / (truth.std() * predicted.std()))
    assert concordance(truth, predicted) == pytest.approx(stats.pearsonr(truth, predicted).statistic * agreement)


def test_concordances_computed_by_hand() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    # Variances and covariance are 2/3, the means one apart: (4/3) / (4/3 + 1).
    assert concordance(truth, truth + 1) == pytest.approx(4 / 7)
    assert concordance(truth, 4 - truth) == pytest.approx(-1)
    assert concordance(truth, truth) == pytest.approx(1)
    assert concordance(truth, np.full(3, 2.0)) == 0.0
    # Means 1 and 2/3, variances 2/3 and 2/9, covariance 1/3: (2/3) / (8/9 + 1/9).
    assert concordance(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])) == pytest.approx(2 / 3)
    assert math.isnan(concordance(np.ones(3), np.ones(3)))


@FIXED
@given(SIZES)
def test_probabilistic_scores_agree_with_scikit_learn(size: tuple[int, int, int]) -> None:
    probabilities, truth = probable(*size)
    labels = range(size[1])
    assert negative_log_likelihood(probabilities, truth) == pytest.approx(
        reference.log_loss(truth, probabilities, labels=labels)
    )
    one_hot = np.array([[label == own for label in labels] for own in truth])
    assert brier_score(probabilities, truth) == pytest.approx(
        size[1] * reference.mean_squared_error(one_hot.astype(float), probabilities)
    )


@FIXED
@given(SIZES)
def test_probabilistic_scores_agree_with_loops(size: tuple[int, int, int]) -> None:
    probabilities, truth = probable(*size)
    rows = list(zip(probabilities.tolist(), truth.tolist(), strict=True))
    nll = -sum(math.log(row[own]) for row, own in rows) / len(rows)
    brier = sum(sum((p - (k == own)) ** 2 for k, p in enumerate(row)) for row, own in rows) / len(rows)
    assert negative_log_likelihood(probabilities, truth) == pytest.approx(nll)
    assert brier_score(probabilities, truth) == pytest.approx(brier)
    assert soft_cross_entropy(probabilities, np.eye(size[1])[truth]) == pytest.approx(nll)


def test_probabilistic_scores_computed_by_hand() -> None:
    probabilities, truth = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]), np.array([1, 1])
    assert negative_log_likelihood(probabilities, truth) == pytest.approx(math.log(4) / 2)
    assert brier_score(probabilities, truth) == pytest.approx((0.25 + 0.5625 + 0.0625) / 2)
    shares = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    assert soft_cross_entropy(probabilities, shares) == pytest.approx((math.log(2) + math.log(4)) / 2 / 2)


def test_a_certain_mistake_costs_much_and_not_infinitely() -> None:
    certain = np.array([[1.0, 0.0]])
    assert negative_log_likelihood(certain, np.array([1])) == pytest.approx(36.04, abs=0.01)
    assert brier_score(certain, np.array([1])) == 2.0
    assert soft_cross_entropy(certain, np.array([[0.5, 0.5]])) == pytest.approx(18.02, abs=0.01)


def test_soft_cross_entropy_is_least_for_the_shares_themselves() -> None:
    shares, others = probable(30, 4, 0)[0], probable(30, 4, 1)[0]
    entropy = stats.entropy(shares, axis=1).mean()
    assert soft_cross_entropy(shares, shares) == pytest.approx(entropy)
    divergence = stats.entropy(shares, others, axis=1).mean()
    assert soft_cross_entropy(others, shares) == pytest.approx(entropy + divergence)


@FIXED
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60, unique_by=lambda each: each[0])
)
def test_the_calibration_error_agrees_with_a_second_implementation(judged: list[tuple[float, bool]]) -> None:
    parts: dict[int, list[tuple[float, bool]]] = {}
    for rank, each in enumerate(sorted(judged)):
        parts.setdefault(rank * min(15, len(judged)) // len(judged), []).append(each)
    gaps = [abs(sum(confidence - correct for confidence, correct in part)) for part in parts.values()]
    confidence, correct = (np.array(column) for column in zip(*judged, strict=True))
    assert expected_calibration_error(confidence, correct) == pytest.approx(sum(gaps) / len(judged), abs=1e-12)


def test_a_calibration_error_computed_by_hand() -> None:
    confidence, correct = np.array([0.9, 0.8, 0.6, 0.5]), np.array([True, True, False, True])
    # Two bins: 0.85 of which all are right, 0.55 of which half are.
    assert expected_calibration_error(confidence, correct, bins=2) == pytest.approx((0.15 + 0.05) / 2)
    assert expected_calibration_error(confidence, correct, bins=1) == pytest.approx(0.75 - 0.7)
    assert expected_calibration_error(confidence, correct) == pytest.approx((0.1 + 0.2 + 0.6 + 0.5) / 4)


def test_confidence_that_is_as_it_says_has_little_calibration_error() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.25, 1, size=60_000)
    correct = generator.uniform(size=60_000) < confidence
    assert expected_calibration_error(confidence, correct) < 0.01
    assert expected_calibration_error(confidence**0.5, correct) > 0.1


def test_equal_confidence_has_one_calibration_error_whatever_the_order() -> None:
    confidence, correct = np.full(40, 0.7), np.arange(40) < 20
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.2)
