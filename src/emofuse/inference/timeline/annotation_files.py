"""A timeline as tiers of Praat (TextGrid) and of ELAN (EAF), for annotators."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from emofuse.errors import MissingExtraError
from emofuse.inference.timeline.text_fields import (
    MEDIA_TYPES,
    Lane,
    MillisecondSpan,
    by_speaker,
    counted_label,
    one_line,
    packed,
    percent,
)
from emofuse.types import Segment, Timeline

# A fixed date, so that the same timeline gives the same file.
NO_DATE = "1970-01-01T00:00:00+00:00"
ALIGNED, ATTACHED = "aligned", "attached"


# The content of the tiers. Labels stand alone, so that a script can count them; a withheld one is `unsure`.
TIERS: dict[str, Callable[[Segment], str]] = {
    "emotion": counted_label,
    "text": lambda segment: one_line(segment.text or ""),
    "speaker": lambda segment: one_line(segment.speaker or ""),
    "confidence": lambda segment: percent(segment.confidence),
}


def as_textgrid(timeline: Timeline) -> str:
    """Return a Praat TextGrid with the tiers emotion, text, speaker and confidence, in Praat's long text form.

    Intervals of a tier fill the whole time and cannot overlap. Where segments do, each speaker gets tiers of their
    own, `emotion@Ann`, and a speaker whose segments overlap a second set, `emotion@Ann (2)`.
    """
    lanes = packed(timeline)
    lanes = lanes if len(lanes) == 1 else by_speaker(timeline)
    spans = [MillisecondSpan.of(segment) for segment in timeline.segments]
    end = max([1, round(timeline.seconds * 1000), *(span.end for span in spans)])
    tiers = [(tier + lane.name, _filled(lane, text_of, end)) for lane in lanes for tier, text_of in TIERS.items()]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {_seconds(end)}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {_seconds(end)}"]
        lines += [f"        intervals: size = {len(intervals)}"]
        for place, (span, text) in enumerate(intervals, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {_seconds(span.start)}"]
            lines += [f"            xmax = {_seconds(span.end)}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


def as_eaf(timeline: Timeline) -> str:
    """Return an ELAN document: for each speaker the tiers emotion, confidence and text, and the recording linked.

    Annotations of confidence and text depend on those of emotion, so that moving one moves all three. Annotations
    of one tier cannot overlap: a speaker whose segments do gets a second set, `emotion@Ann (2)`.

    Raises:
        MissingExtraError: pympi is not installed.
    """
    try:
        from pympi import Elan
    except ImportError as error:
        raise MissingExtraError("annotate", "an ELAN document") from error
    document = Elan.Eaf(author="emofuse")
    document.adocument["DATE"] = NO_DATE
    document.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    document.remove_tier("default")
    document.linguistic_types = {}
    document.add_linguistic_type(ALIGNED)
    document.add_linguistic_type(ATTACHED, constraints="Symbolic_Association", timealignable=False)
    _link(document, timeline)
    lanes = by_speaker(timeline)
    starts, ends = _slots(document, lanes)
    for lane, first, last in zip(lanes, starts, ends, strict=True):
        _write_lane(document, lane, first, last)
    xml = Elan.to_string(document)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n'


def _filled(lane: Lane, text_of: Callable[[Segment], str], end: int) -> list[tuple[MillisecondSpan, str]]:
    """Return the intervals of a lane, with empty ones between, from 0 to the end."""
    intervals, end_so_far = [], 0
    for segment in lane.segments:
        span = MillisecondSpan.of(segment)
        if span.start > end_so_far:
            intervals.append((MillisecondSpan(end_so_far, span.start), ""))
        intervals.append((span, text_of(segment)))
        end_so_far = span.end
    if end_so_far < end:
        intervals.append((MillisecondSpan(end_so_far, end), ""))
    return intervals


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _link(document: Any, timeline: Timeline) -> None:
    """Link the recording, and the same file name beside the document, which ELAN tries next."""
    if not timeline.audio:
        return
    path = Path(timeline.audio)
    url = path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
    suffix = path.suffix.lower()
    kind = "audio/x-wav" if suffix == ".wav" else MEDIA_TYPES.get(suffix, "unknown")
    document.add_linked_file(url, "./" + quote(os.fsencode(path.name)), kind)


def _slots(document: Any, lanes: Iterable[Lane]) -> tuple[list[list[str]], list[list[str]]]:
    """Give a document its time slots in the order of time; return those of the lanes' starts and of their ends."""
    spans = [[MillisecondSpan.of(segment) for segment in lane.segments] for lane in lanes]
    places = [(row, column) for row, own in enumerate(spans) for column in range(len(own))]
    marks = [(spans[row][column].start, 0, row, column) for row, column in places]
    marks += [(spans[row][column].end, 1, row, column) for row, column in places]
    ids = ([[""] * len(own) for own in spans], [[""] * len(own) for own in spans])
    for time, side, row, column in sorted(marks):
        ids[side][row][column] = document.generate_ts_id(time)
    return ids


def _write_lane(document: Any, lane: Lane, starts: list[str], ends: list[str]) -> None:
    """Add the tiers of a lane and its annotations, which refer to time slots."""
    speaker = None if lane.speaker is None else one_line(lane.speaker)
    parent = "emotion" + lane.name
    document.add_tier(parent, ALIGNED, part=speaker)
    children = {tier: TIERS[tier] for tier in ("confidence", "text")}
    for tier in children:
        document.add_tier(tier + lane.name, ATTACHED, parent=parent, part=speaker)
    for segment, start, end in zip(lane.segments, starts, ends, strict=True):
        own = document.generate_annotation_id()
        document.tiers[parent][0][own] = (start, end, counted_label(segment), None)
        for tier, text_of in children.items():
            if text := text_of(segment):
                document.tiers[tier + lane.name][1][document.generate_annotation_id()] = (own, text, None, None)
