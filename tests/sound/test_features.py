from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest

from emofuse.sound.features import (
    FLOOR,
    WHISPER_FLOOR,
    WHISPER_RANGE,
    FilterBank,
    kaldi_filters,
    log_mel,
    mel_filters,
    slaney_filters,
    stacked_filterbank,
    whisper_log_mel,
)
from emofuse.types.arrays import Float32Array

RATE = 16_000


def tone(hertz: float, seconds: float = 0.1, rate: int = RATE) -> Float32Array:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def slow_log_mel(samples: list[float], rate: int, bins: int) -> list[list[float]]:
    """Compute log-mel frames from the formulas, one number at a time."""
    window, hop = round(0.025 * rate), round(0.010 * rate)
    samples = samples + [0.0] * max(0, window - len(samples))
    size = 2 ** math.ceil(math.log2(window))
    highest = 2595 * math.log10(1 + rate / 2 / 700)
    lowest = 2595 * math.log10(1 + 20 / 700)
    mels = [lowest + (highest - lowest) * n / (bins + 1) for n in range(bins + 2)]
    edges = [700 * (10 ** (mel / 2595) - 1) for mel in mels]
    frames = []
    for first in range(0, len(samples) - window + 1, hop):
        hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / (window - 1)) for n in range(window)]
        frame = [samples[first + n] * hann[n] for n in range(window)]
        power = [
            abs(sum(value * cmath.exp(-2j * math.pi * k * n / size) for n, value in enumerate(frame))) ** 2
            for k in range(size // 2 + 1)
        ]
        row = []
        for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
            hertz = [k * rate / size for k in range(size // 2 + 1)]
            weights = [max(0.0, min((f - low) / (centre - low), (high - f) / (high - centre))) for f in hertz]
            row.append(math.log(sum(p * w for p, w in zip(power, weights, strict=True)) + 1e-10))
        frames.append(row)
    return frames


@pytest.mark.parametrize(("rate", "seconds", "bins"), [(8000, 0.052, 10), (2000, 0.1, 7), (4000, 0.01, 5)])
def test_log_mel_agrees_with_a_slow_implementation(rate: int, seconds: float, bins: int) -> None:
    samples = np.random.default_rng(0).normal(scale=0.1, size=round(rate * seconds)).astype(np.float32)
    expected = np.array(slow_log_mel(samples.tolist(), rate, bins))
    np.testing.assert_allclose(log_mel(samples, rate, bins), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (399, 1), (400, 1), (559, 1), (560, 2), (719, 2), (720, 3), (16_000, 98)]
)
def test_there_is_a_frame_every_10_ms_for_each_whole_window_of_25_ms(samples: int, frames: int) -> None:
    features = log_mel(np.zeros(samples, dtype=np.float32), RATE, 20)
    assert features.shape == (frames, 20)
    assert features.dtype == np.float32


def test_a_clip_shorter_than_a_window_is_padded_with_zeros() -> None:
    short = tone(440, seconds=0.01)
    padded = np.concatenate([short, np.zeros(400 - len(short), dtype=np.float32)])
    np.testing.assert_array_equal(log_mel(short, RATE, 20), log_mel(padded, RATE, 20))


def test_silence_is_the_floor_and_finite() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(800, dtype=np.float32), RATE, 20), math.log(FLOOR), rtol=1e-6)


@pytest.mark.parametrize("number", [3, 8, 20, 35])
def test_a_tone_is_loudest_in_the_bin_around_its_frequency(number: int) -> None:
    centre = mel_filters(RATE, 1 << 16, 40)[:, number].argmax() * RATE / (1 << 16)
    assert set(log_mel(tone(centre), RATE, 40).argmax(axis=1).tolist()) == {number}


def test_twice_as_loud_is_log_four_more() -> None:
    loud, soft = log_mel(tone(1000), RATE, 10), log_mel(tone(1000) / 2, RATE, 10)
    np.testing.assert_allclose((loud - soft).max(axis=1), math.log(4), rtol=1e-3)


def test_the_samples_are_not_changed() -> None:
    samples = tone(440)
    log_mel(samples, RATE, 20)
    np.testing.assert_array_equal(samples, tone(440))


