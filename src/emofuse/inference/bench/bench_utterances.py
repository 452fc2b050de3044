"""The input of the benchmark: utterances of noise, with the lengths of those of IEMOCAP."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emofuse.data.preparation import Item, Preparation
from emofuse.inference.parity import noise

# Seconds of an utterance of IEMOCAP: log-normal, about 7 h over 5,531 turns.
MEAN_SECONDS = 4.5
SPREAD = 0.6
SHORTEST_SECONDS, LONGEST_SECONDS = 0.6, 30.0
# Spoken English; a word counts as one token, plus the encoder's first and last special tokens.
WORDS_PER_SECOND = 2.5
SPECIAL_TOKENS = 2
# Utterances that are timed together; also the size of a batch.
CHUNK = 8


def draw_seconds(count: int, seed: int) -> list[float]:
    """Draw the lengths of utterances in seconds; the same seed gives the same lengths."""
    middle = math.log(MEAN_SECONDS) - SPREAD**2 / 2
    drawn = np.random.default_rng(seed).lognormal(middle, SPREAD, count)
    return [float(seconds) for seconds in np.clip(drawn, SHORTEST_SECONDS, LONGEST_SECONDS)]


def make_items(
    preparation: Preparation, seconds: Sequence[float], longest_text: int | None, seed: int
) -> list[Item]:
    """Make utterances of these lengths, prepared as recordings and texts would be.

    Args:
        preparation: of the model; a modality that it does not take stays away.
        seconds: of each utterance.
        longest_text: how many pieces the text encoder takes at once; None without a limit.
        seed: of noise and pieces.
    """
    rng = np.random.default_rng(seed)
    limit = math.inf if longest_text is None else longest_text
    return [noise(preparation, one, int(min(_pieces(one), limit)), rng) for one in seconds]


def in_chunks(items: Sequence[Item]) -> list[list[Item]]:
    """Cut utterances, in their order, into chunks; the last may be smaller."""
    return [list(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]


def _pieces(seconds: float) -> int:
    return max(1, round(WORDS_PER_SECOND * seconds)) + SPECIAL_TOKENS
