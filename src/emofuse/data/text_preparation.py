"""Text to the numbers of its pieces: tokenizer, annotations, padding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, TypeAdapter
from tokenizers import Tokenizer

from emofuse import layout
from emofuse.config import AnnotationPolicy
from emofuse.data.tokenization import read_tokenizer, strip_annotations
from emofuse.errors import CheckpointError
from emofuse.types.arrays import IntArray


@dataclass(frozen=True)
class TextSettings:
    """How a text becomes token ids, but for the tokenizer; see `TextPreparation`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    annotations: AnnotationPolicy = "strip"
    pad_id: Annotated[int, Field(ge=0)] = 0


TEXT_SETTINGS: TypeAdapter[TextSettings | None] = TypeAdapter(TextSettings | None)


@dataclass(frozen=True)
class TextPreparation:
    """How a text becomes token ids.

    Attributes:
        tokenizer: adds the encoder's own first and last pieces; it may truncate what is too long.
        annotations: strip or keep tokens such as [LAUGHTER].
        pad_id: the id of padding, which the mask hides.
    """

    tokenizer: Tokenizer
    annotations: AnnotationPolicy = "strip"
    pad_id: int = 0

    @classmethod
    def read(cls, folder: Path, settings: TextSettings) -> TextPreparation:
        """Read the tokenizer of a model folder.

        Raises:
            CheckpointError: it is damaged, or has no piece of the number that stands for padding.
        """
        tokenizer = read_tokenizer(folder / layout.TOKENIZER)
        if not _knows(tokenizer, settings.pad_id):
            raise CheckpointError(
                f"{folder / layout.PREPARATION}: pad_id is {settings.pad_id}, and the tokenizer has no such "
                "piece; save the model again"
            )
        return cls(tokenizer, settings.annotations, settings.pad_id)

    @property
    def most_pieces(self) -> int:
        """How many pieces an encoder must know: one more than the highest number."""
        return 1 + max(self.pad_id, *self.tokenizer.get_vocab().values())

    def __call__(self, text: str) -> IntArray:
        """Prepare one text, (pieces,); a text without words gives no pieces: an absent modality."""
        words = self._words(text)
        ids = self.tokenizer.encode(words).ids if words else []
        return np.asarray(ids, dtype=np.int64)

    def shortened(self, text: str) -> str | None:
        """Return what is lost of a text that is too long for the tokenizer, one sentence; None for nothing."""
        if self.tokenizer.truncation is None:
            return None
        encoding = self.tokenizer.encode(self._words(text))
        if not encoding.overflowing:
            return None
        return f"the model takes {len(encoding.ids)} pieces of a text, and the rest of this one was not used"

    def _words(self, text: str) -> str:
        return strip_annotations(text) if self.annotations == "strip" else text.strip()


def _knows(tokenizer: Tokenizer, piece: int) -> bool:
    """Tell whether a number is not beyond those of a tokenizer's pieces."""
    return piece < tokenizer.get_vocab_size() or piece <= max(tokenizer.get_vocab().values(), default=-1)
