"""Speakers' own statistics: shrunken, label-free, and never worse known than what all speakers share."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from emofuse.data.speaker_statistics import FEWEST, PULL, Moments, normalise, speaker_moments

WIDTH = 3


def made(counts: dict[str | None, int], seed: int = 0) -> tuple[np.ndarray, list[str | None]]:
    """Return vectors of speakers, each with an offset and a spread of its own, in no order."""
    rng = np.random.default_rng(seed)
    speakers = [name for name, count in counts.items() for _ in range(count)]
    offsets = {name: rng.normal(0, 5, WIDTH) for name in counts}
    spreads = {name: rng.uniform(0.5, 3, WIDTH) for name in counts}
    rows = [offsets[name] + spreads[name] * rng.normal(size=WIDTH) for name in speakers]
    order = rng.permutation(len(rows))
    return np.array(rows, dtype=np.float32)[order], [speakers[i] for i in order]


def by_hand(vectors: np.ndarray, speakers: list[str | None], overall: np.ndarray) -> list[list[float]]:
    """Normalise number by number, with the standard library."""
    found = []
    for row, speaker in zip(vectors, speakers, strict=True):
        own = [vectors[i] for i, name in enumerate(speakers) if name == speaker and name is not None]
        weight = len(own) / (len(own) + 8) if len(own) >= 8 else 0.0
        line = []
        for column in range(vectors.shape[1]):
            everyone = [float(v) for v in overall[:, column]]
            mean, variance = statistics.fmean(everyone), statistics.pvariance(everyone)
            if weight:
                told = [float(v[column]) for v in own]
                mean = weight * statistics.fmean(told) + (1 - weight) * mean
                variance = weight * statistics.pvariance(told) + (1 - weight) * variance
            line.append((float(row[column]) - mean) / variance**0.5)
        found.append(line)
    return found


def test_normalisation_agrees_with_a_second_implementation() -> None:
    assert (FEWEST, PULL) == (8, 8.0)
    training, _ = made({"x": 20, "y": 20}, seed=1)
    vectors, speakers = made({"a": 30, "b": 8, "c": 7, "d": 1, None: 12})
    normal = normalise(vectors, speakers, Moments.of(training))
    np.testing.assert_allclose(normal, by_hand(vectors, speakers, training), rtol=1e-6, atol=1e-9)


def test_speakers_with_few_utterances_and_unknown_ones_are_taken_as_everybody() -> None:
    vectors, speakers = made({"a": 8, "b": 7, None: 20})
    overall = Moments.of(vectors)
    assert set(speaker_moments(vectors, speakers, overall)) == {"a"}
    rare = [i for i, name in enumerate(speakers) if name != "a"]
    np.testing.assert_array_equal(normalise(vectors, speakers, overall)[rare], overall.standardise(vectors)[rare])


def test_the_more_a_speaker_says_the_less_of_the_voice_is_left() -> None:
    left = []
    for count in (8, 32, 128, 1024):
        vectors, speakers = made({"a": count})
        normal = normalise(vectors, speakers, Moments(np.full(WIDTH, 100.0), np.ones(WIDTH)))
        left.append(float(np.abs(normal.mean(axis=0)).mean()))
    assert left == sorted(left, reverse=True)
    moments = speaker_moments(vectors, speakers, Moments.of(vectors + 50))["a"]
    assert moments.mean == pytest.approx(vectors.mean(axis=0), abs=50 * PULL / (1024 + PULL) + 0.01)


def test_order_does_not_matter_and_other_speakers_do_not_either() -> None:
    vectors, speakers = made({"a": 20, "b": 9})
    overall = Moments.of(vectors)
    normal = normalise(vectors, speakers, overall)
    order = np.random.default_rng(3).permutation(len(vectors))
    np.testing.assert_allclose(normalise(vectors[order], [speakers[i] for i in order], overall), normal[order])
    own = [i for i, name in enumerate(speakers) if name == "b"]
    np.testing.assert_array_equal(normalise(vectors[own], ["b"] * 9, overall), normal[own])


def test_what_is_constant_is_only_centred() -> None:
    vectors, speakers = made({"a": 20, "b": 20})
    vectors[:, 1] = 0.1
    normal = normalise(vectors, speakers, Moments.of(vectors))
    assert np.isfinite(normal).all()
    np.testing.assert_allclose(normal[:, 1], 0, atol=1e-6)


def test_small_numbers_are_no_constants() -> None:
    vectors, _ = made({"a": 40})
    tiny = Moments.of(1e-9 * vectors).standardise(1e-9 * vectors)
    np.testing.assert_allclose(tiny, Moments.of(vectors).standardise(vectors), rtol=1e-4, atol=1e-5)
