"""A waveform as few numbers: the lowest and the highest sample of each stretch, for drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Samples


@dataclass(frozen=True)
class Envelope:
    """The outline of a waveform.

    Attributes:
        low: the lowest sample of each stretch.
        high: the highest.
        width: samples a stretch; the last may be shorter.
        samples: of the waveform.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    width: int
    samples: int

    @property
    def starts(self) -> list[float]:
        """Where each stretch begins, as a share of the whole."""
        return [place * self.width / self.samples for place in range(len(self.low))]


def envelope(blocks: Iterable[npt.NDArray[Any]], points: int) -> Envelope:
    """Outline a waveform of unknown length in constant memory.

    Stretches begin one sample long; whenever there are `points` of them, neighbours are put together.

    Args:
        blocks: of mono samples, one after the other; empty ones are passed over.
        points: how many stretches there are at most, 2 or more; a long waveform has at least half as many.

    Raises:
        ValueError: `points` is below 2.
    """
    if points < 2:
        raise ValueError(f"an outline of {points} points: 2 or more are needed")
    points -= points % 2
    low = np.full(points, np.inf, dtype=np.float32)
    high = np.full(points, -np.inf, dtype=np.float32)
    width, samples = 1, 0
    for block in blocks:
        rest = np.asarray(block, dtype=np.float32)
        while len(rest):
            if samples == points * width:
                low = _halved(np.minimum(low[0::2], low[1::2]), np.inf)
                high = _halved(np.maximum(high[0::2], high[1::2]), -np.inf)
                width *= 2
            taken, rest = np.split(rest, [points * width - samples])
            first = samples // width
            edges = [0, *range(width - samples % width, len(taken), width)]
            inside = slice(first, first + len(edges))
            low[inside] = np.minimum(low[inside], np.minimum.reduceat(taken, edges))
            high[inside] = np.maximum(high[inside], np.maximum.reduceat(taken, edges))
            samples += len(taken)
    count = -(-samples // width)
    return Envelope(tuple(low[:count].tolist()), tuple(high[:count].tolist()), width, samples)


def _halved(half: Samples, empty: float) -> Samples:
    return np.concatenate([half, np.full(len(half), empty, dtype=np.float32)])
