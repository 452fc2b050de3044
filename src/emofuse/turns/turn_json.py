"""Turns from the JSON of programs that recognise speech or annotate it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

# Whisper now and then gives a word no length; it gets this one.
SHORTEST_WORD_SECONDS = 0.01


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


def is_json(text: str) -> bool:
    """Tell whether a text is JSON of an object, or of a list."""
    bare = text.strip()
    if not (bare.startswith(("{", "[")) and bare.endswith(("}", "]"))):
        return False
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return True


def _content(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CorpusError(f"{path}{line}: is not JSON that can be read; export it again") from error


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
