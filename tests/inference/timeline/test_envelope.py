"""The envelope of a waveform: for blocks of any size, and in constant memory."""

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
def test_blocks_of_any_size_give_the_envelope_of_the_whole(sizes: list[int], bins: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, sum(sizes)).astype(np.float32)
    made = envelope(np.split(samples, np.cumsum(sizes)[:-1]) if sizes else [], bins)
    parts = [samples[place : place + made.bin_samples] for place in range(0, len(samples), made.bin_samples)]
    assert made.sample_count == len(samples)
    assert made.low == tuple(float(part.min()) for part in parts)
    assert made.high == tuple(float(part.max()) for part in parts)
    assert len(made.low) <= bins
    assert len(samples) < bins - 1 or len(made.low) >= (bins - 1) // 2


def test_starts_are_shares_of_the_whole() -> None:
    made = envelope([np.zeros(10)], 4)
    assert made.bin_samples == 4
    assert made.starts == [0.0, 0.4, 0.8]


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


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bins"):
        envelope([], 1)
