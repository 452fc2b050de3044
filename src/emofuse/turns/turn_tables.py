"""Turns from tables, CSV or TSV, and from the JSON of Whisper and similar programs."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

# Field of a turn -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "start": ("start", "begin", "from", "onset", "start_time", "begin_time", "tmin", "xmin", "start_s"),
    "end": ("end", "stop", "to", "offset", "end_time", "stop_time", "tmax", "xmax", "end_s"),
    "duration": ("duration", "dur", "length", "duration_s"),
    "speaker": ("speaker", "speaker_id", "spk", "who", "participant", "name"),
    "text": ("text", "transcript", "transcription", "sentence", "utterance", "words", "word"),
    "language": ("language", "lang"),
}
# Whisper now and then gives a word no length; it gets this one.
SHORTEST_WORD_SECONDS = 0.01


def read_table(text: str, path: Path) -> list[Turn]:
    """Read a table with a header, its columns by their usual names.

    Raises:
        CorpusError: it lacks the columns of times, or a row is damaged.
    """
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    turns: list[Turn] = []
    try:
        header = next(reader)
        columns = _columns(header, path)
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if len(row) > len(header):
                raise CorpusError(
                    f"{place}: has {len(row)} values for {len(header)} columns; put quotes around the text"
                )
            cells = dict(itertools.zip_longest(range(len(header)), row, fillvalue=""))
            values = {field: cells[index].strip() for field, index in columns.items()}
            if any(values.values()):
                turns += _row(values, place)
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: is not a table that can be read ({error})") from error
    return turns


def read_segments(text: str, path: Path) -> list[Turn] | str:
    """Read JSON as Whisper writes it: segments with times, or only a text, which is returned.

    Raises:
        CorpusError: it is damaged, or has neither segments nor a text.
    """
    content = _content(text, path)
    segments = content.get("segments") if isinstance(content, dict) else content
    if isinstance(segments, list):
        language = content.get("language") if isinstance(content, dict) else None
        return [
            turn
            for number, segment in enumerate(segments)
            for turn in _segment(segment, language, f"{path}: segment {number}")
        ]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return " ".join(content["text"].split())
    raise CorpusError(f'{path}: has neither "segments" with times nor a "text"; export it again')


def read_timed_words(text: str, path: Path) -> list[Turn] | str:
    """Read JSON as Whisper writes it, word by word where the words have times.

    Raises:
        CorpusError: it is damaged, or has neither segments nor a text.
    """
    segments = read_segments(text, path)
    if isinstance(segments, str):
        return segments
    content = _content(text, path)
    rows = content["segments"] if isinstance(content, dict) else content
    language = content.get("language") if isinstance(content, dict) else None
    words: list[Turn] = []
    for number, row in enumerate(rows):
        place = f"{path}: segment {number}"
        words += _words(row, language, place) or _segment(row, language, place)
    return words


def _content(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CorpusError(f"{path}{line}: is not JSON that can be read; export it again") from error


def _columns(header: list[str], path: Path) -> dict[str, int]:
    """Return field -> number of the column."""
    by_name = {name.strip().lower(): index for index, name in reversed(list(enumerate(header)))}
    columns = {
        field: next(by_name[name] for name in names if name in by_name)
        for field, names in COLUMNS.items()
        if any(name in by_name for name in names)
    }
    if "start" not in columns or not {"end", "duration"} & columns.keys():
        raise CorpusError(
            f"{path}:1: has no columns called start and end (or duration), but {', '.join(header)[:200]}"
        )
    return columns


def _row(values: Mapping[str, str], place: str) -> list[Turn]:
    start = parse_seconds(values["start"], place)
    if values.get("end"):
        end = parse_seconds(values["end"], place)
    else:
        end = start + parse_seconds(values.get("duration", ""), place)
    turns = turn_or_nothing(place, (start, end), values.get("speaker"), values.get("text"))
    return [replace(turn, language=values.get("language") or None) for turn in turns]


def _segment(segment: Any, language: Any, place: str) -> list[Turn]:
    """Return a segment of Whisper, or nothing where it has no length."""
    if not isinstance(segment, dict):
        raise CorpusError(f"{place}: is not an object with start, end and text; export it again")
    start, end = (parse_seconds(str(segment.get(key)), place) for key in ("start", "end"))
    speaker, text = segment.get("speaker"), segment.get("text")
    turns = turn_or_nothing(place, (start, end), _string(speaker, place), _string(text, place))
    return [replace(turn, language=_string(segment.get("language") or language, place)) for turn in turns]


def _words(segment: Any, language: Any, place: str) -> list[Turn]:
    """Return the words of a segment; nothing where not all have times.

    In scripts with spaces, Whisper starts each word with one: a part without belongs to the word before it.
    """
    rows = segment.get("words")
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"start", "end"} <= row.keys() for row in rows
    ):
        return []
    texts = [str(row.get("word", row.get("text", ""))) for row in rows]
    glued = any(text.startswith(" ") for text in texts)
    joined: list[dict[str, Any]] = []
    for row, text in zip(rows, texts, strict=True):
        start, end = (parse_seconds(str(row[key]), place) for key in ("start", "end"))
        if glued and joined and not text.startswith(" "):
            joined[-1] |= {"end": end, "text": joined[-1]["text"] + text}
        else:
            end = end + SHORTEST_WORD_SECONDS if end == start else end
            joined.append({"speaker": segment.get("speaker")} | row | {"start": start, "end": end, "text": text})
    return [turn for row in joined for turn in _segment(row, segment.get("language") or language, place)]


def _string(value: Any, place: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise CorpusError(f"{place}: has {value!r} where a word or a text should be; export it again")
