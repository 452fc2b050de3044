"""Batches by seconds of sound: few long utterances or many short ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emofuse.types.arrays import Float64Array

# Without padding: seconds of sound of equal length in a batch.
EQUAL_LENGTH_SECONDS = 60.0
# Speaking time of a text: two and a half words a second.
SECONDS_PER_WORD = 0.4


def cost_of(text: str | None, audio_seconds: float | None) -> float:
    """Return the cost of an utterance: its seconds of sound or, for text alone, its speaking time.

    The same for every system of a comparison, so that all of them see the same batches.
    """
    if audio_seconds is not None:
        return audio_seconds
    return max(1, len((text or "").split())) * SECONDS_PER_WORD


def effective_batches(
    costs: Sequence[float],
    batch_seconds: float,
    rng: np.random.Generator,
    shares: Float64Array | None = None,
) -> list[list[int]]:
    """Shuffle positions and cut them into batches of about `batch_seconds` of real sound each.

    Every batch is a random draw, whatever the lengths, so that its gradient is not biased by them. A remainder of
    less than half a batch joins the last whole one: a few utterances alone would make a step as large as any.

    Args:
        costs: the seconds of each position.
        batch_seconds: of a batch; a longer utterance is a batch of its own.
        rng: source of randomness.
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
    if len(batches) > 1 and total < batch_seconds / 2:
        batches[-2:] = [batches[-2] + batches[-1]]
    return [batch for batch in batches if batch]


def micro_batches(costs: Sequence[float], positions: Sequence[int], micro_seconds: float) -> list[list[int]]:
    """Cut positions, longest first, into batches of at most `micro_seconds` of sound, padding included.

    A longer utterance is a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0.0
    for position in sorted(positions, key=lambda p: (-costs[p], p)):
        if not batches or longest * (len(batches[-1]) + 1) > micro_seconds:
            batches.append([])
            longest = costs[position]
        batches[-1].append(position)
    return batches


def batches_of_lengths(
    lengths: Sequence[tuple[int, int]], costs: Sequence[float], padded_seconds: float
) -> list[list[int]]:
    """Cut positions into batches, the longest first, as a runtime computes them best.

    Args:
        lengths: of prepared utterances, each in steps of sound and pieces of text.
        costs: their seconds.
        padded_seconds: of a batch, padding included; 0 puts only equal lengths together.
    """
    if padded_seconds:
        return micro_batches(costs, range(len(lengths)), padded_seconds)
    equal: dict[tuple[int, int], list[int]] = {}
    for position, length in enumerate(lengths):
        equal.setdefault(length, []).append(position)
    batches = [part for group in equal.values() for part in micro_batches(costs, group, EQUAL_LENGTH_SECONDS)]
    return sorted(batches, key=lambda batch: -costs[batch[0]])
