"""From samples and frames to moments of a tenth of a second."""

from __future__ import annotations

import numpy as np
import pytest

from emofuse.data.preparation import AudioPreparation
from emofuse.inference.explain.moments import by_moment, count_moments, seconds_cut, shares, usual
from emofuse.sound.clips import Clip


def test_samples_and_frames_fall_into_the_moment_of_their_middle() -> None:
    assert by_moment(np.ones(2500), 10_000.0, 0.0, 3).tolist() == [1000.0, 1000.0, 500.0]
    assert by_moment(np.ones(25), 100.0, 0.05, 3).tolist() == [5.0, 10.0, 10.0]
    assert by_moment(np.ones(12), 100.0, 0.0, 1).tolist() == [12.0]


def test_long_frames_are_shared_between_moments() -> None:
    table = shares(2, 0.0, 0.3, 3)
    np.testing.assert_allclose(table, [[2 / 3, 1 / 3, 0.0], [0.0, 1 / 3, 2 / 3]])
    assert shares(7, 0.05, 0.26, 3).sum(axis=1) == pytest.approx(1.0)


def test_a_recording_has_a_moment_for_each_begun_tenth_of_a_second() -> None:
    assert [count_moments(seconds) for seconds in (0.01, 0.1, 0.3, 0.7, 1.01)] == [1, 1, 3, 7, 11]


def test_the_silence_that_is_cut_is_counted() -> None:
    samples = np.zeros(16_000, dtype=np.float32)
    samples[8000:12_000] = 0.5
    trimmed = AudioPreparation("log-mel", bins=20, trim=True)
    assert seconds_cut(samples, trimmed) == pytest.approx(0.43, abs=0.03)
    assert seconds_cut(samples, AudioPreparation("log-mel", bins=20)) == 0.0


def test_sound_is_compared_with_a_hiss_or_with_what_it_usually_is() -> None:
    samples = 0.3 * np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    hiss = usual(AudioPreparation(), samples)
    assert hiss.shape == samples.shape
    assert float(np.std(hiss)) == pytest.approx(0.003, rel=0.05)
    mel = AudioPreparation("log-mel", bins=20)
    samples[:4000] *= 1e-3
    frames = mel(Clip(samples, 16_000))
    np.testing.assert_allclose(usual(mel, frames), np.median(frames[30:], axis=0), atol=0.7)
