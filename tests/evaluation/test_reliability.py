from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from emofuse.evaluation.reliability import (
    Bin,
    abstention_threshold,
    coverage_risk,
    cross_fitted_threshold,
    reliability,
)

FIXED = settings(derandomize=True, deadline=None)
# Eighths, so that there are ties.
JUDGED = st.lists(st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.booleans()), min_size=1, max_size=40)
Judged = list[tuple[float, bool]]


def arrays(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    return np.array([confidence for confidence, _ in judged]), np.array([correct for _, correct in judged])


def slow_bins(judged: Judged, bins: int) -> list[tuple[float, float, int]]:
    """Put each confidence where the middle of its ranks falls among as many equal parts."""
    bins = min(bins, len(judged))
    parts: dict[int, Judged] = {}
    for confidence, correct in judged:
        below = sum(other < confidence for other, _ in judged)
        same = sum(other == confidence for other, _ in judged)
        twice_middle = 2 * below + same - 1
        parts.setdefault(twice_middle * bins // (2 * len(judged)), []).append((confidence, correct))
    return [
        (sum(c for c, _ in part) / len(part), sum(r for _, r in part) / len(part), len(part))
        for _, part in sorted(parts.items())
    ]


def slow_risk(judged: Judged, threshold: float) -> float:
    accepted = [correct for confidence, correct in judged if confidence >= threshold]
    return 1 - sum(accepted) / len(accepted)


@FIXED
@given(JUDGED, st.integers(1, 20))
def test_bins_agree_with_a_second_implementation(judged: Judged, bins: int) -> None:
    found = reliability(*arrays(judged), bins)
    expected = slow_bins(judged, bins)
    assert [each.n for each in found] == [n for _, _, n in expected]
    assert [each.confidence for each in found] == pytest.approx([confidence for confidence, _, _ in expected])
    assert [each.accuracy for each in found] == pytest.approx([accuracy for _, accuracy, _ in expected])


def test_bins_without_ties_have_equal_mass() -> None:
    confidence = np.random.default_rng(0).permutation(np.linspace(0.3, 1, 150))
    found = reliability(confidence, confidence > 0.5)
    assert [each.n for each in found] == [10] * 15
    assert all(before.high < after.low for before, after in pairwise(found))


def test_the_same_confidence_is_never_in_two_bins() -> None:
    found = reliability(np.array([0.5] * 90 + [0.9] * 10), np.array([True] * 40 + [False] * 50 + [True] * 10))
    assert found == (Bin(0.5, 0.5, pytest.approx(0.5), 40 / 90, 90), Bin(0.9, 0.9, pytest.approx(0.9), 1.0, 10))


@FIXED
@given(JUDGED, st.randoms())
def test_bins_do_not_depend_on_the_order_of_utterances(judged: Judged, random: Random) -> None:
    shuffled = sorted(judged, key=lambda _: random.random())
    found, again = reliability(*arrays(judged)), reliability(*arrays(shuffled))
    assert [each.n for each in found] == [each.n for each in again]
    assert [each.accuracy for each in found] == pytest.approx([each.accuracy for each in again])


def test_fewer_utterances_than_bins_are_one_to_a_bin() -> None:
    assert [each.n for each in reliability(np.array([0.2, 0.9, 0.4]), np.array([True, True, False]))] == [1, 1, 1]
    assert reliability(np.array([]), np.array([], dtype=np.bool_)) == ()


@FIXED
@given(JUDGED)
def test_the_coverage_risk_curve_agrees_with_a_second_implementation(judged: Judged) -> None:
    found = coverage_risk(*arrays(judged))
    wanted = sorted({confidence for confidence, _ in judged}, reverse=True)
    assert found.thresholds == tuple(wanted)
    assert found.coverage == pytest.approx(
        [sum(confidence >= threshold for confidence, _ in judged) / len(judged) for threshold in wanted]
    )
    assert found.risk == pytest.approx([slow_risk(judged, threshold) for threshold in wanted], abs=1e-12)
    assert found.area == pytest.approx(
        sum(slow_risk(judged, confidence) for confidence, _ in judged) / len(judged), abs=1e-12
    )


def test_the_risk_is_one_minus_the_precision_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    confidence = generator.uniform(size=80)
    correct = generator.uniform(size=80) < confidence
    found = coverage_risk(confidence, correct)
    precision, _, thresholds = reference.precision_recall_curve(correct, confidence)
    assert found.thresholds == pytest.approx(thresholds[::-1])
    assert 1 - np.array(found.risk) == pytest.approx(precision[:-1][::-1])


def test_a_coverage_risk_curve_computed_by_hand() -> None:
    found = coverage_risk(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]))
    assert found.coverage == (0.25, 0.5, 0.75, 1.0)
    assert found.risk == pytest.approx((0, 1 / 2, 1 / 3, 1 / 2))
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_confidence_that_ranks_perfectly_has_the_least_area() -> None:
    correct = np.array([True] * 6 + [False] * 4)
    best = coverage_risk(np.linspace(1, 0.1, 10), correct).area
    worst = coverage_risk(np.linspace(0.1, 1, 10), correct).area
    blind = coverage_risk(np.full(10, 0.5), correct).area
    assert best < blind < worst
    assert blind == pytest.approx(0.4)
    assert best == pytest.approx(sum(k / (6 + k) for k in range(1, 5)) / 10)


