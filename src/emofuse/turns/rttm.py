"""Turns from RTTM, the format of speaker diarization; names in it may hold blanks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import listed, parse_seconds, turn_or_nothing
from emofuse.types import Turn

# A line of this type is a turn. Its fields are NIST's: type, file, channel, start, duration, orthography, subtype,
# name, confidence and look-ahead; the last two may be missing.
RTTM_TURN = "SPEAKER"
FEWEST_FIELDS, MOST_FIELDS = 8, 10
UNKNOWN = "<NA>"
# How many fields lie between a duration and a name, and after a name.
FIELDS_BEFORE_NAME, FIELDS_AFTER_NAME = 2, 2


@dataclass(frozen=True)
class _Line:
    """The fields of a line that matter; `start` and `length` as they are written."""

    file: str
    start: str
    length: str
    name: str


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
        parsed = _parse(fields, place)
        start, length = parse_seconds(parsed.start, place), parse_seconds(parsed.length, place)
        speaker = None if parsed.name == UNKNOWN else parsed.name
        turns.setdefault(parsed.file, []).extend(turn_or_nothing(place, (start, start + length), speaker))
    if not turns:
        raise CorpusError(f"{path}: holds no line that begins with {RTTM_TURN}; is it an RTTM file?")
    return _of_recording(turns, path, stem)


def _of_recording(turns: dict[str, list[Turn]], path: Path, stem: str | None) -> list[Turn]:
    if len(turns) == 1 and (stem is None or UNKNOWN in turns):
        return next(iter(turns.values()))
    if stem is None:
        raise CorpusError(f"{path}: holds turns of {len(turns)} recordings ({listed(turns)}); name one of them")
    name = " ".join(stem.split())
    fitting = [file for file in (name, *turns) if file in turns and name in (file, file.rpartition(".")[0])]
    if not fitting:
        raise CorpusError(f"{path}: holds turns of {listed(turns)}, but not of {stem}; use the same name in both")
    return turns[fitting[0]]


def _parse(fields: Sequence[str], place: str) -> _Line:
    """Find the times of a line where a file or a name holds blanks: by the fields that follow them."""
    if len(fields) < FEWEST_FIELDS:
        raise CorpusError(f"{place}: has {len(fields)} fields, a turn needs {FEWEST_FIELDS} at least")
    last = len(fields) - FIELDS_BEFORE_NAME - 1
    fitting = [at for at in range(3, last) if _is_number(fields[at]) and _is_number(fields[at + 1])]
    unknown = [at for at in fitting if fields[at + 2] == UNKNOWN == fields[at + 3]]
    if unknown:
        start = unknown[-1]
    elif len(fields) <= MOST_FIELDS and len(fitting) <= 1:
        start = fitting[0] if fitting else 3  # there the damaged time is named
    elif len(fitting) == 1:
        start = fitting[0]
    else:
        raise CorpusError(
            f"{place}: has {len(fields)} fields, so a name holds a blank, and its times cannot be found; "
            "replace the blanks in names by underscores"
        )
    name = _name(fields[start + 2 + FIELDS_BEFORE_NAME :])
    return _Line(" ".join(fields[1 : start - 1]), fields[start], fields[start + 1], name)


def _name(fields: Sequence[str]) -> str:
    """Return the name from the last fields, which also hold a confidence and a look-ahead, or one, or neither."""
    end = len(fields)
    while end > 1 and len(fields) - end < FIELDS_AFTER_NAME and _is_score(fields[end - 1]):
        end -= 1
    return " ".join(fields[:end])


def _is_score(field: str) -> bool:
    return field == UNKNOWN or ("." in field and _is_number(field))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
