"""Turns from files of lines: RTTM, SRT, WebVTT, the labels of Audacity; and what all readers of turns share."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.types import Turn

# An RTTM line of this type is a turn; its fields, counted from 0, by NIST's rich transcription evaluations.
RTTM_TURN, RTTM_FIELDS = "SPEAKER", 8
RTTM_UNKNOWN = "<NA>"
RTTM_FILE, RTTM_START, RTTM_LENGTH, RTTM_NAME = 1, 3, 4, 7
ARROW = "-->"

_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d{1,2}(?:[.,]\d+)?)")
_CUE = re.compile(rf"\s*(?P<start>[\d:.,]+)\s*{ARROW}\s*(?P<end>[\d:.,]+)(?:\s.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<name>[^>]+)>")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_LABEL = re.compile(r"\s*[\d.,]+\t[\d.,]+(?:\t.*)?")


def decoded(path: Path) -> str:
    """Return a file's text: UTF-8 or UTF-16, with or without a mark at its beginning, lines ended by newlines.

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


def seconds_from(value: str, place: str) -> float:
    """Read a time: seconds, or a clock as 01:02:03.5; its decimals after a point or a comma.

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


def marked(
    place: str, span: tuple[float, float], speaker: str | None = None, text: str | None = None
) -> list[Turn]:
    """Return the turn that somebody has marked, or nothing where it has no length.

    Raises:
        CorpusError: it ends before it starts.
    """
    start, end = span
    if end < start:
        raise CorpusError(f"{place}: ends at {end:g} s, before it starts at {start:g} s; mend the times")
    words = " ".join((text or "").split()) or None
    who = (speaker or "").strip() or None
    return [Turn(start, end, who, words, "gold" if words else None)] if end > start else []


def read_rttm(text: str, path: Path, stem: str | None) -> list[Turn]:
    """Read the turns of one recording.

    Args:
        text: of the file.
        path: what errors name.
        stem: the name that the recording has in the file; needed where turns of several stand there.

    Raises:
        CorpusError: a line is damaged, or none belongs to the recording.
    """
    turns: dict[str, list[Turn]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        fields, place = line.split(), f"{path}:{number}"
        if not fields or fields[0] != RTTM_TURN:
            continue
        if len(fields) < RTTM_FIELDS:
            raise CorpusError(f"{place}: has {len(fields)} fields, a turn needs {RTTM_FIELDS} at least")
        start, length = (seconds_from(fields[index], place) for index in (RTTM_START, RTTM_LENGTH))
        known = turns.setdefault(fields[RTTM_FILE], [])
        speaker = None if fields[RTTM_NAME] == RTTM_UNKNOWN else fields[RTTM_NAME]
        known += marked(place, (start, start + length), speaker)
    if not turns:
        raise CorpusError(f"{path}: holds no line that begins with {RTTM_TURN}; is it an RTTM file?")
    if len(turns) == 1 and (stem is None or RTTM_UNKNOWN in turns):
        return next(iter(turns.values()))
    if stem is None:
        raise CorpusError(f"{path}: holds turns of {len(turns)} recordings ({_some(turns)}); say which is meant")
    if stem not in turns:
        raise CorpusError(
            f"{path}: holds turns of {_some(turns)}, none of {stem}; call the recording by the same name in both"
        )
    return turns[stem]


def read_cues(text: str, path: Path) -> list[Turn]:
    """Read SRT or WebVTT; the voice of a cue, `<v Name>`, is its speaker.

    Raises:
        CorpusError: the times of a cue are damaged, or there is no cue.
    """
    lines, turns, cues = text.split("\n"), list[Turn](), 0
    for number, line in enumerate(lines, start=1):
        if ARROW not in line:
            continue
        place, times = f"{path}:{number}", _CUE.fullmatch(line)
        if times is None:
            raise CorpusError(
                f"{place}: these are not the times of a cue; write 00:00:01,000 {ARROW} 00:00:02,000"
            )
        cues += 1
        span = seconds_from(times["start"], place), seconds_from(times["end"], place)
        for speaker, words in _voices(_below(lines, number)):
            turns += marked(place, span, speaker, words)
    if not cues:
        raise CorpusError(f"{path}: holds no cue, a line with {ARROW}; is it a subtitle file?")
    return turns


def is_labels(text: str) -> bool:
    """Tell whether a text is a track of labels: each line two times and a label, parted by tabs."""
    return all(_LABEL.fullmatch(line) for line in text.split("\n") if line.strip())


def read_labels(text: str, path: Path) -> list[Turn]:
    """Read a track of labels, as Audacity exports it; labels are taken for words.

    Raises:
        CorpusError: a time is damaged.
    """
    turns = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            start, end, *words = line.strip("\n ").split("\t")
            place = f"{path}:{number}"
            turns += marked(place, (seconds_from(start, place), seconds_from(end, place)), text=" ".join(words))
    return turns


def _some(names: Collection[str]) -> str:
    first, more = list(names)[:5], len(names) - 5
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def _encoding(content: bytes) -> str:
    """Tell UTF-16 by its mark or, without one, by the zeros beside the plain letters of its beginning."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:64]
    if head[1::2] and not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if head[::2] and not any(head[::2]) else "utf-8-sig"


def _below(lines: list[str], number: int) -> str:
    """Return the lines of a cue: those after its times, up to an empty one."""
    said = []
    for line in lines[number:]:
        if not line.strip():
            break
        said.append(line.strip())
    return " ".join(said)


def _voices(words: str) -> Iterator[tuple[str | None, str]]:
    """Yield who says what in a cue, without markup."""
    before, *voiced = _VOICE.split(words)
    if not voiced or _plain(before):
        yield None, _plain(before)
    for name, said in zip(voiced[::2], voiced[1::2], strict=True):
        yield html.unescape(name), _plain(said)


def _plain(words: str) -> str:
    return html.unescape(_MARKUP.sub("", words)).strip()
