"""Turns from TextGrid, the files of Praat, where each speaker has a tier."""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.speaker_names import holds_sounds, speaker_of_tier
from emofuse.turns.turn_parsing import parse_seconds, quoted, turn_or_nothing
from emofuse.types import Turn

# As Praat's own readers: free-standing numbers, quoted strings and flags. A number may have a unit; what follows a
# free-standing `!` is a comment.
_TOKEN = re.compile(
    r'(?<!\S)(?:"(?:[^"]|"")*"|<\w+>|[-+]?[\d.]+(?:[eE][-+]?\d+)?(?:s|sec|secs|seconds?|ms|msec)?|![^\n]*)(?!\S)'
)
COMMENT = "!"


class _Tokens:
    """The tokens of a TextGrid, one after another, and the line of the last one."""

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path = text, path
        self._matches = (match for match in _TOKEN.finditer(text) if not match[0].startswith(COMMENT))
        self._line, self._position = 1, 0

    @property
    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def next(self, what: str) -> str:
        token = next(self._matches, None)
        position = len(self._text.rstrip()) if token is None else token.start()
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        if token is None:
            raise CorpusError(f"{self.place}: breaks off where {what} should be; export it from Praat again")
        return token[0]

    def string(self, what: str) -> str:
        token = self.next(what)
        if not token.startswith('"'):
            raise CorpusError(f"{self.place}: has {quoted(token)} where {what} should be, in quotes")
        return token[1:-1].replace('""', '"')

    def number(self, what: str) -> float:
        return parse_seconds(self.next(what), self.place)


def read_textgrid(text: str, path: Path) -> list[Turn]:
    """Read the interval tiers of a long or short TextGrid; empty intervals are silence, point tiers are skipped.

    Raises:
        CorpusError: it is binary, damaged, or no TextGrid.
    """
    if text.startswith("ooBinaryFile"):
        raise CorpusError(f"{path}: is a binary TextGrid; save it from Praat as a text file")
    tokens = _Tokens(text, path)
    if tokens.string("the file's type") != "ooTextFile" or tokens.string("its class") != "TextGrid":
        raise CorpusError(f"{tokens.place}: is not a TextGrid; export it from Praat again")
    for what in ("the beginning", "the end", "<exists>"):
        tokens.next(what)
    turns: list[Turn] = []
    for _ in range(int(tokens.number("the number of tiers"))):
        turns += _tier(tokens)
    return turns


def _tier(tokens: _Tokens) -> list[Turn]:
    kind, name = tokens.string("a tier's class"), tokens.string("a tier's name")
    for what in ("a tier's beginning", "a tier's end"):
        tokens.number(what)
    count, turns = int(tokens.number("a number of intervals")), list[Turn]()
    for _ in range(count):
        start = tokens.number("a time")
        place = tokens.place
        end = tokens.number("an interval's end") if kind == "IntervalTier" else start
        text = tokens.string("an interval's text")
        if text.strip():
            turns += turn_or_nothing(place, (start, end), speaker_of_tier(name), text)
    return [] if holds_sounds(name) else turns
