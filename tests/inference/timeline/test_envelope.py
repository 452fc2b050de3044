"""The outline of a waveform: however it comes in blocks, and in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timelines import calmly

from emofuse.inference.timeline.envelope import envelope


@calmly
@given(st.lists(st.integers(0, 70), max_size=12), st.integers(2, 40))
def test_the_outline_is_that_of_the_whole(sizes: list[int], points: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, sum(sizes)).astype(np.float32)
    outline = envelope(np.split(samples, np.cumsum(sizes)[:-1]) if sizes else [], points)
    parts = [samples[place : place + outline.width] for place in range(0, len(samples), outline.width)]
    assert outline.samples == len(samples)
    assert outline.low == tuple(float(part.min()) for part in parts)
    assert outline.high == tuple(float(part.max()) for part in parts)
    assert len(outline.low) <= points
    assert len(samples) < points - 1 or len(outline.low) >= (points - 1) // 2


def test_starts_are_shares_of_the_whole() -> None:
    outline = envelope([np.zeros(10)], 4)
    assert outline.width == 4
    assert outline.starts == [0.0, 0.4, 0.8]


def test_memory_does_not_grow_with_length() -> None:
    def blocks(count: int) -> Iterator[np.ndarray]:
        for _ in range(count):
            yield np.zeros(16_000, dtype=np.float32)

    def peak(count: int) -> int:
        tracemalloc.start()
        envelope(blocks(count), 1000)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(400) < 1.5 * peak(20)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="1 points"):
        envelope([], 1)
