from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn import metrics as reference

from emofuse.errors import CheckpointError, RecipeError
from emofuse.evaluation.calibration import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    PATTERNS,
    Calibration,
    Pattern,
    adapt_priors,
    fit_temperature,
    fit_temperatures,
    pattern_of,
    probabilities,
    undo_smoothing,
)
from emofuse.evaluation.metrics import expected_calibration_error, negative_log_likelihood
from emofuse.types.arrays import Float64Array, IntArray

FIXED = settings(derandomize=True, deadline=None)
MADE = Calibration(
    temperatures={"audio": 1.5, "audio+text": 0.8},
    accuracy=0.9,
    threshold=0.625,
    conformal={0.8: 0.7, 0.9: 0.85},
    priors={"angry": 0.25, "sad": 0.75},
)
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


def judged(temperature: float, utterances: int = 4000, seed: int = 0) -> tuple[Float64Array, IntArray]:
    """Draw logits that are right about their labels once divided by the temperature."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=1.5, size=(utterances, 4))
    chances = probabilities(logits)
    truth = (chances.cumsum(axis=1) < generator.uniform(size=(utterances, 1))).sum(axis=1).clip(max=3)
    return logits * temperature, truth


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 6.0])
def test_the_temperature_is_found_again(temperature: float) -> None:
    logits, truth = judged(temperature)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.06)


@settings(FIXED, max_examples=25)  # each calls the other implementation some forty times
@given(st.integers(0, 200), st.sampled_from([0.4, 1.0, 3.0]))
def test_the_temperature_agrees_with_a_second_implementation(seed: int, temperature: float) -> None:
    logits, truth = judged(temperature, utterances=60, seed=seed)
    found = optimize.minimize_scalar(
        lambda log: reference.log_loss(truth, probabilities(logits / math.exp(log)), labels=range(4)),
        bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert fit_temperature(logits, truth) == pytest.approx(math.exp(found.x), rel=1e-3)


def test_a_temperature_computed_by_hand() -> None:
    # Three of four are right by one logit: 1 / (1 + exp(-1 / T)) = 3/4, so 1 / T = log 3.
    logits, truth = np.tile([1.0, 0.0], (40, 1)), np.array([0, 0, 0, 1] * 10)
    assert fit_temperature(logits, truth) == pytest.approx(1 / math.log(3))


def test_a_temperature_mends_calibration_and_keeps_the_labels() -> None:
    logits, truth = judged(3.0)
    before, after = probabilities(logits), probabilities(logits / fit_temperature(logits, truth))
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert negative_log_likelihood(after, truth) < negative_log_likelihood(before, truth)
    errors = [expected_calibration_error(p.max(axis=1), p.argmax(axis=1) == truth) for p in (before, after)]
    assert errors[1] < 0.03 < errors[0]


def test_logits_that_part_the_labels_without_error_stop_at_the_coldest() -> None:
    truth = np.arange(40) % 3
    assert fit_temperature(np.eye(3)[truth], truth) == MIN_TEMPERATURE


def test_logits_that_are_worse_than_none_stop_at_the_hottest() -> None:
    truth = np.arange(40) % 3
    assert fit_temperature(-np.eye(3)[truth], truth) == MAX_TEMPERATURE


def test_where_there_is_nothing_to_learn_the_temperature_is_one() -> None:
    logits, truth = judged(3.0, utterances=19)
    assert fit_temperature(logits, truth) == 1.0
    assert fit_temperature(logits[:0], truth[:0]) == 1.0
    assert fit_temperature(np.full((40, 3), 2.0), np.arange(40) % 3) == 1.0


def test_temperatures_do_not_overflow() -> None:
    logits, truth = judged(300.0)
    with warnings.catch_warnings(action="error"):
        assert fit_temperature(logits.astype(np.float32), truth) == MAX_TEMPERATURE


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_smoothing_is_undone(share: float) -> None:
    true = np.array([[0.7, 0.2, 0.1], [0.98, 0.015, 0.005], [0.34, 0.33, 0.33]])
    smoothed = np.log((1 - share) * true + share / 3)
    assert np.allclose(probabilities(undo_smoothing(smoothed + 5.0, share)), true)


def test_what_smoothing_could_not_have_left_is_held_above_nothing() -> None:
    undone = probabilities(undo_smoothing(np.array([[9.0, 0.0, -9.0]]), 0.1))[0]
    assert undone.argmax() == 0
    assert undone[1] == undone[2] == pytest.approx(0.001, rel=0.1)


def test_a_calibration_undoes_smoothing_before_it_divides() -> None:
    logits = np.log(0.9 * np.array([[0.8, 0.15, 0.05]]) + 0.1 / 3)
    applied = Calibration({"audio": 2.0}, smoothing=0.1).apply(logits, ["audio"])
    wanted = np.sqrt([0.8, 0.15, 0.05])
    assert np.allclose(applied, wanted / wanted.sum())
    several = Calibration(smoothing=0.1).apply(logits, ["audio"], multi_label=True)
    assert np.allclose(several, 1 / (1 + np.exp(-logits)))


def test_a_calibration_of_before_smoothing_is_read() -> None:
    values = Calibration({"audio": 2.0}).as_dict()
    del values["smoothing"]
    assert Calibration.from_dict(values) == Calibration({"audio": 2.0})


def test_each_modality_pattern_has_its_own_temperature() -> None:
    heard, read = judged(0.5, seed=1), judged(2.0, seed=2)
    patterns: list[Pattern] = ["audio", "text"] * 4000
    logits, truth = np.stack([heard[0], read[0]], axis=1).reshape(-1, 4), np.stack([heard[1], read[1]], 1).ravel()
    assert fit_temperatures(logits, truth, patterns) == {
        "audio": fit_temperature(*heard),
        "text": fit_temperature(*read),
    }


def test_a_calibration_divides_by_the_temperature_of_the_pattern() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    found = MADE.apply(logits, ["audio+text", "text", "audio"])
    for row, temperature in enumerate((0.8, 1.0, 1.5)):
        np.testing.assert_allclose(found[row], probabilities(logits[row].astype(np.float64) / temperature))
    np.testing.assert_array_equal(Calibration().apply(logits, ["audio"] * 3), probabilities(logits))
    assert MADE.apply(logits[:0], []).shape == (0, 4)


def test_patterns_are_named_after_their_modalities() -> None:
    assert get_args(Pattern) == PATTERNS
    assert pattern_of(("text", "audio")) == pattern_of(("audio", "text")) == "audio+text"
    assert pattern_of(("audio",)) == "audio"
    assert pattern_of(()) is None


@pytest.mark.parametrize("calibration", [MADE, Calibration()])
def test_a_calibration_survives_json(calibration: Calibration) -> None:
    written = json.dumps(calibration.as_dict(), allow_nan=False)
    assert Calibration.from_dict(json.loads(written)) == calibration


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("temperatures", {"video": 1.0}, "temperatures, video: .* 'audio', 'text' or 'audio\\+text'"),
        ("temperatures", {"audio": 0.0}, "temperatures, audio"),
        ("temperatures", {"audio": math.nan}, "temperatures, audio"),
        ("temperatures", {"audio": True}, "True"),
        ("temperatures", [1.0], "temperatures: input should be an object, not"),
        ("accuracy", 1.5, "accuracy"),
        ("threshold", "0.5", "threshold"),
        ("threshold", math.inf, "threshold"),
        ("conformal", {"much": 0.5}, "'much'"),
        ("conformal", {"nan": 0.5}, "nan"),
        ("conformal", {"0.9": 2}, "conformal, 0.9"),
        ("priors", {"angry": 0.5}, "sum to 1"),
        ("smoothing", 1.0, "smoothing"),
        ("priors", {"angry": -0.5, "sad": 1.5}, "priors, angry"),
    ],
)
def test_nonsense_in_a_calibration_is_refused_by_name(key: str, value: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        Calibration.from_dict(MADE.as_dict() | {key: value})


def test_a_calibration_has_its_keys_and_no_others() -> None:
    values = MADE.as_dict()
    for wrong in (values | {"more": 1}, {key: values[key] for key in values if key != "priors"}, [], None):
        with pytest.raises(
            CheckpointError, match="accuracy, conformal, priors, smoothing, temperatures, threshold"
        ):
            Calibration.from_dict(wrong)  # type: ignore[arg-type]


def test_a_calibration_is_a_value() -> None:
    assert hash(MADE) == hash(replace(MADE, temperatures={}))
    assert replace(MADE, temperatures={}) != MADE


def gaussian(values: Float64Array, shares: Float64Array) -> Float64Array:
    """Return the probabilities of two classes with normal values about -1 and 1, by Bayes's rule."""
    density = np.exp(-((values[:, None] - np.array([-1, 1])) ** 2) / 2) * shares
    return np.asarray(density / density.sum(axis=1, keepdims=True))


