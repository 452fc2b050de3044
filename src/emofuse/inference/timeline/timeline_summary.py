"""A timeline in a few figures: how long each speaker sounded how, how sure that is, and when it turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from emofuse.inference.timeline.smoothing import smoothed
from emofuse.inference.timeline.text_fields import one_line, percent
from emofuse.types import Segment, Timeline

# Turning points are sought in probabilities smoothed over so many seconds, unless they are smoothed already.
SMOOTHING = 5.0
# What does not last so long is no turn.
HOLD = 5.0
# What the terminal shows: letters of a name, and turning points.
NAME_WIDTH = 20
MOST_TURNS = 20


@dataclass(frozen=True)
class Turning:
    """A moment in seconds from which another label holds."""

    time: float
    before: str
    after: str

    def as_dict(self) -> dict[str, Any]:
        """Return the moment as JSON would hold it."""
        return {"time": round(self.time, 3), "from": self.before, "to": self.after}


@dataclass(frozen=True)
class Share:
    """Segments of one speaker, or of all, in figures; every share and mean is weighed by seconds.

    Attributes:
        shares: label -> share of the seconds in which it came first.
        probabilities: label -> mean probability.
        confidence: its mean; None where there is no segment.
        abstained: share of the seconds of which nothing is said.
        turning_points: in the order of time.
    """

    speaker: str | None
    segments: int
    seconds: float
    shares: Mapping[str, float] = field(hash=False)
    probabilities: Mapping[str, float] = field(hash=False)
    confidence: float | None
    abstained: float | None
    turning_points: tuple[Turning, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON would hold them."""
        turning = [point.as_dict() for point in self.turning_points]
        return asdict(self) | {"seconds": round(self.seconds, 3), "turning_points": turning}


@dataclass(frozen=True)
class Summary:
    """A recording in figures: the whole of it, and each speaker in the order in which they are first heard."""

    id: str
    seconds: float
    labels: tuple[str, ...]
    whole: Share
    speakers: tuple[Share, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON would hold it; `speaker` is null in `whole`, and where nobody is known."""
        return {
            "id": self.id,
            "seconds": round(self.seconds, 3),
            "labels": list(self.labels),
            "whole": self.whole.as_dict(),
            "speakers": [speaker.as_dict() for speaker in self.speakers],
        }


def summarise(timeline: Timeline, smoothing: float = SMOOTHING, hold: float = HOLD) -> Summary:
    """Sum a timeline up.

    Args:
        timeline: of any length, also without segments.
        smoothing: seconds over which turning points are sought; a timeline that is smoothed already stays so.
        hold: seconds for which a label must come first to count as a turn.
    """
    named = dict.fromkeys(segment.speaker for segment in timeline.segments)
    seeking = 0.0 if timeline.smoothing else smoothing
    speakers = []
    for speaker in named:
        own = tuple(segment for segment in timeline.segments if segment.speaker == speaker)
        speakers.append(_share(replace(timeline, segments=own), speaker, seeking, hold))
    # The recording's own turns are sought as if one voice spoke.
    one = tuple(replace(segment, speaker=None) for segment in timeline.segments)
    whole = _share(replace(timeline, segments=one), None, seeking, hold)
    return Summary(timeline.id, timeline.seconds, timeline.labels, whole, tuple(speakers))


def turning_points(segments: Sequence[Segment], hold: float) -> tuple[Turning, ...]:
    """Return the moments from which another label comes first, in every segment, for at least `hold` seconds.

    The first label that holds is where it begins, not a turn. A stretch of one label lasts from the start of its
    first segment to the end of its last; shorter ones are passed over.
    """
    turns: list[Turning] = []
    held: str | None = None
    for run in _runs(segments):
        if max(segment.end for segment in run) - run[0].start < hold or run[0].label == held:
            continue
        if held is not None:
            turns.append(Turning(run[0].start, held, run[0].label))
        held = run[0].label
    return tuple(turns)


def summary_table(summary: Summary) -> str:
    """Return a summary as lines for the terminal: a row for the whole and for each speaker, then the turns."""
    header = ("", "seconds", *summary.labels, "confidence", "abstained")
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
    turns = [
        f"{_name(share)} from {point.time:.1f} s: {one_line(point.before)} -> {one_line(point.after)}"
        for share in summary.speakers
        for point in share.turning_points
    ]
    lines += turns[:MOST_TURNS]
    if len(turns) > MOST_TURNS:
        lines.append(f"and {len(turns) - MOST_TURNS} more turning points")
    return "\n".join(lines) + "\n"


def _share(timeline: Timeline, speaker: str | None, smoothing: float, hold: float) -> Share:
    segments, seconds = timeline.segments, timeline.speech_seconds
    shares = dict.fromkeys(timeline.labels, 0.0) if seconds else {}
    for segment in segments if seconds else ():
        shares[segment.label] += segment.seconds / seconds
    sure = sum(segment.confidence * segment.seconds for segment in segments)
    silent = sum(segment.seconds for segment in segments if segment.abstained)
    return Share(
        speaker=speaker,
        segments=len(segments),
        seconds=seconds,
        shares=shares,
        probabilities=timeline.overall,
        confidence=sure / seconds if seconds else None,
        abstained=silent / seconds if seconds else None,
        turning_points=turning_points(smoothed(timeline, smoothing).segments, hold),
    )


def _runs(segments: Sequence[Segment]) -> list[list[Segment]]:
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
