"""Random changes to the inputs of a training step: altered copies, crops, dropped modalities, transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.config import Recipe
from emofuse.data.preparation import Item
from emofuse.training.loader import InputReader, PreparedPart


@dataclass(frozen=True)
class InputAugmentation:
    """How inputs are changed at random in training.

    Attributes:
        copies: altered copies that exist of each recording.
        untouched: probability that the recording itself is used.
        max_seconds: longest audio; longer ones are cropped at random. None crops nothing.
        max_tokens: longest text, in pieces; longer ones are cut at the end. None cuts nothing.
        mixed_transcripts: draw one of the transcripts of an utterance.
        drop_audio: probability that the audio of an utterance with both modalities is dropped.
        drop_text: likewise of its text.
    """

    copies: int = 0
    untouched: float = 0.0
    max_seconds: float | None = None
    max_tokens: int | None = None
    mixed_transcripts: bool = False
    drop_audio: float = 0.0
    drop_text: float = 0.0

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> InputAugmentation:
        """Return what a recipe describes."""
        dropped = recipe.training.modality_dropout
        return cls(
            recipe.audio.alter.copies,
            recipe.audio.alter.untouched,
            recipe.audio.max_seconds,
            recipe.text.max_tokens,
            recipe.text.source == "mixed",
            dropped.audio,
            dropped.text,
        )

    def batch(
        self, part: PreparedPart, positions: Sequence[int], rng: np.random.Generator
    ) -> dict[str, npt.NDArray[Any]]:
        """Prepare utterances for a training step, as `EmotionModel.forward` takes them."""
        draws = rng if self.mixed_transcripts else None
        items = [part.item(position, draws, self._copy(rng)) for position in positions]
        seconds = part.costs[list(positions)].tolist()
        changed = [
            self._with_dropped_modality(self._cropped(item, length, part.reader, rng), rng)
            for item, length in zip(items, seconds, strict=True)
        ]
        return part.reader.collate(changed)

    def _copy(self, rng: np.random.Generator) -> int:
        """Return the number of the copy to use; 0 is the recording itself."""
        if not self.copies or rng.random() < self.untouched:
            return 0
        return int(rng.integers(1, self.copies + 1))

    def _cropped(self, item: Item, seconds: float, reader: InputReader, rng: np.random.Generator) -> Item:
        """Crop audio at random and text at its end; of frozen encoders the frames are cropped, not their input."""
        values, ids = item.values, item.ids
        if values is not None and self.max_seconds is not None:
            longest = max(1, round(self.max_seconds * reader.steps_per_second(values, seconds)))
            start = int(rng.integers(0, max(1, len(values) - longest + 1)))
            values = values[start : start + longest]
        if ids is not None and self.max_tokens is not None:
            ids = ids[: self.max_tokens]
        return Item(values, ids)

    def _with_dropped_modality(self, item: Item, rng: np.random.Generator) -> Item:
        """Drop a modality at random, never the only one."""
        if item.values is None or item.ids is None:
            return item
        draw = rng.random()
        if draw < self.drop_audio:
            return Item(None, item.ids)
        return Item(item.values, None) if draw < self.drop_audio + self.drop_text else item
