"""From pieces of the tokenizer to the words that a reader sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emofuse.data.text_preparation import TextPreparation
from emofuse.data.tokenization import strip_annotations
from emofuse.inference.explain.explanation import Piece, Word
from emofuse.types.arrays import Float64Array, IntArray

# The mask token of masked language models.
MASKS = ("[MASK]", "<mask>")


@dataclass(frozen=True)
class TokenizedText:
    """A text, and the tokens that a model gets.

    Attributes:
        text: without annotation tokens, where the model was trained without them.
        ids: of the pieces.
        pieces: in order, without attributions.
        words: the numbers of the pieces of each word, in order; a special piece stands alone.
        mask: the number of the piece that stands for an unknown word; None where the tokenizer has none.
    """

    text: str
    ids: IntArray
    pieces: tuple[Piece, ...]
    words: tuple[tuple[int, ...], ...]
    mask: int | None

    @property
    def special(self) -> tuple[bool, ...]:
        """Which pieces the tokenizer added."""
        return tuple(piece.special for piece in self.pieces)

    def with_attributions(self, attributions: Float64Array) -> tuple[Word, ...]:
        """Return the words with the attributions of their pieces, (pieces,)."""
        attributed = [
            replace(piece, attribution=float(value))
            for piece, value in zip(self.pieces, attributions, strict=True)
        ]
        return tuple(self._word([attributed[number] for number in numbers]) for numbers in self.words)

    def members(self) -> Float64Array:
        """Return which pieces belong to which word, (words, pieces): 1 or 0."""
        table = np.zeros((len(self.words), len(self.pieces)))
        for row, numbers in zip(table, self.words, strict=True):
            row[list(numbers)] = 1.0
        return table

    def _word(self, pieces: list[Piece]) -> Word:
        start, end = min(piece.start for piece in pieces), max(piece.end for piece in pieces)
        special = pieces[0].special
        text = pieces[0].text if special else self.text[start:end]
        return Word(text, start, end, special, sum(piece.attribution for piece in pieces), tuple(pieces))


def tokenize_text(preparation: TextPreparation, text: str) -> TokenizedText:
    """Tokenize a text as for the model, and keep the position of each piece."""
    plain = strip_annotations(text) if preparation.annotations == "strip" else text.strip()
    encoding = preparation.tokenizer.encode(plain)
    pieces = tuple(
        Piece(token, start, end, special=True) if special else _piece(plain, start, end)
        for token, (start, end), special in zip(
            encoding.tokens, encoding.offsets, encoding.special_tokens_mask, strict=True
        )
    )
    ids = np.asarray(encoding.ids, dtype=np.int64)
    words = _words(plain, pieces, encoding.word_ids)
    known = (preparation.tokenizer.token_to_id(mask) for mask in MASKS)
    return TokenizedText(plain, ids, pieces, words, next((number for number in known if number is not None), None))


def _piece(text: str, start: int, end: int) -> Piece:
    """Return a piece without the space that some tokenizers count as its first character."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return Piece(text[start:end], start, end)


def _words(text: str, pieces: Sequence[Piece], own: Sequence[int | None]) -> tuple[tuple[int, ...], ...]:
    """Group pieces by the spaces between words; by the tokenizer's own words where a text has no spaces."""
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    groups: list[list[int]] = []
    last: object = None
    for number, piece in enumerate(pieces):
        spaced = int(np.searchsorted(ends, piece.start, side="right"))
        key = ("special", number) if piece.special else spaced if len(ends) > 1 else own[number]
        if not groups or key != last:
            groups.append([])
        groups[-1].append(number)
        last = key
    return tuple(map(tuple, groups))