def test_filters_are_triangles_of_unit_height_over_all_frequencies_but_the_ends() -> None:
    filters = mel_filters(RATE, 512, 40)
    assert filters.shape == (257, 40)
    assert (filters >= 0).all()
    assert filters.max() <= 1.0
    assert ((filters > 0).sum(axis=1) <= 2).all()
    np.testing.assert_allclose(mel_filters(RATE, 1 << 16, 10).max(axis=0), 1.0, atol=0.02)


def noise(samples: int) -> Float32Array:
    return np.random.default_rng(0).normal(scale=0.1, size=samples).astype(np.float32)


@pytest.mark.parametrize("bins", [80, 128])
@pytest.mark.parametrize("samples", [1, 400, 561, 12_345, 31_999])
def test_whisper_gets_what_its_feature_extractor_gives(samples: int, bins: int) -> None:
    whisper = pytest.importorskip("transformers.models.whisper.feature_extraction_whisper")
    extractor = whisper.WhisperFeatureExtractor(feature_size=bins)
    expected = extractor(noise(samples), sampling_rate=RATE, return_tensors="np").input_features[0].T
    found = whisper_log_mel(noise(samples), RATE, bins)
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-5)


@pytest.mark.parametrize("samples", [1, 400, 12_345])
def test_what_follows_the_last_frame_of_whisper_is_constant_silence(samples: int) -> None:
    whisper = pytest.importorskip("transformers.models.whisper.feature_extraction_whisper")
    extractor = whisper.WhisperFeatureExtractor()
    expected = extractor(noise(samples), sampling_rate=RATE, return_tensors="np").input_features[0].T
    found = whisper_log_mel(noise(samples), RATE, 80)
    floor = (math.log10(WHISPER_FLOOR) + 4) / 4
    np.testing.assert_allclose(expected[len(found) :], max(floor, found.max() - WHISPER_RANGE / 4), atol=1e-5)


def test_what_is_longer_than_whisper_takes_goes_through_in_windows() -> None:
    samples = noise(31 * RATE)
    apart = [whisper_log_mel(part, RATE, 8) for part in (samples[: 30 * RATE], samples[30 * RATE :])]
    assert len(apart[0]) == 3000
    np.testing.assert_array_equal(whisper_log_mel(samples, RATE, 8), np.concatenate(apart))


@pytest.mark.parametrize("samples", [560, 800, 1000, 12_345, 31_999])
def test_w2v_bert_gets_what_its_feature_extractor_gives(samples: int) -> None:
    seamless = pytest.importorskip("transformers.models.seamless_m4t.feature_extraction_seamless_m4t")
    extracted = seamless.SeamlessM4TFeatureExtractor()(noise(samples), sampling_rate=RATE, return_tensors="np")
    found = stacked_filterbank(noise(samples), RATE, 80)
    assert len(found) == extracted.attention_mask.sum()
    np.testing.assert_allclose(found, extracted.input_features[0][: len(found)], atol=1e-4)


def test_windows_of_whisper_may_be_shorter() -> None:
    samples = noise(3 * RATE)
    apart = [whisper_log_mel(part, RATE, 8, 2) for part in (samples[: 2 * RATE], samples[2 * RATE :])]
    np.testing.assert_array_equal(whisper_log_mel(samples, RATE, 8, 2), np.concatenate(apart))


@pytest.mark.parametrize("bank", [log_mel, whisper_log_mel, stacked_filterbank])
@pytest.mark.parametrize("samples", [1, 399, 559, 560])
def test_the_shortest_clips_have_frames_of_finite_numbers(bank: FilterBank, samples: int) -> None:
    frames = bank(noise(samples), RATE, 8)
    assert len(frames) >= 1
    assert frames.dtype == np.float32
    assert np.isfinite(frames).all()


@pytest.mark.parametrize("filters", [mel_filters, slaney_filters, kaldi_filters])
def test_filters_that_are_shared_cannot_be_changed(filters: Callable[[int, int, int], Float32Array]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        filters(RATE, 512, 40)[0, 0] = 1.0
