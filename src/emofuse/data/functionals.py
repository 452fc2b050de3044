"""Functionals: a clip of any length as one row of numbers, statistics over time of MFCC, energy and pitch.

The features of the cheap acoustic baseline. Contours come every 10 ms; a row holds their means, deviations,
percentiles and ranges, none of which grows with the length of the clip. The set follows the idea of Eyben et al.
(2016), "The Geneva Minimalistic Acoustic Parameter Set", with MFCC in the place of its spectral parameters.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from emofuse.data.cache import ArrayCache, file_digest, key_of
from emofuse.errors import AudioError
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip
from emofuse.sound.contours import COEFFICIENTS, deltas, energy, mfcc, pitch, single
from emofuse.sound.features import HOP_SECONDS
from emofuse.threads import reading_workers
from emofuse.types import Corpus, Skip
from emofuse.types.arrays import Float32Array

# Raise it whenever a formula changes: cached rows of other versions are not used.
VERSION = 1
KIND = "functionals"

# Semitones are counted from here, between the voices of men and of women.
REFERENCE = 150.0

PERCENTILES = (5, 25, 50, 75, 95)

_STATISTICS = ("mean", "std", *(f"p{p}" for p in PERCENTILES), "range")
_MFCC = tuple(f"mfcc{n}" for n in range(1, COEFFICIENTS + 1))
_VOICE = (
    *(f"f0_{statistic}" for statistic in _STATISTICS),
    "f0_slope_mean",
    "f0_slope_std",
    "f0_rising",
    "voiced_share",
    "voiced_runs_per_second",
    "periodicity_mean",
    "periodicity_std",
    "voiced_energy_mean",
    "voiced_energy_std",
)
NAMES = (
    *(f"{contour}_mean" for contour in _MFCC),
    *(f"{contour}_std" for contour in _MFCC),
    *(f"{contour}_delta_std" for contour in _MFCC),
    *(f"energy_{statistic}" for statistic in _STATISTICS),
    *(f"energy_delta_{statistic}" for statistic in _STATISTICS),
    *_VOICE,
)


def functionals(clip: Clip) -> Float32Array:
    """Describe a clip by `NAMES`, (n,): finite numbers, however short or silent it is.

    Raises:
        AudioError: the clip is not at 16 kHz.
    """
    if clip.rate != SAMPLE_RATE:
        raise AudioError(
            f"functionals are computed at {SAMPLE_RATE} Hz, not {clip.rate} Hz; resample the clip first"
        )
    coefficients, loudness = mfcc(clip.samples), energy(clip.samples)
    parts = [
        coefficients.mean(axis=0),
        coefficients.std(axis=0),
        deltas(coefficients).std(axis=0),
        _statistics(loudness),
        _statistics(deltas(loudness[:, None])[:, 0]),
        _voice(clip.samples),
    ]
    return np.concatenate(parts)


def read_functionals(corpus: Corpus) -> tuple[dict[str, Float32Array], list[Skip]]:
    """Return the functionals of every utterance that has a recording, by id, and what cannot be read.

    They are kept by the hash of the recording, the span and the version of the formulas, so that each is computed
    once. Threads share the work: decoding and transforms leave the interpreter free.

    Raises:
        RunError: the cache cannot be written.
    """
    spans = {u.id: (u.audio, u.start, u.end) for u in corpus if u.audio is not None}
    keeper = _Keeper()
    rows: dict[str, Float32Array] = {}
    skipped: list[Skip] = []
    with ThreadPoolExecutor(reading_workers()) as pool:
        for name, row in zip(spans, pool.map(lambda span: keeper(*span), spans.values()), strict=True):
            if isinstance(row, AudioError):
                skipped.append(Skip(name, str(row)))
            else:
                rows[name] = row
    return rows, skipped


class _Keeper:
    """Functionals of spans of recordings, from the cache or computed and put there; for several threads."""

    def __init__(self) -> None:
        self._cache = ArrayCache(KIND)
        self._writing = threading.Lock()  # two recordings may be the same to the byte, and have one entry

    def __call__(self, audio: Path, start: float | None, end: float | None) -> Float32Array | AudioError:
        """Return the row of a span, or why there is none."""
        key = _key(audio, start, end)
        cached = None if key is None else self._cache.get(key)
        if cached is not None and cached.keys() == {KIND} and cached[KIND].shape == (len(NAMES),):
            return cached[KIND]
        try:
            row = functionals(read_clip(audio, start, end))
        except AudioError as error:
            return error
        if key is not None:
            with self._writing:
                self._cache.put(key, {KIND: row})
        return row


def _key(audio: Path, start: float | None, end: float | None) -> str | None:
    """Return what the row of a span depends on; None where the file cannot be read."""
    try:
        digest = file_digest(audio)
    except OSError:
        return None
    return key_of(audio=digest, span=[start, end], rate=SAMPLE_RATE, version=VERSION, names=NAMES)


def _statistics(track: Float32Array) -> Float32Array:
    """Return mean, deviation, percentiles and the range between the outer ones, (statistics,)."""
    percentiles = np.percentile(track, PERCENTILES)
    ends = percentiles[-1] - percentiles[0]
    return single([track.mean(), track.std(), *percentiles, ends])


def _voice(samples: Float32Array) -> Float32Array:
    """Return the statistics of the voice, in the order of `_VOICE`; all 0 where no frame is voiced."""
    hertz, periodicity, loudness = pitch(samples)
    voiced = hertz > 0
    if not voiced.any():
        return np.zeros(len(_VOICE), dtype=np.float32)
    semitones = single(12.0 * np.log2(np.where(voiced, hertz, REFERENCE) / REFERENCE))
    both = voiced[1:] & voiced[:-1]
    slopes = np.diff(semitones)[both] / HOP_SECONDS if both.any() else np.zeros(1)
    runs = int(voiced[0]) + int((voiced[1:] & ~voiced[:-1]).sum())
    rest = [
        np.abs(slopes).mean(),
        slopes.std(),
        (slopes > 0).mean(),
        voiced.mean(),
        runs / (len(voiced) * HOP_SECONDS),
        periodicity[voiced].mean(),
        periodicity[voiced].std(),
        loudness[voiced].mean(),
        loudness[voiced].std(),
    ]
    return np.concatenate([_statistics(semitones[voiced]), single(rest)])
