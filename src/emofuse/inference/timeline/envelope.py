"""The envelope of a waveform: the lowest and the highest sample of each bin, for drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Samples


@dataclass(frozen=True)
class Envelope:
    """The envelope of a waveform.

    Attributes:
        low: the lowest sample of each bin.
        high: the highest sample of each bin.
        bin_samples: the length of a bin in samples; the last bin may be shorter.
        sample_count: the length of the waveform in samples.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    bin_samples: int
    sample_count: int

    @property
    def starts(self) -> list[float]:
        """The start of each bin, as a share of the waveform's length."""
        return [number * self.bin_samples / self.sample_count for number in range(len(self.low))]


def envelope(blocks: Iterable[npt.NDArray[Any]], bins: int) -> Envelope:
    """Return the envelope of a waveform of unknown length, in constant memory.

    Bins are one sample long at first; whenever all bins are full, neighbours are merged.

    Args:
        blocks: consecutive blocks of mono samples; they may be empty.
        bins: the largest number of bins, at least 2; a long waveform has at least half as many.

    Raises:
        ValueError: `bins` is below 2.
    """
    if bins < 2:
        raise ValueError(f"an envelope of {bins} bins: at least 2 are needed")
    bins -= bins % 2
    low = np.full(bins, np.inf, dtype=np.float32)
    high = np.full(bins, -np.inf, dtype=np.float32)
    bin_samples, sample_count = 1, 0
    for block in blocks:
        rest = np.asarray(block, dtype=np.float32)
        while len(rest):
            if sample_count == bins * bin_samples:
                low = _padded(np.minimum(low[0::2], low[1::2]), np.inf)
                high = _padded(np.maximum(high[0::2], high[1::2]), -np.inf)
                bin_samples *= 2
            taken, rest = np.split(rest, [bins * bin_samples - sample_count])
            first = sample_count // bin_samples
            edges = [0, *range(bin_samples - sample_count % bin_samples, len(taken), bin_samples)]
            inside = slice(first, first + len(edges))
            low[inside] = np.minimum(low[inside], np.minimum.reduceat(taken, edges))
            high[inside] = np.maximum(high[inside], np.maximum.reduceat(taken, edges))
            sample_count += len(taken)
    used = -(-sample_count // bin_samples)
    return Envelope(tuple(low[:used].tolist()), tuple(high[:used].tolist()), bin_samples, sample_count)


def _padded(half: Samples, empty: float) -> Samples:
    """Return merged bins with as many empty ones behind them."""
    return np.concatenate([half, np.full(len(half), empty, dtype=np.float32)])
