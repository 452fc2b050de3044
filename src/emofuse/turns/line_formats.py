"""Turns from files of lines: RTTM, SRT, WebVTT and Audacity's label tracks."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

# An RTTM line of this type is a turn; the numbers of its fields, from 0, are NIST's.
RTTM_TURN, RTTM_FIELDS = "SPEAKER", 8
RTTM_UNKNOWN = "<NA>"
RTTM_FILE, RTTM_START, RTTM_LENGTH, RTTM_NAME = 1, 3, 4, 7
ARROW = "-->"

_CUE = re.compile(rf"\s*(?P<start>[\d:.,]+)\s*{ARROW}\s*(?P<end>[\d:.,]+)(?:\s.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<name>[^>]+)>")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_LABEL = re.compile(r"\s*[\d.,]+\t[\d.,]+(?:\t.*)?")


def read_rttm(text: str, path: Path, stem: str | None) -> list[Turn]:
    """Read the turns of one recording.

    Args:
        text: of the file.
        path: for error messages.
        stem: the recording's name in the file; needed where the file has turns of several recordings.

    Raises:
        CorpusError: a line is damaged, or no line belongs to the recording.
    """
    turns: dict[str, list[Turn]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        fields, place = line.split(), f"{path}:{number}"
        if not fields or fields[0] != RTTM_TURN:
            continue
        if len(fields) < RTTM_FIELDS:
            raise CorpusError(f"{place}: has {len(fields)} fields, a turn needs {RTTM_FIELDS} at least")
        start, length = (parse_seconds(fields[index], place) for index in (RTTM_START, RTTM_LENGTH))
        known = turns.setdefault(fields[RTTM_FILE], [])
        speaker = None if fields[RTTM_NAME] == RTTM_UNKNOWN else fields[RTTM_NAME]
        known += turn_or_nothing(place, (start, start + length), speaker)
    if not turns:
        raise CorpusError(f"{path}: holds no line that begins with {RTTM_TURN}; is it an RTTM file?")
    if len(turns) == 1 and (stem is None or RTTM_UNKNOWN in turns):
        return next(iter(turns.values()))
    if stem is None:
        raise CorpusError(f"{path}: holds turns of {len(turns)} recordings ({_some(turns)}); name one of them")
    if stem not in turns:
        raise CorpusError(f"{path}: holds turns of {_some(turns)}, but not of {stem}; use the same name in both")
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
        span = parse_seconds(times["start"], place), parse_seconds(times["end"], place)
        for speaker, words in _voices(_below(lines, number)):
            turns += turn_or_nothing(place, span, speaker, words)
    if not cues:
        raise CorpusError(f"{path}: holds no cue, a line with {ARROW}; is it a subtitle file?")
    return turns


def is_label_track(text: str) -> bool:
    """Return whether a text is a label track: two times and a label in each line, separated by tabs."""
    return all(_LABEL.fullmatch(line) for line in text.split("\n") if line.strip())


def read_label_track(text: str, path: Path) -> list[Turn]:
    """Read a label track of Audacity; its labels are the words.

    Raises:
        CorpusError: a time is damaged.
    """
    turns = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            start, end, *words = line.strip("\n ").split("\t")
            place = f"{path}:{number}"
            turns += turn_or_nothing(
                place, (parse_seconds(start, place), parse_seconds(end, place)), text=" ".join(words)
            )
    return turns


def _some(names: Collection[str]) -> str:
    first, more = list(names)[:5], len(names) - 5
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def _below(lines: list[str], number: int) -> str:
    """Return the lines of a cue: those after its times, up to an empty one."""
    words = []
    for line in lines[number:]:
        if not line.strip():
            break
        words.append(line.strip())
    return " ".join(words)


def _voices(words: str) -> Iterator[tuple[str | None, str]]:
    """Yield the speakers of a cue and their words, without markup."""
    before, *voiced = _VOICE.split(words)
    if not voiced or _plain(before):
        yield None, _plain(before)
    for name, spoken in zip(voiced[::2], voiced[1::2], strict=True):
        yield html.unescape(name), _plain(spoken)


def _plain(words: str) -> str:
    return html.unescape(_MARKUP.sub("", words)).strip()
