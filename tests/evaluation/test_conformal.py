from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.evaluation.conformal import conformal_quantile, coverage_by_group, prediction_sets

FIXED = settings(derandomize=True, deadline=None)


def drawn(utterances: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw probabilities and labels that follow them."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(4), size=utterances)
    truth = (probabilities.cumsum(axis=1) < generator.uniform(size=(utterances, 1))).sum(axis=1)
    return probabilities, truth


def slow_quantile(probabilities: np.ndarray, truth: np.ndarray, percent: int) -> float:
    """Find the smallest score such that enough scores, of n + 1 with one at the end of all, are no larger."""
    scores = [1 - row[label] for row, label in zip(probabilities, truth, strict=True)]
    enough = [s for s in scores if 100 * sum(o <= s for o in scores) >= percent * (len(scores) + 1)]
    return min(enough, default=1.0)


@FIXED
@given(st.integers(1, 60), st.sampled_from([50, 80, 90, 95]), st.integers(0, 50))
def test_the_quantile_agrees_with_a_second_implementation(utterances: int, percent: int, seed: int) -> None:
    probabilities, truth = drawn(utterances, seed)
    assert conformal_quantile(probabilities, truth, percent / 100) == slow_quantile(probabilities, truth, percent)


def test_a_quantile_computed_by_hand() -> None:
    # Nine scores 0.1 ... 0.9: of ten, 80 % are eight, so the eighth smallest.
    own = 1 - np.arange(1, 10) / 10
    probabilities = np.stack([own, 1 - own], axis=1)
    truth = np.zeros(9, dtype=np.int64)
    assert conformal_quantile(probabilities, truth, 0.8) == pytest.approx(0.8)
    assert conformal_quantile(probabilities, truth, 0.9) == pytest.approx(0.9)
    assert conformal_quantile(probabilities, truth, 0.95) == 1.0


def test_with_too_few_utterances_all_labels_are_in_the_set() -> None:
    probabilities, truth = drawn(8)
    quantile = conformal_quantile(probabilities, truth, 0.9)
    assert quantile == 1.0
    assert prediction_sets(probabilities, quantile).all()
    assert conformal_quantile(probabilities[:0], truth[:0], 0.9) == 1.0


@FIXED
@given(st.integers(1, 60), st.integers(0, 50))
def test_sets_hold_the_truth_often_enough_where_they_were_fitted(utterances: int, seed: int) -> None:
    probabilities, truth = drawn(utterances, seed)
    sets = prediction_sets(probabilities, conformal_quantile(probabilities, truth, 0.9))
    assert sets[np.arange(utterances), truth].mean() >= 0.9


def test_sets_hold_the_truth_as_often_as_the_target_on_exchangeable_utterances() -> None:
    # 400 times 50 + 50 utterances: the standard error of the mean coverage is 0.3 points.
    seen = []
    for seed in range(400):
        probabilities, truth = drawn(100, seed)
        quantile = conformal_quantile(probabilities[:50], truth[:50], 0.8)
        seen.append(prediction_sets(probabilities[50:], quantile)[np.arange(50), truth[50:]].mean())
    # Between the level and the level + 1 / (n + 1).
    assert 0.79 <= np.mean(seen) <= 0.83


def test_sets_may_be_empty_and_hold_labels_that_are_likely_enough() -> None:
    probabilities = np.array([[0.7, 0.3, 0.0], [0.4, 0.4, 0.2], [0.5, 0.3, 0.2]])
    assert prediction_sets(probabilities, 0.5).tolist() == [
        [True, False, False],
        [False] * 3,
        [True, False, False],
    ]


def test_coverage_is_reported_for_each_speaker() -> None:
    sets = np.array([[True, False], [True, True], [False, True], [False, False]])
    found = coverage_by_group(sets, np.array([0, 1, 0, 1]), ["b", "a", "b", "a"])
    assert found == {
        "a": {"n": 2, "coverage": 0.5, "mean_size": 1.0},
        "b": {"n": 2, "coverage": 0.5, "mean_size": 1.0},
    }
    assert json.loads(json.dumps(found)) == found
