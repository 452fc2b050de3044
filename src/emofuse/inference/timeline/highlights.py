"""What to listen to first: the segments that stand out most from the recording, and the most certain ones."""

from __future__ import annotations

from dataclasses import dataclass

from emofuse.types import Segment, Timeline

MOST_STANDING_OUT = 5
MOST_CERTAIN_PER_LABEL = 2


@dataclass(frozen=True)
class Highlights:
    """Segments worth listening to; none is withheld, and none is shorter than a second.

    Attributes:
        standing_out: those whose label is furthest above its mean over the recording, the furthest first.
        certain: for each label, those with the highest confidence, the highest first.
    """

    standing_out: tuple[Segment, ...]
    certain: tuple[Segment, ...]


def highlights(timeline: Timeline) -> Highlights:
    """Return the segments of a timeline to listen to first; segments that are withheld or short are left out.

    A label that the model gives nearly everywhere stands out nowhere, however certain it is.
    """
    kept = [segment for segment in timeline.segments if not segment.abstained and not segment.short]
    usual = timeline.overall

    def above_usual(segment: Segment) -> float:
        return segment.probabilities[segment.label] - usual[segment.label]

    def by_confidence(segment: Segment) -> float:
        return -segment.confidence

    strongest = sorted(kept, key=above_usual, reverse=True)
    standing_out = [segment for segment in strongest if above_usual(segment) > 0][:MOST_STANDING_OUT]
    certain: list[Segment] = []
    for label in timeline.labels:
        own = sorted((segment for segment in kept if segment.label == label), key=by_confidence)
        certain += own[:MOST_CERTAIN_PER_LABEL]
    return Highlights(tuple(standing_out), tuple(sorted(certain, key=by_confidence)))
