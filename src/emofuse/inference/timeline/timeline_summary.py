"""A timeline in a few figures: the share of each label per speaker, the confidence, and the turning points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from emofuse.inference.timeline.smoothing import smoothed
from emofuse.inference.timeline.text_fields import one_line, percent
from emofuse.types import Segment, Timeline

# Turning points are found in probabilities smoothed over so many seconds, unless they are smoothed already.
SMOOTHING_SECONDS = 5.0
# A label that comes first for less time makes no turning point.
HOLD_SECONDS = 5.0
# In the terminal: letters of a name, and the most turning points.
NAME_WIDTH = 20
MOST_TURNING_POINTS = 20


@dataclass(frozen=True)
class TurningPoint:
    """A moment in seconds from which another label holds."""

    time: float
    before: str
    after: str

    def as_dict(self) -> dict[str, Any]:
        """Return the moment as JSON would hold it."""
        return {"time": round(self.time, 3), "from": self.before, "to": self.after}


@dataclass(frozen=True)
class Share:
    """The figures of one speaker, or of all; every share and mean is weighted by seconds.

    Segments on which the model abstained are withheld: they count in `segments`, `seconds`, `withheld_seconds` and
    `abstained` only.

    Attributes:
        shares: label -> share of the seconds that are not withheld in which it came first; empty without any.
        probabilities: label -> mean probability; empty without any.
        confidence: its mean; None without any.
        withheld_seconds: seconds in which the model abstained.
        abstained: the same as a share of all seconds; None without segments.
        turning_points: in the order of time.
    """

    speaker: str | None
    segments: int
    seconds: float
    shares: Mapping[str, float] = field(hash=False)
    probabilities: Mapping[str, float] = field(hash=False)
    confidence: float | None
    withheld_seconds: float
    abstained: float | None
    turning_points: tuple[TurningPoint, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON would hold them."""
        turning = [point.as_dict() for point in self.turning_points]
        seconds, withheld = round(self.seconds, 3), round(self.withheld_seconds, 3)
        return asdict(self) | {"seconds": seconds, "withheld_seconds": withheld, "turning_points": turning}


@dataclass(frozen=True)
class Summary:
    """A recording in figures: the whole of it, and each speaker in the order of their first segments."""

    id: str
    seconds: float
    labels: tuple[str, ...]
    whole: Share
    speakers: tuple[Share, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON would hold it; `speaker` is null in `whole`, and for the unknown speaker."""
        return {
            "id": self.id,
            "seconds": round(self.seconds, 3),
            "labels": list(self.labels),
            "whole": self.whole.as_dict(),
            "speakers": [speaker.as_dict() for speaker in self.speakers],
        }


def summarise(timeline: Timeline, smoothing: float = SMOOTHING_SECONDS, hold: float = HOLD_SECONDS) -> Summary:
    """Summarise a timeline.

    Args:
        timeline: of any length, also without segments.
        smoothing: seconds over which probabilities are smoothed to find turning points, unless they already are.
        hold: seconds for which a label must come first to make a turning point.
    """
    named = dict.fromkeys(segment.speaker for segment in timeline.segments)
    seconds = 0.0 if timeline.smoothing else smoothing
    speakers = []
    for speaker in named:
        own = tuple(segment for segment in timeline.segments if segment.speaker == speaker)
        speakers.append(_share(replace(timeline, segments=own), speaker, seconds, hold))
    # The turning points of the whole recording are found as if there were one speaker.
    one = tuple(replace(segment, speaker=None) for segment in timeline.segments)
    whole = _share(replace(timeline, segments=one), None, seconds, hold)
    return Summary(timeline.id, timeline.seconds, timeline.labels, whole, tuple(speakers))


def turning_points(segments: Sequence[Segment], hold: float) -> tuple[TurningPoint, ...]:
    """Return the moments from which another label comes first, in every segment, for at least `hold` seconds.

    The first label that holds is the beginning, not a turning point. A stretch of one label lasts from the start
    of its first segment to the end of its last, less the withheld segments between; shorter stretches are ignored.
    """
    withheld = [segment for segment in segments if segment.abstained]
    points: list[TurningPoint] = []
    held: str | None = None
    for run in _runs(segment for segment in segments if not segment.abstained):
        if run[0].label == held or _held_seconds(run, withheld) < hold:
            continue
        if held is not None:
            points.append(TurningPoint(run[0].start, held, run[0].label))
        held = run[0].label
    return tuple(points)


def summary_table(summary: Summary) -> str:
    """Return a summary as lines for the terminal: the whole, each speaker, then the turning points."""
    header = ("", "seconds", *summary.labels, "confidence", "withheld")
    rows = [header, _row("all", summary.whole, summary.labels)]
    if any(share.speaker is not None for share in summary.speakers):
        rows += [_row(_name(share), share, summary.labels) for share in summary.speakers]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    points = [
        f"{_name(share)} from {point.time:.1f} s: {one_line(point.before)} -> {one_line(point.after)}"
        for share in summary.speakers
        for point in share.turning_points
    ]
    lines += points[:MOST_TURNING_POINTS]
    if len(points) > MOST_TURNING_POINTS:
        lines.append(f"and {len(points) - MOST_TURNING_POINTS} more turning points")
    return "\n".join(lines) + "\n"


def _share(timeline: Timeline, speaker: str | None, smoothing: float, hold: float) -> Share:
    seconds, withheld = timeline.speech_seconds, timeline.withheld_seconds
    kept = [segment for segment in timeline.segments if not segment.abstained]
    total = sum(segment.seconds for segment in kept)
    shares = dict.fromkeys(timeline.labels, 0.0) if total else {}
    for segment in kept if total else ():
        shares[segment.label] += segment.seconds / total
    confidence = sum(segment.confidence * segment.seconds for segment in kept)
    return Share(
        speaker=speaker,
        segments=len(timeline.segments),
        seconds=seconds,
        shares=shares,
        probabilities=timeline.overall,
        confidence=confidence / total if total else None,
        withheld_seconds=withheld,
        abstained=withheld / seconds if seconds else None,
        turning_points=turning_points(smoothed(timeline, smoothing).segments, hold),
    )


def withheld_sentence(summary: Summary) -> str | None:
    """Return in a sentence how much of a recording has no label, and why; None where all of it has one."""
    whole = summary.whole
    if not whole.abstained:
        return None
    part = f"{whole.withheld_seconds:.1f} of {whole.seconds:.1f} s ({percent(whole.abstained)})"
    return (
        f"{part} are withheld: the model's confidence was too low there to name an emotion; "
        "they count in no share, mean or turning point"
    )


def _held_seconds(run: Sequence[Segment], withheld: Iterable[Segment]) -> float:
    """Return how long a stretch of one label lasts, without the withheld segments within it."""
    start, end = run[0].start, max(segment.end for segment in run)
    between = sum(max(0.0, min(one.end, end) - max(one.start, start)) for one in withheld)
    return end - start - between


def _runs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Return the segments, in the order of time, in stretches of one label."""
    runs: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.start, one.end)):
        if runs and runs[-1][0].label == segment.label:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _row(name: str, share: Share, labels: Sequence[str]) -> tuple[str, ...]:
    shares = ["-" if label not in share.shares else percent(share.shares[label]) for label in labels]
    ends = ["-" if value is None else percent(value) for value in (share.confidence, share.abstained)]
    return (name, f"{share.seconds:.1f}", *shares, *ends)


def _name(share: Share) -> str:
    name = "unknown" if share.speaker is None else one_line(share.speaker)
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"
