"""What all readers of turns share: the text of a file, times in it, and turns from both."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from statistics import median

from emofuse.errors import CorpusError
from emofuse.types import Turn

logger = logging.getLogger(__name__)

# Returns how long the recording is, in seconds; None where that is unknown.
Length = Callable[[], float | None]

# A clock, also as Python and pandas write a duration: "0 days 00:00:01.5", "1 day, 0:00:01".
_CLOCK = re.compile(
    r"(?:(?P<days>\d+) days?,? )?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d{1,2}(?:[.,]\d+)?)"
)
_UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3}
_WITH_UNIT = re.compile(r"(?P<number>[\d.,]+) ?(?P<unit>[a-z]+)")
# Bytes that tell UTF-8, in part damaged, from an encoding of one byte a character; and what no text holds.
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# No message quotes more characters of a file.
LONGEST_QUOTE = 80
# No recording is longer, by far; sums of times stay exact.
LATEST_SECONDS = 1e12
GUESSED_ENCODING = "cp1252"
# Whole numbers without a unit are milliseconds where turns would be longer than this otherwise.
LONGEST_USUAL_SECONDS = 100.0
# By so much, or a share, a turn may end after the recording.
SLACK_SECONDS, SLACK_SHARE = 1.0, 0.02


def decode(path: Path) -> str:
    """Return a file's text; lines end with newlines.

    It is UTF-8 or UTF-16, with or without a byte order mark. What is not is read as Windows-1252, with a warning.

    Raises:
        CorpusError: it cannot be read, is empty, or is not text.
    """
    content = content_of(path, str(path))
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = _guess(content, f"{path}:{line}")
    if not text.strip():
        raise CorpusError(f"{path}: is empty; export it again")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def content_of(path: Path, place: str) -> bytes:
    """Return a file's bytes; `place` is what a message calls it.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CorpusError(f"{place}: no such file; check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CorpusError(f"{place}: cannot be read ({reason})") from error


def parse_seconds(value: str, place: str) -> float:
    """Parse a time: seconds, a number with a unit, or a clock such as 01:02:03.5; decimals by point or comma.

    Raises:
        CorpusError: it is none of these, or below zero.
    """
    written = value.strip()
    clock, measured = _CLOCK.fullmatch(written), _WITH_UNIT.fullmatch(written.lower())
    scale = _UNITS.get(measured["unit"], math.nan) if measured else 1.0
    number = clock["seconds"] if clock else measured["number"] if measured else written
    try:
        seconds = float(number.replace(",", ".").replace("_", "?")) * scale
        if clock:
            hours = 24.0 * int(clock["days"] or 0) + int(clock["hours"] or 0)
            seconds += 3600.0 * hours + 60.0 * int(clock["minutes"])
    except (ValueError, OverflowError) as error:  # also for a number of thousands of digits
        raise CorpusError(
            f"{place}: {quoted(value)} is not a time; write seconds, or hours:minutes:seconds"
        ) from error
    if not 0 <= seconds <= LATEST_SECONDS:
        raise CorpusError(
            f"{place}: {quoted(value)} is not a time in a recording; write seconds from its beginning"
        )
    return seconds


def quoted(value: object) -> str:
    """Return a value of a file for a message, shortened."""
    written = repr(value if not isinstance(value, str) else value[: LONGEST_QUOTE + 1])
    return written if len(written) <= LONGEST_QUOTE + 2 else f"{written[:LONGEST_QUOTE]}..."


def listed(names: Collection[str]) -> str:
    """Return the first few names for a message, each shortened, and how many more there are."""
    first = [name if len(name) <= LONGEST_QUOTE else f"{name[:LONGEST_QUOTE]}..." for name in list(names)[:5]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def is_time(value: str) -> bool:
    """Tell whether a value is a time."""
    try:
        parse_seconds(value, "")
    except CorpusError:
        return False
    return True


def are_milliseconds(spans: Sequence[tuple[int, int]], length: Length | None) -> bool:
    """Tell whether starts and ends in whole numbers are milliseconds: as seconds they would not fit the recording.

    Where its length is not known, they are if most turns would be unusually long otherwise.
    """
    last = max((end for _, end in spans), default=0)
    seconds = length() if length is not None and last > LONGEST_USUAL_SECONDS else None
    if seconds is not None:
        longest = seconds * (1 + SLACK_SHARE) + SLACK_SECONDS
        return last > longest and last * 1e-3 <= longest
    return median([end - start for start, end in spans] or [0]) > LONGEST_USUAL_SECONDS


def turn_or_nothing(
    place: str, span: tuple[float, float], speaker: str | None = None, text: str | None = None
) -> list[Turn]:
    """Return a list with the turn, or an empty one where it has no length.

    Raises:
        CorpusError: it ends before it starts.
    """
    start, end = span
    if end < start:
        raise CorpusError(f"{place}: ends at {end:g} s, before it starts at {start:g} s; correct the times")
    words = " ".join((text or "").split()) or None
    name = (speaker or "").strip() or None
    if words and end == start:
        logger.warning("%s: its words have no length in time and are left out", place)
    return [Turn(start, end, name, words, "gold" if words else None)] if end > start else []


def encoding_of(content: bytes) -> str:
    """Recognise UTF-16 by its byte order mark or, without one, by the zeros beside ASCII letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:64]
    if head[1::2] and not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if head[::2] and not any(head[::2]) else "utf-8-sig"


def _guess(content: bytes, place: str) -> str:
    """Decode what is not UTF-8 as Windows-1252, unless it is damaged UTF-8, or not text at all."""
    try:
        text = content.decode(GUESSED_ENCODING)
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.search(text) or _MULTIBYTE.search(content):
        raise CorpusError(f"{place}: is not UTF-8 text; save the file as UTF-8")
    logger.warning(
        "%s: is not UTF-8 and is read as Windows-1252; save the file as UTF-8 if words look wrong", place
    )
    return text