def test_adapted_probabilities_are_those_of_bayes_under_the_new_frequencies() -> None:
    values, old, new = np.linspace(-3, 3, 13), np.array([0.5, 0.5]), np.array([0.9, 0.1])
    np.testing.assert_allclose(adapt_priors(gaussian(values, old), old, new), gaussian(values, new))


def test_adapted_probabilities_computed_by_hand() -> None:
    found = adapt_priors(np.array([[0.6, 0.4]]), np.array([0.5, 0.5]), np.array([0.2, 0.8]))
    # 0.6 x 0.4 against 0.4 x 1.6.
    np.testing.assert_allclose(found, [[0.24 / 0.88, 0.64 / 0.88]])


@FIXED
@given(st.integers(0, 200))
def test_adapting_there_and_back_changes_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    old, new = generator.dirichlet(np.ones(4) * 3, size=2)
    before = generator.dirichlet(np.ones(4), size=10)
    there = adapt_priors(before, old, new)
    np.testing.assert_allclose(there.sum(axis=1), 1)
    np.testing.assert_allclose(adapt_priors(there, new, old), before, atol=1e-9)
    np.testing.assert_allclose(adapt_priors(before, old, old * 7), before)


def test_a_class_of_no_new_frequency_is_never_named() -> None:
    old, new = np.array([0.25, 0.25, 0.5]), np.array([0.0, 0.4, 0.6])
    found = adapt_priors(np.array([[0.8, 0.1, 0.1], [1.0, 0.0, 0.0]]), old, new)
    np.testing.assert_allclose(found[0], [0, 4 / 7, 3 / 7])
    np.testing.assert_allclose(found[1], new)


def test_a_class_that_training_never_had_stays_out() -> None:
    old, new = np.array([0.5, 0.5, 0.0]), np.array([0.8, 0.2, 0.0])
    np.testing.assert_allclose(adapt_priors(np.array([[0.5, 0.3, 0.2]]), old, new), [[40 / 46, 6 / 46, 0]])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([0.5, 0.5], [0.5, -0.5]),
        ([0.5, 0.5], [0.5, math.nan]),
        ([0.5, 0.5], [0.0, 0.0]),
        ([1.0, 0.0], [0.5, 0.5]),
        ([0.5, 0.5], [0.2, 0.3, 0.5]),
    ],
)
def test_priors_that_cannot_be_are_refused(old: list[float], new: list[float]) -> None:
    with pytest.raises(RecipeError, match="priors"):
        adapt_priors(np.array([[0.5, 0.5]]), np.array(old), np.array(new))
