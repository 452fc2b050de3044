"""Contours: what changes within a clip, every 10 ms: mel-frequency cepstra, energy, pitch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from emofuse.sound.clips import SAMPLE_RATE
from emofuse.sound.features import HOP_SECONDS, WINDOW_SECONDS, log_mel
from emofuse.types.arrays import Float32Array

WINDOW, HOP = round(WINDOW_SECONDS * SAMPLE_RATE), round(HOP_SECONDS * SAMPLE_RATE)
COEFFICIENTS = 13
MEL_BINS = 26
DELTA_REACH = 2
# About the energy of one step of 16 bits: digital silence is not far below a quiet room.
ENERGY_FLOOR = 1e-9

# Pitch is looked for at half the rate, between these, in Hz; a window of 48 ms holds three periods of the lowest,
# as in Boersma (1993).
PITCH_RATE = SAMPLE_RATE // 2
LOWEST, HIGHEST = 65.0, 500.0
PITCH_WINDOW = 384
# Window and longest lag together: no lag that is looked at wraps around.
PITCH_FFT = 512
# The band that is analysed: no offset, no rumble, and harmonics well below half the rate.
PITCH_BAND = 46.0, 2000.0
# Binomial weights: 33 dB or more off what would come down from above 6 kHz to below 2 kHz.
HALVING = (0.0625, 0.25, 0.375, 0.25, 0.0625)
# A frame is voiced if it repeats itself at least so well and is not so many dB below the loudest one.
VOICING = 0.45
SILENCE_RANGE = 30.0
# What an octave higher is worth: a sound of period T repeats itself after 2 T as well.
OCTAVE_COST = 0.03
# Frames that are looked at together: few enough to stay near the processor, whatever the length of the clip.
BLOCK = 128


def mfcc(samples: Float32Array) -> Float32Array:
    """Return mel-frequency cepstral coefficients 1 to 13 of sound at 16 kHz, (frames, 13).

    The orthonormal DCT-II of the logarithm of 26 mel bands (Davis & Mermelstein 1980). Coefficient 0 is left out,
    for there is the energy.
    """
    bands = [log_mel(chunk, SAMPLE_RATE, MEL_BINS) for chunk in _chunks(samples, WINDOW, HOP)]
    return np.concatenate(bands) @ _cosines()


def energy(samples: Float32Array) -> Float32Array:
    """Return the energy of the frames that `mfcc` describes, (frames,), in dB of full scale."""
    return np.concatenate([_decibels(frames) for frames in _framed(samples, WINDOW, SAMPLE_RATE)])


def deltas(contours: Float32Array) -> Float32Array:
    """Return how contours change per frame, (frames, contours): regression over two frames on either side.

    d[t] = sum n (c[t + n] - c[t - n]) / (2 sum n^2), n = 1, 2; the first and last frame are repeated for what lies
    outside. Source: Young et al., The HTK Book, section 5.9.
    """
    frames = len(contours)
    padded = np.pad(contours, ((DELTA_REACH, DELTA_REACH), (0, 0)), mode="edge")
    total = np.zeros_like(contours)
    for n in range(1, DELTA_REACH + 1):
        after, before = DELTA_REACH + n, DELTA_REACH - n
        total += n * (padded[after : after + frames] - padded[before : before + frames])
    return total / np.float32(2 * sum(n * n for n in range(1, DELTA_REACH + 1)))


def pitch(samples: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Follow the pitch of sound at 16 kHz, frame by frame.

    The autocorrelation of a frame of 48 ms under a Hann window, from its power spectrum between 46 and 2000 Hz, is
    divided by that of the window (Boersma 1993, "Accurate short-term analysis of the fundamental frequency",
    equation 9). Its strongest peak between 65 and 500 Hz, placed between the lags by a parabola, gives the period;
    an octave costs 0.03. Paths through the frames are not searched for: this is a baseline.

    Returns:
        the fundamental frequency in Hz, 0 where the frame is unvoiced; how well the frame repeats itself, from 0
        to 1; its energy in dB of full scale; each (frames,).
    """
    halved = np.convolve(samples - samples.mean(), single(HALVING))[::2]
    analysed = [_period(frames) for frames in _framed(halved, PITCH_WINDOW, PITCH_RATE)]
    hertz, periodicity, loudness = (np.concatenate(values) for values in zip(*analysed, strict=True))
    voiced = (periodicity >= VOICING) & (loudness >= loudness.max() - SILENCE_RANGE)
    return np.where(voiced, hertz, np.float32(0.0)), periodicity, loudness