def test_no_utterances_have_no_curve() -> None:
    found = coverage_risk(np.array([]), np.array([], dtype=np.bool_))
    assert found.thresholds == ()
    assert math.isnan(found.area)


@FIXED
@given(JUDGED, st.integers(1, 10).map(lambda n: n / 10), st.integers(1, 12))
def test_the_threshold_agrees_with_a_second_implementation(judged: Judged, accuracy: float, fewest: int) -> None:
    good = []
    for threshold in {confidence for confidence, _ in judged}:
        accepted = [correct for confidence, correct in judged if confidence >= threshold]
        if len(accepted) >= fewest and sum(accepted) >= accuracy * len(accepted) - 1e-9:
            good.append(threshold)
    expected = min(good, default=None)
    if expected == min(confidence for confidence, _ in judged):
        expected = 0.0
    assert abstention_threshold(*arrays(judged), accuracy, fewest) == expected


def test_a_threshold_is_the_smallest_that_reaches_the_accuracy() -> None:
    confidence = np.linspace(0.05, 1, 20)
    correct = confidence > 0.42
    # 12 of 20 are right, those above 0.42; 12 of the uppermost 15 are four in five.
    assert abstention_threshold(confidence, correct, 0.8) == pytest.approx(0.30)
    assert abstention_threshold(confidence, correct, 1.0) == pytest.approx(0.45)
    assert abstention_threshold(confidence, correct, 0.6) == 0.0


def test_an_accuracy_that_is_never_reached_has_no_threshold() -> None:
    assert abstention_threshold(np.linspace(0, 1, 30), np.arange(30) % 2 == 0, 0.9) is None
    assert abstention_threshold(np.array([]), np.array([], dtype=np.bool_), 0.9) is None


def test_a_threshold_does_not_rest_on_a_handful_of_utterances() -> None:
    confidence, correct = np.linspace(0, 1, 30), np.arange(30) >= 25
    assert abstention_threshold(confidence, correct, 1.0) is None
    assert abstention_threshold(confidence, correct, 1.0, min_accepted=5) == pytest.approx(25 / 29)


def drawn(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    confidence = rng.beta(3, 2, count)
    return confidence, rng.random(count) < 0.25 + 0.55 * confidence


def test_a_cross_fitted_threshold_keeps_on_others_what_a_selected_one_does_not() -> None:
    others, plain, fitted = drawn(np.random.default_rng(99), 20_000), [], []
    for seed in range(60):
        here = drawn(np.random.default_rng(seed), 200)
        for found, select in ((plain, abstention_threshold), (fitted, cross_fitted_threshold)):
            threshold = select(*here, 0.7)
            if threshold is not None:
                found.append(others[1][others[0] >= threshold].mean())
    assert len(plain) == len(fitted)  # what the target cannot be reached by is the same
    assert np.mean(plain) < 0.69 < np.mean(fitted)


def test_a_cross_fitted_threshold_is_no_lower_and_does_not_depend_on_the_order() -> None:
    confidence, correct = drawn(np.random.default_rng(5), 200)
    found = cross_fitted_threshold(confidence, correct, 0.7)
    assert found is not None
    assert found >= (abstention_threshold(confidence, correct, 0.7) or 0.0)
    assert found == cross_fitted_threshold(confidence[::-1], correct[::-1], 0.7)
    assert cross_fitted_threshold(confidence, np.ones(200, dtype=np.bool_), 0.7) == 0.0
    assert cross_fitted_threshold(confidence, np.zeros(200, dtype=np.bool_), 0.7) is None
