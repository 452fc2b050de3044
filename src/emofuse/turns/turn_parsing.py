"""What all readers of turns share: the text of a file, times in it, and turns from both."""

from __future__ import annotations

import math
import re
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.types import Turn

_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d{1,2}(?:[.,]\d+)?)")


def decode(path: Path) -> str:
    """Return a file's text: UTF-8 or UTF-16, with or without a byte order mark; lines end with newlines.

    Raises:
        CorpusError: it cannot be read, is empty, or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})") from error
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(f"{path}:{line}: is not UTF-8 text; save the file as UTF-8") from error
    if not text.strip():
        raise CorpusError(f"{path}: is empty; export it again")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_seconds(value: str, place: str) -> float:
    """Parse a time: seconds, or a clock such as 01:02:03.5; decimals after a point or a comma.

    Raises:
        CorpusError: it is neither, or below zero.
    """
    clock = _CLOCK.fullmatch(value.strip())
    try:
        seconds = float((clock["seconds"] if clock else value).replace(",", "."))
    except ValueError as error:
        raise CorpusError(f"{place}: {value!r} is not a time; write seconds, or hours:minutes:seconds") from error
    if clock:
        seconds += 3600.0 * int(clock["hours"] or 0) + 60.0 * int(clock["minutes"])
    if not math.isfinite(seconds) or seconds < 0:
        raise CorpusError(f"{place}: {value!r} is not a time in a recording; write seconds from its beginning")
    return seconds


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
    return [Turn(start, end, name, words, "gold" if words else None)] if end > start else []


def _encoding(content: bytes) -> str:
    """Recognise UTF-16 by its byte order mark or, without one, by the zeros beside ASCII letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:64]
    if head[1::2] and not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if head[::2] and not any(head[::2]) else "utf-8-sig"
