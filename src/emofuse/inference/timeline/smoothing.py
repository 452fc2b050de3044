"""Probabilities over time: smoothed within each speaker, and as change against the speaker's own baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types import Segment, Timeline
from emofuse.types.arrays import Float64Array

# Of a speaker with fewer segments than these, what happened to be said hides what is usual.
FEWEST = 8
# Beyond so many widths a segment weighs less than a float can tell.
REACH = 9.0
# A probability below this counts as this: the logarithm of 0 would silence a label for good.
FLOOR = 1e-6
# A segment without length still weighs as much as a millisecond.
SHORTEST = 1e-3
# Probabilities nearer to each other than this are equal: what is between them is rounding.
TIE = 1e-9

BASELINE_NOTE = "probabilities stand against each speaker's own mean: they tell change, not state"
SETS_NOTE = "no baseline was taken: the model may name several labels at once"


def smoothed(timeline: Timeline, seconds: float) -> Timeline:
    """Smooth the probabilities over time within each speaker; order, times and texts stay.

    A segment's new probabilities are the mean over its speaker's segments, each weighed by its length and by a
    Gaussian of that standard deviation over the distance of the middles. Segments of whom nobody knows the speaker
    count as one speaker's. Label and confidence follow; what was abstained from stays so, for its threshold was
    set for single answers.

    Args:
        timeline: as it was told.
        seconds: the standard deviation; 0 leaves everything as it is.

    Raises:
        ValueError: `seconds` is negative or not finite.
    """
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"smoothing over {seconds} seconds: must be 0 or more, and finite")
    if seconds == 0:
        return timeline
    table, lengths = _table(timeline.segments, timeline.labels), _lengths(timeline.segments)
    middles = np.array([(segment.start + segment.end) / 2 for segment in timeline.segments], dtype=np.float64)
    for own in _speakers(timeline.segments).values():
        own = own[np.argsort(middles[own], kind="stable")]
        table[own] = _smooth(table[own], middles[own], lengths[own], seconds)
    return replace(timeline, segments=_told(timeline, table), smoothing=seconds)


def against_baseline(timeline: Timeline) -> Timeline:
    """Tell change against each speaker's own baseline, instead of what sounds like what.

    From the log-probabilities of a segment those that are usual for its speaker, their mean weighed by length,
    are taken away, and the rest is made a distribution: what is as usual becomes even over all labels, and a label
    wins that is more likely than usual for this speaker. This does to answers what `speaker_norm` does to vectors
    in training, and needs no training.

    It can tell that somebody who always sounds cross sounds crosser now. It cannot tell what somebody's usual tone
    is: who is angry from beginning to end comes out even, and who is sad once after an angry hour comes out sad,
    however likely anger still is. A label that is rare may win by little. Confidences are not calibrated.

    Speakers of fewer than `FEWEST` segments stay as they are, and so do segments of whom nobody knows the speaker,
    but where the timeline is one channel, which then counts as a speaker. Notes say so.
    """
    table, lengths = _table(timeline.segments, timeline.labels), _lengths(timeline.segments)
    if np.any(np.abs(table.sum(axis=1) - 1.0) > 0.01):
        return replace(timeline, notes=(*timeline.notes, SETS_NOTE))
    notes: list[str] = []
    changed = np.zeros(len(table), dtype=bool)
    for speaker, own in _speakers(timeline.segments).items():
        if speaker is None and timeline.channel is None:
            notes.append(f"no baseline: of {len(own)} segments the speaker is not known")
        elif len(own) < FEWEST:
            name = "the channel" if speaker is None else speaker
            notes.append(f"no baseline for {name}: {len(own)} segments, and {FEWEST} are needed")
        else:
            table[own] = _against(table[own], lengths[own])
            changed[own] = True
    if changed.any():
        notes.insert(0, BASELINE_NOTE)
    told = _told(timeline, table)
    segments = tuple(
        new if moved else old for new, old, moved in zip(told, timeline.segments, changed, strict=True)
    )
    baseline = timeline.baseline or bool(changed.any())
    return replace(timeline, segments=segments, baseline=baseline, notes=(*timeline.notes, *notes))


def _smooth(table: Float64Array, middles: Float64Array, lengths: Float64Array, seconds: float) -> Float64Array:
    """Return the smoothed rows of one speaker, in the order of their middles."""
    first = np.searchsorted(middles, middles - REACH * seconds, side="left")
    last = np.searchsorted(middles, middles + REACH * seconds, side="right")
    rows = np.empty_like(table)
    for row, (begin, end) in enumerate(zip(first, last, strict=True)):
        apart = (middles[begin:end] - middles[row]) / seconds
        weights = lengths[begin:end] * np.exp(-0.5 * np.square(apart))
        rows[row] = weights @ table[begin:end] / weights.sum()
    return rows


def _against(table: Float64Array, lengths: Float64Array) -> Float64Array:
    """Return one speaker's rows, (segments, labels), against their mean."""
    logs = np.log(np.maximum(table, FLOOR))
    moved = logs - lengths @ logs / lengths.sum()
    shares = np.exp(moved - moved.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _table(segments: Sequence[Segment], labels: Sequence[str]) -> Float64Array:
    """Return probabilities as (segments, labels)."""
    rows = [[segment.probabilities[label] for label in labels] for segment in segments]
    return np.array(rows, dtype=np.float64).reshape(len(segments), len(labels))


def _lengths(segments: Sequence[Segment]) -> Float64Array:
    return np.array([max(segment.seconds, SHORTEST) for segment in segments], dtype=np.float64)


def _speakers(segments: Iterable[Segment]) -> dict[str | None, npt.NDArray[np.intp]]:
    """Return where each speaker's segments stand, in the order in which speakers are first heard."""
    places: dict[str | None, list[int]] = {}
    for place, segment in enumerate(segments):
        places.setdefault(segment.speaker, []).append(place)
    return {speaker: np.array(own, dtype=np.intp) for speaker, own in places.items()}


def _told(timeline: Timeline, table: npt.NDArray[Any]) -> tuple[Segment, ...]:
    """Return the segments with new probabilities; a label that shares the first place keeps it."""
    told = []
    for segment, row in zip(timeline.segments, table, strict=True):
        chances = dict(zip(timeline.labels, row.tolist(), strict=True))
        highest = max(chances.values())
        held = chances.get(segment.label, 0.0) >= highest - TIE
        label = segment.label if held else max(chances, key=lambda name: chances[name])
        told.append(replace(segment, probabilities=chances, label=label, confidence=chances[label]))
    return tuple(told)
