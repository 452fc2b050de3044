"""The level of sound, frame by frame, and how close each frame is to the loudest frames around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from emofuse.sound.clips import SAMPLE_RATE
from emofuse.types.arrays import Samples

# Both detectors use frames of 32 ms, the length that Silero was trained with.
FRAME = 512
FRAME_SECONDS = FRAME / SAMPLE_RATE
# Levels are of this band, in Hz, where most of a voice is; hum and hiss are not.
BAND = (200.0, 4000.0)
# The power that is added to each frame, in dB of full scale: the smallest level.
FLOOR_DECIBELS = -85.0
# Floor and top of the levels are these percentiles over so many chunks before and after.
FLOOR_PERCENT, TOP_PERCENT = 20.0, 95.0
CHUNKS_BEFORE, CHUNKS_AFTER = 12, 4
# Where they are closer than this, in dB, there is only noise: its ripple is not speech.
SMALLEST_RANGE_DECIBELS = 24.0
# A run of frames is speech if it comes within this of the top, in dB, or within this share of the range ...
ON_BELOW, ON_SHARE = 13.0, 0.25
# ... and it lasts as long as the level stays within this.
OFF_BELOW, OFF_SHARE = 18.0, 0.35
# Levels are smoothed over so many frames, so that neither ripple nor the gaps of consonants part a run.
SMOOTH_FRAMES = 7


@dataclass(frozen=True)
class FrameScores:
    """Scores and levels of about a second of sound, frame by frame.

    Attributes:
        scores: (frames,), the detector's score for speech.
        levels: (frames,), in dB of full scale.
        samples: number of samples; the last frame of a stream may be padded with zeros.
    """

    scores: Samples
    levels: Samples
    samples: int


def frames_of(chunk: Samples) -> Samples:
    """Cut a chunk into (frames, 512), the last padded with zeros."""
    return np.pad(chunk, (0, -len(chunk) % FRAME)).reshape(-1, FRAME)


def levels_of(frames: Samples) -> Samples:
    """Return the level of each frame in the band of a voice, (frames,), in dB of full scale."""
    spectrum = np.fft.rfft(frames * np.hanning(FRAME), axis=1)
    low, high = (round(hertz * FRAME / SAMPLE_RATE) for hertz in BAND)
    # Parseval, both halves of the spectrum; a Hann window leaves 3/8 of the power.
    power = 2.0 * np.square(np.abs(spectrum[:, low:high])).sum(axis=1) / (0.375 * FRAME**2)
    return np.asarray(10.0 * np.log10(power + 10.0 ** (FLOOR_DECIBELS / 10.0)), dtype=np.float32)


def with_nearness(scored: Iterable[FrameScores]) -> Iterator[tuple[FrameScores, Samples]]:
    """Yield each chunk with the closeness of its frames to the loudest around them, once enough is known."""
    window: deque[FrameScores] = deque(maxlen=CHUNKS_BEFORE + 1 + CHUNKS_AFTER)
    waiting = 0
    for chunk in scored:
        window.append(chunk)
        waiting += 1
        if waiting > CHUNKS_AFTER:
            yield window[-waiting], _nearness(list(window), waiting)
            waiting -= 1
    for left in range(waiting, 0, -1):
        yield window[-left], _nearness(list(window), left)


def _nearness(window: list[FrameScores], back: int) -> Samples:
    """Score the chunk that is the `back`-th from the end of a window: 1 where a run is speech, 0 where it ends."""
    levels = np.concatenate([each.levels for each in window])
    floor, top = np.percentile(levels, (FLOOR_PERCENT, TOP_PERCENT))
    top = max(top, floor + SMALLEST_RANGE_DECIBELS)
    on = top - max(ON_BELOW, ON_SHARE * (top - floor))
    off = top - max(OFF_BELOW, OFF_SHARE * (top - floor))
    power = np.pad(10.0 ** (levels / 10.0), SMOOTH_FRAMES // 2, mode="edge")
    smooth = 10.0 * np.log10(np.convolve(power, np.full(SMOOTH_FRAMES, 1.0 / SMOOTH_FRAMES), mode="valid"))
    first = sum(len(each.levels) for each in window[:-back])
    scores = (smooth[first : first + len(window[-back].levels)] - off) / (on - off)
    return np.asarray(scores, dtype=np.float32)
