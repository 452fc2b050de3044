"""Transcripts whose lines have starts only: each lasts until the next begins, the last until the end."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.speaker_names import MOST_NAME_WORDS
from emofuse.turns.turn_parsing import Length, parse_seconds, turn_or_nothing
from emofuse.types import Turn

logger = logging.getLogger(__name__)

_CLOCK = r"(?:\d{1,2}:)?\d{1,3}:\d{2}(?:[.,]\d{1,3})?"
# "[00:12.50] words", "(0:12) words", "0:12 - words"; lyrics (LRC) may have several marks before the same words.
_BRACKETED = re.compile(rf"[\[(](?P<start>{_CLOCK})[\])]:?\s*")
_BARE = re.compile(rf"(?P<start>{_CLOCK})(?!\S)\s*(?:[-\u2013\u2014|]\s+)?")
# "Anna  0:12", a line of its own before the words of Anna.
_NAMED = re.compile(
    rf"(?P<name>[^\W_][^\[\]()<>]{{0,50}}?)(?P<between>[\s,|\-\u2013]+[\[(]?)(?P<start>{_CLOCK})[\])]?"
)
# What sets a name apart from a clock, where a sentence has one blank.
_APART = re.compile(r"[\[(\t]|\s{2}")
# What lyrics have beside words: names of things, and the times of words.
_TAG = re.compile(r"\[(?P<name>[a-z#]{1,10}):(?P<value>[^\[\]]*)\]", re.IGNORECASE)
_INNER = re.compile(rf"<{_CLOCK}>")
# A line that is longer is no speaker with a time.
LONGEST_NAME_LINE = 60
# A chorus is not sung so often; each of its turns has the words of the line and of those below it.
MOST_MARKS_OF_A_LINE = 100
# A title of more lines is a text.
MOST_LINES_BEFORE = 3
SENTENCE_ENDS = (".", "?", "!", ",")


@dataclass(frozen=True)
class _Mark:
    line: int
    start: float
    certain: bool
    speaker: str | None = None
    words: tuple[str, ...] = ()


def has_start_marks(text: str) -> bool:
    """Tell whether a text has lines with starts, in order: one in brackets, or several clocks."""
    try:
        marks = list(_marks(text.split("\n"), Path("text")))
    except CorpusError:
        return False
    if len(_lines_before(text, marks)) > MOST_LINES_BEFORE:
        return False
    starts = list({mark.line: mark.start for mark in reversed(marks)}.values())[::-1]
    certain = any(mark.certain for mark in marks)
    return (certain or len(marks) > 1) and starts == sorted(starts) and any(mark.words for mark in marks)


def read_start_marks(text: str, path: Path, length: Length | None) -> list[Turn]:
    """Read lines that begin with a start, or that follow a speaker and a start.

    Raises:
        CorpusError: a start is damaged or lies behind the end of the recording, or the last line has no end, since
            it is not known how long the recording is.
    """
    marks = sorted(_marks(text.split("\n"), path), key=lambda mark: mark.start)
    places = [f"{path}:{mark.line}" for mark in marks]
    if _lines_before(text, marks):
        logger.warning("%s: what stands before the first time, in line %d, is left out", path, marks[0].line)
    turns: list[Turn] = []
    for mark, place, end in zip(
        marks, places, ends_of([mark.start for mark in marks], places, length), strict=True
    ):
        turns += turn_or_nothing(place, (mark.start, end), mark.speaker, " ".join(mark.words))
    return turns


def _lines_before(text: str, marks: Sequence[_Mark]) -> list[str]:
    """Return the lines with words before the first mark: a title, or a text of another kind."""
    first = min((mark.line for mark in marks), default=1)
    return [line for line in text.split("\n")[: first - 1] if line.strip() and not _TAG.fullmatch(line.strip())]


def ends_of(starts: Sequence[float], places: Sequence[str], length: Length | None) -> list[float]:
    """Return where turns end that have starts only, which are in order: where the next one begins.

    Turns that begin together end together.

    Raises:
        CorpusError: the length of the recording is not known, or a turn begins after its end.
    """
    seconds = length() if length is not None and starts else None
    if starts and seconds is None:
        raise CorpusError(
            f"{places[-1]}: has a start and no end, and the length of the recording is not known; add the ends"
        )
    limit = seconds or 0.0
    for start, place in zip(starts, places, strict=True):
        if start >= limit:
            raise CorpusError(
                f"{place}: begins at {start:g} s, but the recording ends at {limit:.2f} s; is it the time of "
                "day, or another recording?"
            )
    later = [*sorted(set(starts)), limit]
    return [later[bisect_right(later, start, hi=len(later) - 1)] for start in starts]


def _marks(lines: Sequence[str], path: Path) -> Iterator[_Mark]:
    """Yield the marks of a text, each with the words up to the next."""
    waiting, words = list[_Mark](), list[str]()
    offset = 0.0
    for number, line in enumerate(map(str.strip, lines), start=1):
        tag = _TAG.fullmatch(line)
        if tag is not None and not re.match(r"\d", tag["name"]):
            if tag["name"].lower() == "offset":
                offset = -parse_seconds(tag["value"].strip().lstrip("+-") or "0", path.name) / 1000.0
                offset = -offset if tag["value"].strip().startswith("-") else offset
            continue
        found = _beginning(line, f"{path}:{number}", number)
        if found:
            yield from _with_words(waiting, words)
            waiting, words = [replace(mark, start=max(0.0, mark.start + offset)) for mark in found], []
        elif line and waiting:
            words.append(_INNER.sub("", line))
    yield from _with_words(waiting, words)


def _with_words(marks: Sequence[_Mark], words: Sequence[str]) -> list[_Mark]:
    """Add the words of the lines below to marks."""
    return [replace(mark, words=(*mark.words, *words)) for mark in marks]


def _beginning(line: str, place: str, number: int) -> list[_Mark]:
    """Return the marks that a line begins with, or the one that it ends with."""
    marks: list[_Mark] = []
    at = 0
    while (match := _BRACKETED.match(line, at)) is not None:
        at = match.end()
        marks.append(_Mark(number, parse_seconds(match["start"], place), certain=True))
        if len(marks) > MOST_MARKS_OF_A_LINE:
            raise CorpusError(f"{place}: has more than {MOST_MARKS_OF_A_LINE} times before its words; correct it")
    bare = None if marks else _BARE.match(line)
    if bare is not None:
        at = bare.end()
        certain = bare["start"].count(":") > 1 or "." in bare["start"]
        marks.append(_Mark(number, parse_seconds(bare["start"], place), certain=certain))
    if marks:
        words = " ".join(_INNER.sub(" ", line[at:]).split())
        return [replace(mark, words=(words,) if words else ()) for mark in marks]
    named = _NAMED.fullmatch(line) if len(line) <= LONGEST_NAME_LINE else None
    if named is None or named["name"].endswith(SENTENCE_ENDS):
        return []
    if not (_APART.search(named["between"]) or _is_name(named["name"])):
        return []
    return [_Mark(number, parse_seconds(named["start"], place), certain=False, speaker=named["name"].strip())]


def _is_name(words: str) -> bool:
    """Tell whether words before a clock are a name by their capitals: "We met at 10:30" has none."""
    first, *others = words.split()
    capitals = first[0].isupper() and all(one[0].isupper() or one.isdecimal() for one in others)
    return capitals and len(others) < MOST_NAME_WORDS
