"""Occlusion (Zeiler and Fergus 2014): an utterance without each of its parts, and each part alone.

It takes predictions only, so that any runtime can be explained, also one without gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emofuse.data.preparation import Booleans, Item, Preparation
from emofuse.inference.explain.contributions import Contributions, margin
from emofuse.inference.explain.explained_input import ExplainedInput
from emofuse.inference.explain.moments import STEP, count_moments, moments_of, usual
from emofuse.inference.runtime import Runtime
from emofuse.types.arrays import Float32Array, Float64Array, IntArray

# A recording is cut into no more stretches, so that a longer one has longer stretches.
MOST_STRETCHES = 100
# How much is computed at once.
ROWS_AT_ONCE, SECONDS_AT_ONCE = 16, 60.0
# The number of a piece that belongs to no word: it always stays.
NO_WORD = -1


@dataclass(frozen=True)
class Parts:
    """The parts that an utterance is taken apart into: stretches of its sound, and words.

    Attributes:
        item: the whole of it.
        stretches: the stretch that each time step belongs to, (steps,); none without sound.
        words: the word that each piece belongs to, (pieces,), or `NO_WORD`; none without text.
        usual: what stands in the place of sound that is left out, (samples,) or (width,); None without sound.
        may_lack_text: see the function of that name.
    """

    item: Item
    stretches: IntArray
    words: IntArray
    usual: Float32Array | None
    may_lack_text: bool

    def keeping(self, stretches: Booleans, words: Booleans) -> Item:
        """Return the utterance with some of its stretches and some of its words.

        Args:
            stretches: which stay, (stretches,); the others have their usual sound.
            words: which stay, (words,); the others are missing from the text.
        """
        return Item(self._sound(stretches), self._text(words))

    def _sound(self, kept: Booleans) -> Float32Array | None:
        values = self.item.values
        if values is None or self.usual is None:
            return None
        stays = kept[self.stretches].reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(np.where(stays, values, self.usual), dtype=np.float32)

    def _text(self, kept: Booleans) -> IntArray | None:
        ids = self.item.ids
        if ids is None or (self.may_lack_text and not kept.any()):
            return None
        return np.asarray(ids[np.append(kept, True)[self.words]])


def occlude(runtime: Runtime, preparation: Preparation, source: ExplainedInput, label: int) -> Contributions:
    """Return what each stretch of sound and each word contributes to a label.

    A part contributes the mean of what the target loses if the part alone is left out, and of what it gains if the
    part alone is there. The first alone would be about 0 for two words of which either suffices; the second alone,
    for two that need each other.

    Args:
        runtime: computes the logits.
        preparation: of its inputs.
        source: what is explained.
        label: its number.
    """
    step = step_seconds(source.seconds)
    parts = taken_apart(runtime, preparation, source, step)
    stretches, words = _count(source, step), int(parts.words.max(initial=NO_WORD)) + 1
    present = np.concatenate([np.unique(parts.stretches), stretches + np.arange(words)])
    targets = _targets(runtime, preparation, list(_variants(parts, present, (stretches, words))), source, label)
    contributed = np.zeros(stretches + words)
    without, alone = targets[2:].reshape(2, -1)
    contributed[present] = ((targets[0] - without) + (alone - targets[1])) / 2
    return Contributions(
        "occlusion", contributed[:stretches], step, _by_piece(parts.words, contributed[stretches:])
    )


def step_seconds(seconds: float) -> float:
    """Return how long the stretches of a recording are: 0.1 s, or more where there would be too many.

    >>> step_seconds(3.0), step_seconds(59.0)
    (0.1, 0.6)
    """
    return round(STEP * -(-count_moments(seconds) // MOST_STRETCHES), 1)


def taken_apart(runtime: Runtime, preparation: Preparation, source: ExplainedInput, step: float) -> Parts:
    """Return the parts of an utterance, its stretches so many seconds long."""
    item, none = source.item, np.zeros(0, dtype=np.int64)
    stretches, words, stand_in = none, none, None
    if item.values is not None and preparation.audio is not None:
        rate = preparation.audio.steps_per_second
        stretches = moments_of(len(item.values), rate, source.start, _count(source, step), step)
        stand_in = usual(preparation.audio, item.values)
    if source.reading is not None:
        words = np.full(len(source.reading.ids), NO_WORD)
        spoken = [numbers for numbers in source.reading.words if not source.reading.special[numbers[0]]]
        for number, pieces in enumerate(spoken):
            words[list(pieces)] = number
    return Parts(item, stretches, words, stand_in, may_lack_text(runtime, item))


def may_lack_text(runtime: Runtime, item: Item) -> bool:
    """Return whether the model knows utterances without text: without its words, this one is one of them."""
    return runtime.traits.missing_modalities and item.values is not None


def _variants(parts: Parts, present: IntArray, counts: tuple[int, int]) -> Iterator[Item]:
    """Yield the whole utterance, nothing of it, it without each part, and each part alone."""
    stretches, words = counts
    alone = np.eye(stretches + words, dtype=np.bool_)[present]
    every = np.ones((1, stretches + words), dtype=np.bool_)
    for kept in np.concatenate([every, ~every, ~alone, alone]):
        yield parts.keeping(kept[:stretches], kept[stretches:])


def _targets(
    runtime: Runtime, preparation: Preparation, items: list[Item], source: ExplainedInput, label: int
) -> Float64Array:
    """Return the target of each item, (items,)."""
    rows = max(1, min(ROWS_AT_ONCE, int(SECONDS_AT_ONCE // max(source.seconds, 1.0))))
    logits = [
        runtime(preparation.collate(items[first : first + rows])).logits for first in range(0, len(items), rows)
    ]
    return margin(np.concatenate(logits), label, runtime.traits.task.multi_label).astype(np.float64)


def _count(source: ExplainedInput, step: float) -> int:
    return count_moments(source.seconds, step) if source.clip else 0


def _by_piece(words: IntArray, contributed: Float64Array) -> Float64Array:
    """Share what each word contributes among its pieces evenly, (pieces,); pieces of no word have 0."""
    sizes = np.bincount(words[words >= 0], minlength=len(contributed))
    shares = np.append(contributed / np.maximum(sizes, 1), 0.0)
    return np.asarray(shares[words])
