"""Batches by seconds of sound: what is long goes with few, what is short with many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emofuse.types import Utterance
from emofuse.types.arrays import Float64Array

# How long a text would take to say: two and a half words a second.
SECONDS_PER_WORD = 0.4


def cost_of(utterance: Utterance, audio_seconds: float | None) -> float:
    """Return what an utterance costs, in seconds of sound, said or only written.

    The same for every system of a comparison, so that all of them see the same batches.
    """
    if audio_seconds is not None:
        return audio_seconds
    return max(1, len((utterance.text or "").split())) * SECONDS_PER_WORD


def effective_batches(
    costs: Sequence[float],
    batch_seconds: float,
    rng: np.random.Generator,
    shares: Float64Array | None = None,
) -> list[list[int]]:
    """Shuffle positions and cut them into batches of about `batch_seconds` of real sound each.

    Every batch is a random draw, whatever the lengths, so that its gradient is not biased by them.

    Args:
        costs: the seconds of each position.
        batch_seconds: of a batch; what is longer stands alone.
        rng: what draws.
        shares: how often each position is drawn; as many are drawn as there are. None takes each once.
    """
    batches: list[list[int]] = [[]]
    total = 0.0
    count = len(costs)
    drawn = rng.permutation(count) if shares is None else rng.choice(count, size=count, p=shares)
    for position in drawn:
        if batches[-1] and total + costs[position] > batch_seconds:
            batches.append([])
            total = 0.0
        batches[-1].append(int(position))
        total += costs[position]
    return [batch for batch in batches if batch]


def micro_batches(costs: Sequence[float], positions: Sequence[int], micro_seconds: float) -> list[list[int]]:
    """Cut positions, longest first, into batches of at most `micro_seconds` of sound, padding included.

    An utterance that is longer than that stands alone.
    """
    batches: list[list[int]] = []
    longest = 0.0
    for position in sorted(positions, key=lambda p: (-costs[p], p)):
        if not batches or longest * (len(batches[-1]) + 1) > micro_seconds:
            batches.append([])
            longest = costs[position]
        batches[-1].append(position)
    return batches
