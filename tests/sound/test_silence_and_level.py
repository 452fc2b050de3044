from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.sound.features import root_mean_square, to_level, trim_silence
from emofuse.types.arrays import Samples

FIXED = settings(derandomize=True, deadline=None)
RATE = 16_000


def noise(seconds: float, rms: float = 0.1) -> Samples:
    return np.random.default_rng(0).normal(0.0, rms, round(seconds * RATE)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def test_silence_is_cut_at_both_ends_up_to_the_margin() -> None:
    trimmed = trim_silence(np.concatenate([silence(1.0), noise(0.5), silence(2.0)]), RATE)
    assert len(trimmed) / RATE == pytest.approx(0.5 + 2 * 0.05, abs=2 * 0.025)
    start = int(np.flatnonzero(trimmed)[0])
    np.testing.assert_array_equal(trimmed[start : start + 8000], noise(0.5))


def test_without_a_margin_the_cut_is_within_a_frame() -> None:
    trimmed = trim_silence(np.concatenate([silence(1.0), noise(0.5), silence(2.0)]), RATE, margin=0.0)
    assert 0.5 <= len(trimmed) / RATE <= 0.55


@pytest.mark.parametrize(("below", "whole"), [(30.0, True), (40.0, False)])
def test_silent_is_what_is_so_many_decibels_below_the_loudest_frame(below: float, whole: bool) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    quiet = (tone * 10 ** (-below / 20)).astype(np.float32)
    assert (len(trim_silence(np.concatenate([quiet, tone, quiet]), RATE)) == 3 * RATE) is whole


def test_silence_within_what_is_said_stays() -> None:
    said = np.concatenate([noise(0.3), silence(1.0), noise(0.3)])
    np.testing.assert_array_equal(trim_silence(said, RATE), said)


@pytest.mark.parametrize("samples", [silence(1.0), noise(0.024), silence(0.0)], ids=["silent", "short", "empty"])
def test_a_silent_or_very_short_clip_stays_whole(samples: Samples) -> None:
    np.testing.assert_array_equal(trim_silence(samples, RATE), samples)


@FIXED
@given(st.integers(1, 9000), st.integers(0, 9000), st.integers(0, 9000), st.sampled_from([8000, 16_000]))
def test_what_is_left_is_a_stretch_that_holds_the_loudest_sample(
    said: int, before: int, after: int, rate: int
) -> None:
    samples = np.full(before + said + after, 1e-6, dtype=np.float32)
    samples[before : before + said] = 0.1
    samples[before] = 0.2
    trimmed = trim_silence(samples, rate)
    assert 0 < len(trimmed) <= len(samples)
    assert trimmed.base is samples or trimmed is samples
    assert trimmed.max() == samples.max()


def test_trimming_and_levelling_leave_the_clip_as_it_was() -> None:
    samples = np.concatenate([silence(1.0), noise(0.5)])
    kept = samples.copy()
    to_level(trim_silence(samples, RATE), 0.05)
    np.testing.assert_array_equal(samples, kept)


@FIXED
@given(st.floats(-9.0, 0.0), st.floats(0.001, 0.5))
def test_any_clip_comes_to_the_level(decades: float, rms: float) -> None:
    levelled = to_level(noise(0.1, 10.0**decades), rms)
    assert levelled.dtype == np.float32
    assert root_mean_square(levelled) == pytest.approx(rms, rel=1e-4)


def test_digital_silence_stays_silence() -> None:
    np.testing.assert_array_equal(to_level(silence(0.1), 0.05), silence(0.1))
    assert len(to_level(silence(0.0), 0.05)) == 0


def test_the_smallest_numbers_that_there_are_give_finite_samples() -> None:
    smallest = np.full(1000, np.finfo(np.float32).smallest_subnormal, dtype=np.float32)
    assert root_mean_square(to_level(smallest, 0.05)) == pytest.approx(0.05)
