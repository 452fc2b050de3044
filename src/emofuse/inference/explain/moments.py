"""From an encoder's time steps and frames to moments of 100 ms."""

from __future__ import annotations

import math

import numpy as np

from emofuse.data.preparation import AudioPreparation
from emofuse.sound.features import root_mean_square, spoken_span
from emofuse.types.arrays import Float32Array, Float64Array, IntArray, Samples

# Seconds of a moment.
STEP = 0.1
# How loud the hiss is beside the recording: 40 dB below it.
HISS = 0.01


def count_moments(seconds: float, step: float = STEP) -> int:
    """Return how many moments of so many seconds a recording has; the last one may be shorter.

    >>> count_moments(0.3), count_moments(0.31)
    (3, 4)
    """
    return max(1, math.ceil(seconds / step - 1e-6))


def moments_of(steps: int, steps_per_second: float, start: float, count: int, step: float = STEP) -> IntArray:
    """Return the moment that the middle of each time step lies in, (steps,).

    Args:
        steps: how many there are.
        steps_per_second: of what the encoder takes.
        start: seconds of the recording before the first step.
        count: moments of the recording.
        step: seconds of a moment.
    """
    middles = start + (np.arange(steps) + 0.5) / steps_per_second
    return np.minimum((middles / step).astype(np.int64), count - 1)


def by_moment(values: Float64Array, steps_per_second: float, start: float, count: int) -> Float64Array:
    """Sum values of time steps, (steps,), over the moments that the steps' middles lie in: (count,).

    Args:
        values: one for each step.
        steps_per_second: of what the encoder takes.
        start: seconds of the recording before the first step.
        count: moments of the recording.
    """
    moments = moments_of(len(values), steps_per_second, start, count)
    return np.asarray(np.bincount(moments, weights=values, minlength=count), dtype=np.float64)


def shares(frames: int, start: float, seconds: float, count: int) -> Float64Array:
    """Return how much of each frame lies in each moment, (frames, count); rows sum to 1.

    Frames are taken to cover the seconds of the input evenly.
    """
    edges = start + np.linspace(0.0, seconds, frames + 1)
    ends = np.arange(1, count + 1) * STEP
    ends[-1] = max(ends[-1], edges[-1])
    first = np.maximum(edges[:-1, None], ends - np.diff(ends, prepend=0.0))
    last = np.minimum(edges[1:, None], ends)
    inside = np.maximum(last - first, 0.0)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))


def seconds_cut(samples: Samples, preparation: AudioPreparation) -> float:
    """Return how many seconds of silence the preparation cuts before the first sound of the input."""
    if not preparation.trim:
        return 0.0
    return spoken_span(samples, preparation.rate)[0] / preparation.rate


def usual(preparation: AudioPreparation, values: Float32Array) -> Float32Array:
    """Return what a recording is compared with, one time step or as many as it has: (width,) or (samples,).

    For filter banks what the recording usually sounds like, with nothing moving: each bin at its median. For
    waveforms a hiss of the same length, far below the recording: encoders that normalise the waveform give
    nothing sensible for silence. Digital silence as frames would be far from every moment of any recording.
    """
    if preparation.features == "waveform":
        noise = np.random.default_rng(0).standard_normal(len(values), dtype=np.float32)
        return np.asarray(HISS * root_mean_square(values) * noise, dtype=np.float32)
    return np.asarray(np.median(values, axis=0), dtype=np.float32)
