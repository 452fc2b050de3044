"""Shared by the output formats: whole milliseconds, text on one line, and lanes in which nothing overlaps."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from emofuse.types import WITHHELD, Segment, Timeline, shown_label

# Media types of recordings; a table of our own, so that a page is the same on every system.
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "video/webm",
    ".mp4": "video/mp4",
}


@dataclass(frozen=True)
class MillisecondSpan:
    """A span in whole milliseconds, at least one long: no format takes a span without length."""

    start: int
    end: int

    @classmethod
    def of(cls, segment: Segment) -> MillisecondSpan:
        """Round the times of a segment."""
        start = round(segment.start * 1000)
        return cls(start, max(start + 1, round(segment.end * 1000)))


@dataclass(frozen=True)
class Lane:
    """Segments that follow one another without overlap.

    Attributes:
        name: appended to the name of a tier, so that no two lanes share one; empty where there is one lane.
        speaker: of all the segments; None where it is unknown, or there are several.
    """

    name: str
    speaker: str | None
    segments: tuple[Segment, ...]


def one_line(text: str) -> str:
    r"""Return text on one line that every format can hold: single blanks, no control characters or surrogates.

    >>> one_line("well,\n I  said\tno")
    'well, I said no'
    """
    kept = (" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join("".join(kept).split()).translate(_INVALID_CHARACTERS)


def percent(share: float) -> str:
    """Return a share as a whole per cent.

    >>> percent(0.827)
    '83 %'
    """
    return f"{100 * share:.0f} %"


def counted_label(segment: Segment) -> str:
    """Return the label of a segment as scripts may count it; `unsure` where the model abstained."""
    return WITHHELD if segment.abstained else one_line(segment.label)


def caption(segment: Segment) -> str:
    """Return a segment as one line to read, such as `angry 83 % · Ann: Well`.

    >>> caption(Segment(0.0, 1.0, "sad", {"sad": 0.4}, 0.4, abstained=True, speaker="Ann", text="No."))
    'unsure (sad) 40 % · Ann: No.'
    """
    label = shown_label(one_line(segment.label), segment.abstained)
    prediction = f"{label} {percent(segment.confidence)}"
    words = ": ".join(part for part in (one_line(segment.speaker or ""), one_line(segment.text or "")) if part)
    return f"{prediction} · {words}" if words else prediction


def facts(timeline: Timeline) -> list[str]:
    """Return the recording, the model, its scope and the notes of a timeline, a line each."""
    lines = [f"recording: {timeline.id}"]
    if timeline.model is not None:
        lines.append(f"model: {timeline.model}")
    lines.append(f"scope: {timeline.model_scope or 'not stated by the model'}")
    if timeline.smoothing:
        lines.append(f"probabilities are smoothed over {timeline.smoothing:g} seconds")
    return [one_line(line) for line in (*lines, *timeline.notes)]


def packed(timeline: Timeline) -> list[Lane]:
    """Return the fewest lanes that hold all segments; the first has no name, and there is always a first."""
    rows = _rows(timeline.segments) or [[]]
    return [Lane("" if number == 1 else f" {number}", None, tuple(row)) for number, row in enumerate(rows, 1)]


def by_speaker(timeline: Timeline) -> list[Lane]:
    """Return the lanes of each speaker, in the order of their first segments; there is always one.

    A speaker whose segments overlap gets another lane, `@Ann (2)`; an unknown speaker gets one without a name.
    """
    speakers = dict.fromkeys(segment.speaker for segment in timeline.segments) or {None: None}
    lanes: list[Lane] = []
    taken: set[str] = set()
    for speaker in speakers:
        name = "" if speaker is None else f"@{one_line(speaker)}"
        own = _rows(segment for segment in timeline.segments if segment.speaker == speaker) or [[]]
        for row in own:
            unique = _unique(name, taken)
            taken.add(unique)
            lanes.append(Lane(unique, speaker, tuple(row)))
    return lanes


def _rows(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Put each segment, by its start, into the first row that is free."""
    rows: list[list[Segment]] = []
    ends: list[int] = []
    for segment in sorted(segments, key=lambda one: (one.start, one.end)):
        span = MillisecondSpan.of(segment)
        free = next((row for row, end in enumerate(ends) if end <= span.start), None)
        if free is None:
            rows.append([segment])
            ends.append(span.end)
        else:
            rows[free].append(segment)
            ends[free] = span.end
    return rows


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, with a number where it would be."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique


# Characters that XML or UTF-8 cannot hold.
_INVALID_CHARACTERS = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\N{REPLACEMENT CHARACTER}")
