"""Rows of speech as Whisper writes them, which the JSON of other programs is brought to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emofuse.turns.language_codes import WITHOUT_SPACES, language_code

# A row of words ends where the speaker changes, at such a pause, or behind the end of a sentence.
LONGEST_PAUSE_SECONDS = 1.0
SENTENCE_ENDS = (".", "?", "!", "\u3002", "\uff1f", "\uff01")
# How services write times, beside plain seconds: "1.400s", and "PT1M2.5S" (ISO 8601).
_DURATION = re.compile(r"PT(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?")
TICKS_PER_SECOND = 10_000_000
MOST_MILLISECONDS = 1e12

Row = dict[str, Any]


def row(
    times: tuple[Any, Any], text: Any, speaker: Any = None, words: Sequence[Row] = (), language: Any = None
) -> Row:
    """Return a row; a speaker that is a number gets a name."""
    numbered = isinstance(speaker, int) and not isinstance(speaker, bool)
    name = f"speaker_{speaker}" if numbered else speaker
    start, end = times
    made: Row = {"start": start, "end": end, "text": text, "speaker": name, "language": language}
    return {**made, "words": list(words)} if words else made


def word(times: tuple[Any, Any], text: Any, speaker: Any = None) -> Row:
    """Return a word within a row."""
    return {"word": text, **row(times, text, speaker)}


def rows_of_words(words: Iterable[Row], language: Any = None) -> list[Row]:
    """Join words of one channel to rows, in the order of their starts where all have one.

    A new row begins where the speaker changes, at a pause, and after a sentence.
    """
    ordered, runs = list(words), list[list[Row]]()
    if all(_seconds(one["start"]) is not None for one in ordered):
        ordered.sort(key=lambda one: _seconds(one["start"]) or 0.0)
    for one in ordered:
        before = runs[-1][-1] if runs else None
        if before is None or _parts(before, one):
            runs.append([])
        runs[-1].append(one)
    code = language_code(language) if isinstance(language, str) else None
    between = "" if code in WITHOUT_SPACES else " "
    return [
        row(
            (run[0]["start"], _last_end(run)),
            between.join(str(one["text"]).strip() for one in run),
            run[0]["speaker"],
            run,
            language,
        )
        for run in runs
    ]


def by_channel(parts: Sequence[Row], *keys: str) -> list[tuple[Any, list[Row]]]:
    """Return channels with the parts that name them under one of some keys; None where there are not several."""
    groups: dict[Any, list[Row]] = {}
    for part in parts:
        channel = next((part[key] for key in keys if isinstance(part.get(key), int | str)), None)
        groups.setdefault(channel, []).append(part)
    return list(groups.items()) if len(groups.keys() - {None}) > 1 else [(None, list(parts))]


def with_punctuation(words: list[Row], mark: Any) -> None:
    """Put a mark behind the last word."""
    if words and isinstance(mark, str):
        text = f"{words[-1]['text']}{mark.strip()}"
        words[-1] |= {"text": text, "word": text}


def from_milliseconds(value: Any) -> Any:
    """Return seconds; what is no number of usual size stays as it is, and is refused with its place."""
    usual = isinstance(value, int | float) and abs(value) < MOST_MILLISECONDS
    return value / 1000 if usual else value


def from_ticks(value: Any) -> Any:
    """Return seconds of ticks of 100 ns; what is no number stays as it is."""
    usual = isinstance(value, int | float) and abs(value) < MOST_MILLISECONDS * TICKS_PER_SECOND
    return value / TICKS_PER_SECOND if usual else value


def from_duration(value: Any) -> Any:
    """Return seconds of a duration as services write it; what is none stays as it is."""
    if isinstance(value, Mapping):  # a protocol buffer: zeros are left out
        return float(value.get("seconds") or 0) + float(value.get("nanos") or 0) * 1e-9
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[0] == "PT":
        return value
    hours, minutes, seconds = (float(match[key] or 0) for key in ("hours", "minutes", "seconds"))
    return 3600 * hours + 60 * minutes + seconds


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing where it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def first_object(value: Any) -> dict[str, Any]:
    """Return the first object of a list; an empty one where there is none."""
    return next(iter(objects(value)), {})


def _parts(before: Row, after: Row) -> bool:
    """Tell whether a new row begins between two words."""
    if before["speaker"] != after["speaker"] or str(before["text"]).endswith(SENTENCE_ENDS):
        return True
    end, start = _seconds(before["end"]), _seconds(after["start"])
    return end is not None and start is not None and start - end > LONGEST_PAUSE_SECONDS


def _last_end(run: Sequence[Row]) -> Any:
    """Return when the word ends that ends last; if it is no time, it is refused with its place."""
    last = run[-1]["end"]
    return (
        last if _seconds(last) is None else max((one["end"] for one in run), key=lambda end: _seconds(end) or 0.0)
    )


def _seconds(time: Any) -> float | None:
    """Return a time as a number; None where it is none, which is refused with its place."""
    try:
        return float(str(time).removesuffix("s"))
    except ValueError:
        return None
