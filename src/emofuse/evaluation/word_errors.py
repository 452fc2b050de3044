"""Word error rate of recognised text against a reference."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

# Characters that are typed for an apostrophe: right and left quotation mark, and the modifier letter.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc", "'"))


@dataclass(frozen=True)
class WordErrorRate:
    """Word errors of a number of utterances, pooled: long utterances count by their words.

    Attributes:
        utterances: how many references there are.
        words: words in the references.
        errors: words that were substituted, deleted or inserted.
    """

    utterances: int
    words: int
    errors: int

    @property
    def rate(self) -> float | None:
        """Errors per word, which may exceed 1; None where the references have no words."""
        return self.errors / self.words if self.words else None


def words_of(text: str) -> list[str]:
    """Split a text into words that are alike where only case, punctuation or typing differ.

    Numbers stay as they are written, "3" is not "three". A script without spaces gives one word a phrase, for
    which a word error rate means little.

    >>> words_of("Don't! she said -- twice: well-known.")
    ["don't", 'she', 'said', 'twice', 'well', 'known']
    """
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    spaced = "".join(" " if _separates(character) else character for character in plain)
    return [word for part in spaced.split() if (word := part.strip("'"))]


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Return the fewest substitutions, deletions and insertions between two texts, and the words of the reference.

    >>> word_errors("Kids are talking by the door.", "kids are taught him by the door")
    (2, 6)
    """
    expected, recognised = words_of(reference), words_of(hypothesis)
    return Levenshtein.distance(expected, recognised), len(expected)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> WordErrorRate:
    """Pool the errors over pairs of a reference and a hypothesis."""
    counts = [word_errors(reference, hypothesis) for reference, hypothesis in pairs]
    return WordErrorRate(len(counts), sum(words for _, words in counts), sum(errors for errors, _ in counts))


def word_error_rates(pairs: Sequence[tuple[str, str]], groups: Sequence[str | None]) -> dict[str, WordErrorRate]:
    """Pool the errors within each group, such as an emotion or a gender, in the order of their names.

    Args:
        pairs: a reference and a hypothesis for each utterance.
        groups: the group of each utterance; None counts as "none".
    """
    members: dict[str, list[tuple[str, str]]] = {}
    for pair, group in zip(pairs, groups, strict=True):
        members.setdefault("none" if group is None else group, []).append(pair)
    return {group: word_error_rate(members[group]) for group in sorted(members)}


def _separates(character: str) -> bool:
    return character != "'" and unicodedata.category(character)[0] in "PS"
