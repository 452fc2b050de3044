from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.evaluation.calibration import probabilities

FIXED = settings(derandomize=True, deadline=None)
LOGITS = st.lists(st.floats(-80, 80, width=32), min_size=2, max_size=8)


def slow_softmax(logits: list[float]) -> list[float]:
    total = sum(math.exp(logit) for logit in logits)
    return [math.exp(logit) / total for logit in logits]


@FIXED
@given(LOGITS)
def test_probabilities_agree_with_a_second_implementation(logits: list[float]) -> None:
    found = probabilities(np.array(logits, dtype=np.float32))
    assert found == pytest.approx(slow_softmax(logits), rel=1e-6, abs=1e-12)


@FIXED
@given(LOGITS)
def test_probabilities_sum_to_one_in_double_precision(logits: list[float]) -> None:
    found = probabilities(np.array(logits, dtype=np.float32))
    assert found.dtype == np.float64
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_values_computed_by_hand() -> None:
    logits = np.log(np.array([[1, 2, 5], [3, 3, 3]], dtype=np.float32))
    np.testing.assert_allclose(probabilities(logits), [[1 / 8, 2 / 8, 5 / 8], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


def test_each_row_stands_for_itself() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    np.testing.assert_array_equal(probabilities(logits)[2, 1], probabilities(logits[2, 1]))


def test_a_number_added_to_all_logits_changes_nothing() -> None:
    logits = np.array([0.5, -1.0, 2.0], dtype=np.float32)
    np.testing.assert_allclose(probabilities(logits + 64), probabilities(logits), rtol=1e-12)


def test_large_logits_do_not_overflow() -> None:
    with warnings.catch_warnings(action="error"):
        found = probabilities(np.array([3e38, -3e38, 3e38], dtype=np.float32))
    np.testing.assert_array_equal(found, [0.5, 0.0, 0.5])


def test_the_logits_are_not_changed() -> None:
    logits = np.array([1.0, 2.0], dtype=np.float32)
    probabilities(logits)
    assert logits.tolist() == [1.0, 2.0]
