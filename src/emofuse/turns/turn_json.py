"""Turns from the JSON of programs that recognise speech or annotate it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emofuse.errors import CorpusError
from emofuse.turns.label_studio import find_rows, is_label_studio
from emofuse.turns.language_codes import language_code
from emofuse.turns.service_json import find_service_rows
from emofuse.turns.speaker_names import without_prefixes
from emofuse.turns.timed_rows import from_milliseconds, objects
from emofuse.turns.turn_parsing import Length, parse_seconds, quoted, turn_or_nothing
from emofuse.types import Turn
from emofuse.untrusted.json_text import parse_json

# Whisper now and then gives a word no length; it gets this one.
SHORTEST_WORD_SECONDS = 0.01
# Keys of times in lists, in small letters, and how deep they are looked for.
TIME_KEYS = frozenset(
    (
        "start", "end", "begin", "from", "to", "starttime", "endtime", "start_time", "end_time", "startms",
        "start_ms", "timestamp", "timestamps", "time", "offset", "ts", "startoffset", "tstartms",
        "start_timestamp", "duration",
    )
)  # fmt: skip
DEEPEST_TIMES = 4
# Half of a character that UTF-16 writes as a pair; no text in UTF-8 can hold it.
_SURROGATE = re.compile("[\ud800-\udfff]")
CHARACTERS_SHOWN = 20


@dataclass(frozen=True)
class _Segments:
    """Segments as Whisper writes them, and the language of those that name none."""

    rows: Sequence[Any]
    language: Any = None


def read_segments(
    text: str, path: Path, stem: str | None = None, length: Length | None = None
) -> list[Turn] | str:
    """Read JSON segments with times, or only a text, which is returned.

    Known are the files of Whisper, WhisperX, whisper.cpp, transformers (`chunks`), Label Studio and those that
    `service_json` lists. A text beside times that are not known is refused: it would be taken without them.

    Args:
        text: of the file.
        path: for error messages.
        stem: the recording's name; needed where Label Studio's file has several tasks.
        length: how long the recording is, for a last chunk without an end.

    Raises:
        CorpusError: it is damaged, or has neither segments nor a text.
    """
    found = _segments(_content(text, path), path, stem, length)
    if isinstance(found, str):
        return found
    return [
        turn
        for number, segment in enumerate(found.rows)
        for turn in _segment(segment, found.language, f"{path}: segment {number}")
    ]


def read_timed_words(
    text: str, path: Path, stem: str | None = None, length: Length | None = None
) -> list[Turn] | str:
    """Read JSON as `read_segments` does, word by word where the words have times.

    Raises:
        CorpusError: it is damaged, or has neither segments nor a text.
    """
    found = _segments(_content(text, path), path, stem, length)
    if isinstance(found, str):
        return found
    words: list[Turn] = []
    for number, row in enumerate(found.rows):
        place = f"{path}: segment {number}"
        segment = _segment(row, found.language, place)
        words += _words(row, found.language, place) or segment
    return words


def _segments(content: Any, path: Path, stem: str | None, length: Length | None) -> _Segments | str:
    if is_label_studio(content):
        return _Segments(find_rows(content, path, stem))
    if isinstance(content, list):
        spoken = [one for one in content if not _is_silent(one)]
        parts = [
            find_service_rows(one, path, length) if isinstance(one, dict) and "start" not in one else None
            for one in spoken
        ]
        found = [rows for rows in parts if rows is not None]
        return _Segments([row for rows in found for row in rows] if len(found) == len(parts) else content)
    keys: dict[str, Any] = content if isinstance(content, dict) else {}
    if isinstance(keys.get("segments"), list):
        return _Segments(keys["segments"], keys.get("language"))
    if isinstance(keys.get("transcription"), list):
        result = keys.get("result")
        language = result.get("language") if isinstance(result, dict) else None
        return _Segments([_of_whisper_cpp(row) for row in keys["transcription"]], language)
    if isinstance(keys.get("chunks"), list):
        return _Segments(_of_chunks(keys["chunks"], length), keys.get("language"))
    rows = find_service_rows(keys, path, length)
    if rows is not None:
        return _Segments(rows)
    timed = _unread_times(keys)
    if timed is not None:
        raise CorpusError(
            f"{path}: has times under {quoted(timed)}, in a form that is not known; export SRT, VTT, or CSV with "
            "start, end and text"
        )
    if isinstance(keys.get("text"), str):
        return without_prefixes(keys["text"])
    names = ", ".join(keys)[:200] or type(content).__name__
    raise CorpusError(f'{path}: has neither "segments" with times nor a "text", but {names}; export it again')


def _is_silent(result: Any) -> bool:
    """Tell whether a result holds no words, and nothing beside them, as Vosk writes it where nobody speaks."""
    return isinstance(result, dict) and result in ({"text": ""}, {"text": "", "result": []})


def _of_whisper_cpp(row: Any) -> Any:
    """Return a segment of whisper.cpp, whose times are offsets in milliseconds, as Whisper writes it."""
    offsets = row.get("offsets") if isinstance(row, dict) else None
    if not isinstance(offsets, dict):
        return row
    times = {name: from_milliseconds(offsets.get(key)) for name, key in (("start", "from"), ("end", "to"))}
    return {**times, "text": row.get("text"), "speaker": row.get("speaker")}


def _unread_times(value: Any, depth: int = 0) -> str | None:
    """Return the key below which a document holds a list with times that nothing here reads; None without one."""
    inner = value.items() if isinstance(value, dict) and depth < DEEPEST_TIMES else ()
    for key, below in inner:
        rows = objects(below)
        if any(TIME_KEYS & {name.lower() for name in one} for one in rows):
            return str(key)
        for one in (below, *rows[:1]):
            if _unread_times(one, depth + 1) is not None:
                return str(key)
    return None


def _of_chunks(chunks: Sequence[Any], length: Length | None) -> list[Any]:
    """Return the chunks of transformers as Whisper writes them; the last one may have no end."""
    rows: list[Any] = []
    for number, chunk in enumerate(chunks):
        times = chunk.get("timestamp") if isinstance(chunk, dict) else None
        if not isinstance(times, list) or len(times) != 2:
            rows.append(chunk)
            continue
        last = number + 1 == len(chunks)
        end = (length() if length is not None else None) if times[1] is None and last else times[1]
        rows.append({"start": times[0], "end": end, "text": chunk.get("text"), "speaker": chunk.get("speaker")})
    return rows


def is_json(text: str) -> bool:
    """Tell whether a text is JSON of an object, or of a list."""
    bare = text.strip()
    if not (bare.startswith(("{", "[")) and bare.endswith(("}", "]"))):
        return False
    try:
        parse_json(bare, finite=False)
    except ValueError as error:
        return not isinstance(error, json.JSONDecodeError)
    return True


def _content(text: str, path: Path) -> Any:
    try:
        return parse_json(text, finite=False)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{path}:{error.lineno}: is not JSON that can be read; export it again") from error
    except ValueError as error:
        raise CorpusError(f"{path}: is not JSON that can be read, {error}; export it again") from error


def _segment(segment: Any, language: Any, place: str) -> list[Turn]:
    """Return a segment of Whisper, or nothing where it has no length."""
    if not isinstance(segment, dict):
        raise CorpusError(f"{place}: is not an object with start, end and text; export it again")
    start, end = (parse_seconds(str(segment.get(key)), place) for key in ("start", "end"))
    speaker, text = segment.get("speaker"), segment.get("text")
    turns = turn_or_nothing(place, (start, end), _string(speaker, place), _string(text, place))
    code = language_code(_string(segment.get("language") or language, place))
    return [replace(turn, language=code) for turn in turns]


def _words(segment: Any, language: Any, place: str) -> list[Turn]:
    """Return the words of a segment; nothing where not all have times.

    In scripts with spaces, Whisper starts each word with one: a part without belongs to the word before it.
    """
    rows = segment.get("words")
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"start", "end"} <= row.keys() for row in rows
    ):
        return []
    nobody = {"speaker": segment.get("speaker")}
    texts = [str(row.get("word", row.get("text", ""))) for row in rows]
    glued = any(text.startswith(" ") for text in texts)
    joined: list[dict[str, Any]] = []
    for row, text in zip(rows, texts, strict=True):
        start, end = (parse_seconds(str(row[key]), place) for key in ("start", "end"))
        if glued and joined and not text.startswith(" "):
            joined[-1] |= {"end": end, "text": joined[-1]["text"] + text}
        else:
            end = end + SHORTEST_WORD_SECONDS if end == start else end
            own = nobody if row.get("speaker") is None else {}
            joined.append(row | own | {"start": start, "end": end, "text": text})
    return [turn for row in joined for turn in _segment(row, segment.get("language") or language, place)]


def _string(value: Any, place: str) -> str | None:
    if isinstance(value, str) and (half := _SURROGATE.search(value)) is not None:
        before = value[max(0, half.start() - CHARACTERS_SHOWN) : half.start()]
        raise CorpusError(
            f"{place}: has half a character (\\u{ord(half[0]):04x}) after {before!r}, as programs write that cut "
            "an emoji in two; correct it, or export it again"
        )
    if value is None or isinstance(value, str):
        return value
    raise CorpusError(f"{place}: has {quoted(value)} where a word or a text should be; export it again")
