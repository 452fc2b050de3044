"""Plain texts: words without times, and refusals of texts that look as if they had some."""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.speaker_names import without_prefixes

# A clock that begins or ends a line, as in transcripts of meetings: "[00:12] Hello", "Anna 0:12".
_CLOCK = re.compile(r"[\[(<]?(?P<clock>\d{1,3}:\d{2}(?P<exact>:\d{2}|[.,]\d{1,3})?(?:[.,:]\d{1,3})?)[\])>]?:?")
_BRACKETS = "[(<"
# What only programs write: Whisper's tokens of times, times of words in captions, names of fields.
_MARKS = re.compile(r"<\|\d+\.\d\d\|>|<\d+:\d\d[:.]|^\s{0,9}\[?\s?start ?[=:] ?\d|-->", re.MULTILINE)
_TWO_NUMBERS = re.compile(r"\d+(?:[.,]\d+)?\s+\d+(?:[.,]\d+)?(?:\s.*)?")
# A line that ends with a clock names a speaker, if it is no longer than this.
LONGEST_NAME_LINE = 60


def read_plain_text(text: str, path: Path) -> str:
    """Return the words of a text, without the names of speakers before them.

    Raises:
        CorpusError: the text looks as if it had times, but no known format has them like that.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    clocks = [clock for line in lines if (clock := _clock(line)) is not None]
    exact = any(clock["exact"] or clock[0][0] in _BRACKETS for clock in clocks)
    numbered = len(lines) > 1 and all(_TWO_NUMBERS.fullmatch(line) for line in lines)
    if exact or len(clocks) > 1 or numbered or _MARKS.search(text):
        raise CorpusError(
            f"{path}: looks like words with times, but in no known format; "
            "give SRT, VTT, TextGrid, CSV with start, end and text, or remove the times"
        )
    return without_prefixes(text)


def _clock(line: str) -> re.Match[str] | None:
    """Return the clock that begins a line, or ends a short one."""
    words = line.split(maxsplit=1)
    first = _CLOCK.fullmatch(words[0])
    if first is not None or len(line) > LONGEST_NAME_LINE or len(words) == 1:
        return first
    return _CLOCK.fullmatch(line.split()[-1])
