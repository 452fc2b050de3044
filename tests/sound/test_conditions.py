"""Each condition does what its name says, and nothing to length, delay and silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.sound.clips import Clip
from emofuse.sound.conditions import (
    companded,
    faster,
    in_room,
    limited,
    noisy,
    opus,
    quieter,
    telephone,
)
from emofuse.sound.features import root_mean_square
from emofuse.types.arrays import Samples

FIXED = settings(derandomize=True, deadline=None, max_examples=25)
RATE = 16_000


def white(seconds: float = 1.0, rms: float = 0.05, rate: int = RATE, seed: int = 0) -> Clip:
    samples = np.random.default_rng(seed).normal(0.0, rms, round(seconds * rate))
    return Clip(samples.astype(np.float32), rate)


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE) -> Clip:
    time = np.arange(round(seconds * rate)) / rate
    return Clip((0.1 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)


def voice(seconds: float = 1.0, rate: int = RATE) -> Clip:
    """Return syllables of a gliding buzz: something that speech codecs know what to do with."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (120 * time + 30 * time**2)
    buzz = sum(np.sin(number * phase) / number for number in range(1, 20))
    return Clip((0.1 * buzz * np.abs(np.sin(2 * np.pi * 2.5 * time))).astype(np.float32), rate)


def room() -> Clip:
    """Return an impulse response that begins late, and dies away."""
    rng = np.random.default_rng(1)
    tail = rng.normal(0.0, 0.05, 8000) * np.exp(-np.arange(8000) / 1500)
    tail[0] = 1.0
    return Clip(np.concatenate([np.zeros(500), tail]).astype(np.float32), RATE)


CONDITIONS: dict[str, Callable[[Clip], Clip]] = {
    "room": lambda clip: in_room(clip, room()),
    "noise": lambda clip: noisy(clip, white(seed=7), 10.0, np.random.default_rng(0)),
    "low-pass": lambda clip: limited(clip, 0.0, 4000.0),
    "mu-law": companded,
    "telephone": telephone,
    "opus": opus,
    "quieter": lambda clip: quieter(clip, 12.0),
}


def power(clip: Clip, low: float, high: float) -> float:
    """Return the power between two frequencies, in Hz."""
    spectrum = np.abs(np.fft.rfft(clip.samples * np.hanning(len(clip.samples)))) ** 2
    hertz = np.fft.rfftfreq(len(clip.samples), 1.0 / clip.rate)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum())


def lost(before: Clip, after: Clip, low: float, high: float) -> float:
    """Return how many decibels of a band are lost."""
    return float(10 * np.log10(power(before, low, high) / power(after, low, high)))


def delay(before: Samples, after: Samples) -> int:
    """Return by how many samples one signal comes after another, where they fit best."""
    size = 2 * len(before)
    product = np.fft.irfft(np.fft.rfft(after, size) * np.conj(np.fft.rfft(before, size)))
    best = int(np.argmax(product))
    return best if best < len(before) else best - size


def pitch(clip: Clip) -> float:
    spectrum = np.abs(np.fft.rfft(clip.samples * np.hanning(len(clip.samples))))
    return float(np.argmax(spectrum) * clip.rate / len(clip.samples))


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("samples", [1, 2, 7, 399, 16_001])
def test_length_and_kind_are_kept_whatever_the_length(name: str, samples: int) -> None:
    given_clip = Clip(white(2.0).samples[:samples], RATE)
    kept = given_clip.samples.copy()
    heard = CONDITIONS[name](given_clip)
    assert (len(heard.samples), heard.samples.dtype, heard.rate) == (samples, np.float32, RATE)
    assert np.isfinite(heard.samples).all()
    np.testing.assert_array_equal(given_clip.samples, kept)


@pytest.mark.parametrize("name", CONDITIONS)
def test_silence_stays_silence(name: str) -> None:
    heard = CONDITIONS[name](Clip(np.zeros(5000, dtype=np.float32), RATE))
    np.testing.assert_array_equal(heard.samples, np.zeros(5000))


@pytest.mark.parametrize("name", CONDITIONS)
def test_nothing_leaves_full_scale(name: str) -> None:
    heard = CONDITIONS[name](Clip(np.sign(white().samples), RATE))
    assert np.abs(heard.samples).max() <= 1.0


@pytest.mark.parametrize("name", ["low-pass", "mu-law", "noise", "quieter"])
def test_there_is_no_delay(name: str) -> None:
    assert delay(voice().samples, CONDITIONS[name](voice()).samples) == 0