def _period(frames: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return the pitch in Hz, the periodicity and the energy in dB of some frames, (frames, samples)."""
    spectrum = np.fft.rfft(frames * _hann(), n=PITCH_FFT)[:, _bins()]
    products = (spectrum.real**2 + spectrum.imag**2) @ _lags()
    similar = products / np.maximum(products[:, :1], np.float32(1e-12)) / _window_products()
    lags, heights = _peaks(single(similar))
    return single(PITCH_RATE / lags), single(np.clip(heights, 0.0, 1.0)), _decibels(frames)


def _peaks(similar: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return the best lag of each frame, and its height; a parabola through three lags gives the place of a peak.

    A frame without a peak has height 0.
    """
    first = int(PITCH_RATE / HIGHEST)
    left, here, right = similar[:, first - 1 : -2], similar[:, first:-1], similar[:, first + 1 :]
    curve = left - 2.0 * here + right
    peak = (here >= left) & (here > right) & (here > 0.0)
    offset = np.where(peak, 0.5 * (left - right) / np.where(peak, curve, -1.0), 0.0)
    height = np.where(peak, here - 0.25 * (left - right) * offset, 0.0)
    lag = np.arange(first, first + here.shape[1], dtype=np.float32) + offset
    best = np.argmax(height - OCTAVE_COST * np.log2(lag), axis=1)[:, None]
    return np.take_along_axis(lag, best, axis=1)[:, 0], np.take_along_axis(height, best, axis=1)[:, 0]


def _chunks(samples: Float32Array, window: int, hop: int) -> Iterator[Float32Array]:
    """Cut samples into chunks whose frames, joined, are those of the whole; at least one frame."""
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    count = 1 + (len(padded) - window) // hop
    for first in range(0, count, BLOCK):
        last = min(count, first + BLOCK) - 1
        yield padded[first * hop : last * hop + window]


def _framed(samples: Float32Array, window: int, rate: int) -> Iterator[Float32Array]:
    """Yield frames of `window` samples every 10 ms, (frames, window), some at a time."""
    hop = round(HOP_SECONDS * rate)
    for chunk in _chunks(samples, window, hop):
        yield np.lib.stride_tricks.sliding_window_view(chunk, window)[::hop]


@lru_cache(maxsize=1)
def _cosines() -> Float32Array:
    """Return rows 1 to 13 of the orthonormal DCT-II, as columns, (bins, 13)."""
    bins, orders = np.arange(MEL_BINS), np.arange(1, COEFFICIENTS + 1)
    matrix = np.cos(np.pi * (bins[:, None] + 0.5) * orders / MEL_BINS) * np.sqrt(2.0 / MEL_BINS)
    return _frozen(matrix)


@lru_cache(maxsize=1)
def _hann() -> Float32Array:
    return _frozen(np.hanning(PITCH_WINDOW))


def _bins() -> slice:
    """Return which values of the spectrum lie within the band that is analysed."""
    low, high = (round(hertz / PITCH_RATE * PITCH_FFT) for hertz in PITCH_BAND)
    return slice(low, high + 1)


@lru_cache(maxsize=1)
def _lags() -> Float32Array:
    """Return what turns a power spectrum into its autocorrelation (Wiener & Khinchin), (bins, lags)."""
    bins, lags = np.arange(PITCH_FFT)[_bins()], np.arange(int(PITCH_RATE / LOWEST) + 3)
    return _frozen(np.cos(2.0 * np.pi * bins[:, None] * lags / PITCH_FFT))


@lru_cache(maxsize=1)
def _window_products() -> Float32Array:
    """Return the autocorrelation of the window, 1 at lag 0, (lags,)."""
    products = np.correlate(_hann(), _hann(), mode="full")[PITCH_WINDOW - 1 :][: _lags().shape[1]]
    return _frozen(products / products[0])


def _decibels(frames: Float32Array) -> Float32Array:
    """Return the mean power of each frame, (frames,), in dB of full scale."""
    return single(10.0 * np.log10(np.square(frames).mean(axis=1) + ENERGY_FLOOR))


def single(values: npt.ArrayLike) -> Float32Array:
    """Return numbers in single precision."""
    return np.asarray(values, dtype=np.float32)


def _frozen(values: npt.ArrayLike) -> Float32Array:
    single = np.array(values, dtype=np.float32)
    single.setflags(write=False)
    return single
