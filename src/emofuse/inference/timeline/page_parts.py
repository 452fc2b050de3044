"""The data of a timeline's page: blocks along the time axis, the transcript, and the table of the summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.text_fields import by_speaker, caption, one_line, percent
from emofuse.inference.timeline.timeline_summary import Share, Summary
from emofuse.pages.time_axis import TimeMark, outline, step_between
from emofuse.types import WITHHELD, Segment, Timeline, shown_label

# The clock has the shortest of these steps that needs no more than `MOST_CLOCK_MARKS` marks.
CLOCK_STEPS_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
MOST_CLOCK_MARKS = 6
# The transcript shows this many of a segment's probabilities.
SHOWN_PROBABILITIES = 3
# More turning points are folded.
MOST_SHOWN_CHANGES = 10
# Width of the waveform's drawing, in its own units.
WAVEFORM_WIDTH = 1000
# A waveform is scaled to its peak, but never to less than this.
LOWEST_PEAK = 1e-4


@dataclass(frozen=True)
class Place:
    """A stretch of the time axis, in per cent of its length."""

    left: float
    width: float


@dataclass(frozen=True)
class Block:
    """A segment on the time axis; `start` and `end` in seconds."""

    start: float
    end: float
    span: Place
    label: str
    abstained: bool
    caption: str


@dataclass(frozen=True)
class Track:
    """The row of one speaker."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Gap:
    """A stretch that was not analysed."""

    span: Place
    reason: str


@dataclass(frozen=True)
class Strip:
    """The time axis with everything on it.

    Attributes:
        seconds: its length.
        waveform: the corners of the waveform's shape, as an SVG polygon takes them; None for no waveform.
        tracks: one row for each speaker.
        gaps: what was not analysed.
        clock: times below the tracks.
    """

    seconds: float
    waveform: str | None
    tracks: tuple[Track, ...]
    gaps: tuple[Gap, ...]
    clock: tuple[TimeMark, ...]


@dataclass(frozen=True)
class Entry:
    """A segment in the transcript; `start` and `end` in seconds, numbers as text.

    Attributes:
        shown: what stands in place of the label.
        probabilities: of the most probable labels; empty where the label is withheld.
    """

    start: float
    end: float
    time: str
    label: str
    shown: str
    abstained: bool
    confidence: str
    speaker: str | None
    text: str
    probabilities: str
    short: bool


@dataclass(frozen=True)
class SummaryRow:
    """The figures of the whole recording or of one speaker."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class SummaryTable:
    """The summary as text: column names and rows."""

    columns: tuple[str, ...]
    rows: tuple[SummaryRow, ...]


@dataclass(frozen=True)
class Change:
    """A turning point of a speaker; `start` in seconds, and for how many seconds the new label holds."""

    start: float
    held: float
    time: str
    speaker: str | None
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """Turning points in the order of time: those that hold longest, and the others, which are folded."""

    shown: tuple[Change, ...]
    folded: tuple[Change, ...]


def strip_of(timeline: Timeline, waveform: Envelope | None) -> Strip:
    """Return the time axis of a timeline, with its waveform if one is given."""
    end = max([timeline.seconds, 0.001, *(segment.end for segment in timeline.segments)])
    tracks = []
    for lane in by_speaker(timeline):
        name = one_line(lane.name.removeprefix("@")) or "speech"
        tracks.append(Track(name, tuple(_block(segment, end) for segment in lane.segments)))
    step = step_between(end, CLOCK_STEPS_SECONDS, MOST_CLOCK_MARKS)
    return Strip(
        seconds=end,
        waveform=None if waveform is None else _polygon(waveform, timeline.seconds / end),
        tracks=tuple(tracks),
        gaps=tuple(Gap(_place(part.start, part.end, end), part.reason) for part in timeline.excluded),
        clock=tuple(TimeMark(100 * time / end, clock_time(time)) for time in range(0, int(end) + 1, step)),
    )


def entries_of(segments: Iterable[Segment], labels: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return segments as text, in the order given."""
    return tuple(_entry(segment, labels) for segment in segments)


def changes_of(summary: Summary) -> Changes:
    """Return the turning points of all speakers."""
    changes = []
    for share in summary.speakers:
        ends = [*(point.time for point in share.turning_points[1:]), summary.seconds]
        changes += [
            Change(point.time, end - point.time, clock_time(point.time), share.speaker, point.before, point.after)
            for point, end in zip(share.turning_points, ends, strict=False)
        ]
    changes.sort(key=lambda change: change.start)
    longest = sorted(changes, key=lambda change: -change.held)[:MOST_SHOWN_CHANGES]
    return Changes(
        tuple(one for one in changes if one in longest), tuple(one for one in changes if one not in longest)
    )


def summary_table_of(summary: Summary) -> SummaryTable:
    """Return the figures of the whole and of each named speaker as text."""
    shares = [("all", summary.whole)]
    if any(share.speaker is not None for share in summary.speakers):
        shares += [(_speaker(share), share) for share in summary.speakers]
    columns = ("speaker", "time", *summary.labels, "mean confidence", WITHHELD)
    return SummaryTable(columns, tuple(SummaryRow(name, _cells(share, summary.labels)) for name, share in shares))


def clock_time(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours if there are any.

    >>> clock_time(3723.4)
    '1:02:03'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _polygon(waveform: Envelope, share: float) -> str:
    """Return the corners of a waveform that takes a share of the time axis, scaled to its peak."""
    places = [WAVEFORM_WIDTH * share * start for start in waveform.starts]
    peak = max([LOWEST_PEAK, *map(abs, waveform.high), *map(abs, waveform.low)])
    return outline(places, (-y / peak for y in waveform.high), (-y / peak for y in waveform.low))


def _block(segment: Segment, end: float) -> Block:
    return Block(
        start=segment.start,
        end=segment.end,
        span=_place(segment.start, segment.end, end),
        label=segment.label,
        abstained=segment.abstained,
        caption=caption(segment),
    )


def _entry(segment: Segment, labels: tuple[str, ...]) -> Entry:
    likely = sorted(labels, key=lambda label: -segment.probabilities[label])[:SHOWN_PROBABILITIES]
    shown = [f"{label} {percent(segment.probabilities[label])}" for label in likely]
    return Entry(
        start=segment.start,
        end=segment.end,
        time=clock_time(segment.start),
        label=segment.label,
        shown=shown_label(segment.label, segment.abstained),
        abstained=segment.abstained,
        confidence=percent(segment.confidence),
        speaker=segment.speaker,
        text=one_line(segment.text or ""),
        probabilities="" if segment.abstained else ", ".join(shown),
        short=segment.short,
    )


def _cells(share: Share, labels: tuple[str, ...]) -> tuple[str, ...]:
    shares = [percent(share.shares[label]) if label in share.shares else "-" for label in labels]
    means = ["-" if value is None else percent(value) for value in (share.confidence, share.abstained)]
    return (clock_time(share.seconds), *shares, *means)


def _speaker(share: Share) -> str:
    return "unknown speaker" if share.speaker is None else share.speaker


def _place(start: float, end: float, whole: float) -> Place:
    return Place(100 * start / whole, 100 * (end - start) / whole)