@pytest.mark.parametrize("kilobits", [6.0, 8.0, 16.0, 31.0])
def test_opus_has_the_length_and_the_delay_of_what_it_coded(kilobits: float) -> None:
    coded = opus(voice(3.0), kilobits)
    assert len(coded.samples) == 3 * RATE
    assert abs(delay(voice(3.0).samples, coded.samples)) <= 1
    assert np.corrcoef(voice(3.0).samples, coded.samples)[0, 1] > 0.8


def test_opus_is_worse_the_less_it_may_say() -> None:
    errors = [root_mean_square(opus(white(), k).samples - white().samples) for k in (8.0, 16.0, 48.0, 128.0)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_opus_and_telephone_take_any_rate(rate: int) -> None:
    for condition in (opus, telephone):
        heard = condition(voice(rate=rate))
        assert (len(heard.samples), heard.rate) == (rate, rate)
        assert abs(delay(voice(rate=rate).samples, heard.samples)) <= rate // 8000


@FIXED
@given(st.floats(3200.0, 6800.0))
def test_a_low_pass_keeps_what_is_below_and_takes_what_is_above(cutoff: float) -> None:
    heard = limited(white(), 0.0, cutoff)
    assert abs(lost(white(), heard, 0.0, cutoff - 100.0)) < 0.1
    assert lost(white(), heard, 1.15 * cutoff + 50.0, 8000.0) > 40.0


def test_a_telephone_has_its_band_and_nothing_else() -> None:
    heard = telephone(white())
    assert abs(lost(white(), heard, 350.0, 3350.0)) < 0.5
    assert lost(white(), heard, 0.0, 220.0) > 20.0
    assert lost(white(), heard, 4100.0, 8000.0) > 20.0


def test_mu_law_adds_the_noise_of_its_steps_and_takes_the_upper_half() -> None:
    heard = companded(tone(1000.0))
    error = root_mean_square(heard.samples - tone(1000.0).samples) / root_mean_square(tone(1000.0).samples)
    assert 25.0 < -20 * np.log10(error) < 45.0  # about 37 dB, as 8-bit mu-law is said to have
    assert lost(white(), companded(white()), 4200.0, 8000.0) > 30.0


@FIXED
@given(st.floats(-5.0, 40.0), st.integers(0, 2**32), st.floats(0.1, 5.0))
def test_noise_is_as_far_below_the_voice_as_asked_for(snr: float, seed: int, seconds: float) -> None:
    clip = Clip(voice(2.0).samples * np.float32(0.2), RATE)
    added = noisy(clip, white(seconds, 0.3), snr, np.random.default_rng(seed)).samples - clip.samples
    found = 20 * np.log10(root_mean_square(clip.samples) / root_mean_square(added))
    assert found == pytest.approx(snr, abs=0.5)


def test_a_silent_stretch_of_noise_is_not_taken() -> None:
    mostly = np.zeros(20 * RATE, dtype=np.float32)
    mostly[-100:] = white().samples[:100]
    for seed in range(5):
        heard = noisy(voice(), Clip(mostly, RATE), 10.0, np.random.default_rng(seed))
        assert root_mean_square(heard.samples - voice().samples) > 0.1 * root_mean_square(voice().samples)


def test_noise_and_rooms_of_another_rate_are_brought_to_that_of_the_clip() -> None:
    heard = noisy(voice(), tone(1000.0, rate=8000), 0.0, np.random.default_rng(0))
    assert pitch(Clip(heard.samples - voice().samples, RATE)) == pytest.approx(1000.0, abs=2.0)
    upper = in_room(voice(rate=8000), room())
    assert delay(voice(rate=8000).samples, upper.samples) == 0


def test_a_room_adds_what_comes_after_and_keeps_onset_and_loudness() -> None:
    click = Clip(np.zeros(RATE, dtype=np.float32), RATE)
    click.samples[4000] = 0.5
    heard = in_room(click, room())
    assert not np.abs(heard.samples[:3999]).max() > 1e-6
    assert int(np.argmax(np.abs(heard.samples))) == 4000
    assert np.abs(heard.samples[4001:10_000]).max() > 1e-3
    assert np.abs(heard.samples[4000 + 6400 :]).max() < 1e-6  # 0.4 s later it is over
    assert root_mean_square(heard.samples) == pytest.approx(root_mean_square(click.samples), rel=1e-3)


@FIXED
@given(st.floats(0.88, 1.13))
def test_speed_moves_length_and_pitch(factor: float) -> None:
    heard = faster(tone(1000.0), factor)
    assert len(heard.samples) == pytest.approx(RATE / factor, abs=2)
    assert pitch(heard) == pytest.approx(1000.0 * factor, abs=3.0)


def test_quieter_is_by_decibels() -> None:
    ratio = root_mean_square(quieter(voice(), 20.0).samples) / root_mean_square(voice().samples)
    assert ratio == pytest.approx(0.1)
