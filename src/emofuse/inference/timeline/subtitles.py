"""A timeline as subtitles: SubRip and WebVTT, a cue for each segment."""

from __future__ import annotations

from emofuse.inference.timeline.text_fields import MillisecondSpan, caption, facts
from emofuse.types import Timeline


def as_srt(timeline: Timeline) -> str:
    """Return SubRip subtitles; cues may overlap, and players then show both."""
    cues = []
    for number, segment in enumerate(timeline.segments, 1):
        span = MillisecondSpan.of(segment)
        times = f"{_clock(span.start, ',')} --> {_clock(span.end, ',')}"
        cues.append(f"{number}\n{times}\n{_without_arrow(caption(segment))}\n")
    return "\n".join(cues)


def as_vtt(timeline: Timeline) -> str:
    """Return WebVTT subtitles, starting with a note of the recording, the model and its scope."""
    note = "\n".join(_without_arrow(line) for line in facts(timeline))
    blocks = ["WEBVTT\n", f"NOTE\n{note}\n"]
    for number, segment in enumerate(timeline.segments, 1):
        span = MillisecondSpan.of(segment)
        times = f"{_clock(span.start, '.')} --> {_clock(span.end, '.')}"
        blocks.append(f"{number}\n{times}\n{_escaped(caption(segment))}\n")
    return "\n".join(blocks)


def _clock(milliseconds: int, point: str) -> str:
    """Return a time as hours, minutes, seconds and three decimals.

    >>> _clock(3_723_004, ".")
    '01:02:03.004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def _without_arrow(line: str) -> str:
    """Replace the arrow by which readers recognise a line of times."""
    return line.replace("-->", "→")


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
