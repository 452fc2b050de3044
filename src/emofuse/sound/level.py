"""Silence around speech, and the level of a recording: differences that carry no emotion."""

from __future__ import annotations

import numpy as np

from emofuse.sound.filterbank import HOP_SECONDS, WINDOW_SECONDS
from emofuse.types.arrays import Samples


def trim_silence(samples: Samples, rate: int, decibels: float = 35.0, margin: float = 0.05) -> Samples:
    """Cut the silence before and after speech; a silent or very short clip stays whole.

    See `spoken_span` for the arguments.
    """
    first, last = spoken_span(samples, rate, decibels, margin)
    return samples[first:last]


def spoken_span(samples: Samples, rate: int, decibels: float = 35.0, margin: float = 0.05) -> tuple[int, int]:
    """Return where speech begins and ends, in samples; the whole clip where it is silent.

    Args:
        samples: (samples,).
        rate: samples per second.
        decibels: a frame of 25 ms is silent where its power is more than this below that of the loudest frame.
        margin: seconds of the silence that stay at either end.
    """
    window, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    starts = np.arange(0, max(1, len(samples) - window + hop), hop)
    # The energy of each frame, the last of which may be shorter: the difference of two running sums.
    running = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    energies = running[np.minimum(starts + window, len(samples))] - running[starts]
    if not energies.any():
        return 0, len(samples)
    loud = np.flatnonzero(energies >= energies.max() * 10.0 ** (-decibels / 10.0))
    kept = round(margin * rate)
    first, last = int(starts[loud[0]]), int(starts[loud[-1]])
    return max(0, first - kept), min(len(samples), last + window + kept)


def to_level(samples: Samples, rms: float) -> Samples:
    """Bring samples to a root mean square, 1 being full scale; digital silence stays as it is."""
    loudness = root_mean_square(samples)
    if not loudness:
        return samples
    return np.asarray(samples.astype(np.float64) * (rms / loudness), dtype=np.float32)


def root_mean_square(samples: Samples) -> float:
    """Return how loud samples are, 1 being full scale; 0 for none at all."""
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if len(samples) else 0.0
