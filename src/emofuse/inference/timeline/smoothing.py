"""Probabilities over time: smoothed within each speaker, and as change against the speaker's own baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types import Segment, Timeline
from emofuse.types.arrays import Float64Array

# A speaker with fewer segments has no reliable baseline.
FEWEST_SEGMENTS = 8
# Segments more standard deviations away have no weight in double precision.
REACH_DEVIATIONS = 9.0
# Lower probabilities are raised to this one, because 0 has no logarithm.
LOWEST_PROBABILITY = 1e-6
# The weight of a segment without length.
SHORTEST_SECONDS = 1e-3
# Probabilities that differ by less are equal: the difference is rounding.
TIE_TOLERANCE = 1e-9

BASELINE_NOTE = "probabilities are relative to each speaker's own mean: they show change, not state"
SETS_NOTE = "no baseline was applied: the model may predict several labels at once"


def smoothed(timeline: Timeline, seconds: float) -> Timeline:
    """Smooth the probabilities over time within each speaker; order, times and texts stay.

    A segment's new probabilities are the mean over its speaker's segments, each weighted by its length and by a
    Gaussian of that standard deviation over the distance of the middles. Segments of unknown speakers count as one
    speaker's. Label and confidence follow. Segments on which the model abstained stay as they are and count for no
    other, because the threshold was fitted on single predictions.

    Args:
        timeline: as it was predicted.
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
    withheld = np.array([segment.abstained for segment in timeline.segments], dtype=np.bool_)
    for own in _speakers(timeline.segments).values():
        own = own[~withheld[own]]
        own = own[np.argsort(middles[own], kind="stable")]
        table[own] = _smooth(table[own], middles[own], lengths[own], seconds)
    return replace(timeline, segments=_with_probabilities(timeline, table), smoothing=seconds)


def against_baseline(timeline: Timeline) -> Timeline:
    """Make probabilities relative to each speaker's own baseline.

    The speaker's mean log-probabilities, weighted by length, are subtracted from those of a segment, and the rest
    is normalised to a distribution: a typical segment becomes even over all labels, and a label wins that is more
    likely than usual for this speaker. This does to predictions what `speaker_norm` does to vectors in training,
    and needs no training.

    It shows that somebody who always sounds angry sounds angrier now, not what somebody's usual tone is: a speaker
    who is angry from beginning to end comes out even. A rare label may win by little. Confidences are not
    calibrated.

    Speakers with fewer than `FEWEST_SEGMENTS` segments stay as they are, and so do unknown speakers, unless the
    timeline is of one channel, which then counts as a speaker. Notes say so.
    """
    table, lengths = _table(timeline.segments, timeline.labels), _lengths(timeline.segments)
    if np.any(np.abs(table.sum(axis=1) - 1.0) > 0.01):
        return replace(timeline, notes=(*timeline.notes, SETS_NOTE))
    notes: list[str] = []
    changed = np.zeros(len(table), dtype=bool)
    for speaker, own in _speakers(timeline.segments).items():
        if speaker is None and timeline.channel is None:
            notes.append(f"no baseline for {len(own)} segments: their speaker is not known")
        elif len(own) < FEWEST_SEGMENTS:
            name = "the channel" if speaker is None else speaker
            notes.append(f"no baseline for {name}: {len(own)} segments, and {FEWEST_SEGMENTS} are needed")
        else:
            table[own] = _against(table[own], lengths[own])
            changed[own] = True
    if changed.any():
        notes.insert(0, BASELINE_NOTE)
    segments = _with_probabilities(timeline, table)
    segments = tuple(
        new if moved else old for new, old, moved in zip(segments, timeline.segments, changed, strict=True)
    )
    baseline = timeline.baseline or bool(changed.any())
    return replace(timeline, segments=segments, baseline=baseline, notes=(*timeline.notes, *notes))


def _smooth(table: Float64Array, middles: Float64Array, lengths: Float64Array, seconds: float) -> Float64Array:
    """Return the smoothed rows of one speaker, in the order of their middles."""
    first = np.searchsorted(middles, middles - REACH_DEVIATIONS * seconds, side="left")
    last = np.searchsorted(middles, middles + REACH_DEVIATIONS * seconds, side="right")
    rows = np.empty_like(table)
    for row, (begin, end) in enumerate(zip(first, last, strict=True)):
        apart = (middles[begin:end] - middles[row]) / seconds
        weights = lengths[begin:end] * np.exp(-0.5 * np.square(apart))
        rows[row] = weights @ table[begin:end] / weights.sum()
    return rows


def _against(table: Float64Array, lengths: Float64Array) -> Float64Array:
    """Return one speaker's rows, (segments, labels), against their mean."""
    logs = np.log(np.maximum(table, LOWEST_PROBABILITY))
    moved = logs - lengths @ logs / lengths.sum()
    shares = np.exp(moved - moved.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _table(segments: Sequence[Segment], labels: Sequence[str]) -> Float64Array:
    """Return probabilities as (segments, labels)."""
    rows = [[segment.probabilities[label] for label in labels] for segment in segments]
    return np.array(rows, dtype=np.float64).reshape(len(segments), len(labels))


def _lengths(segments: Sequence[Segment]) -> Float64Array:
    return np.array([max(segment.seconds, SHORTEST_SECONDS) for segment in segments], dtype=np.float64)


def _speakers(segments: Iterable[Segment]) -> dict[str | None, npt.NDArray[np.intp]]:
    """Return where each speaker's segments stand, in the order of their first segments."""
    places: dict[str | None, list[int]] = {}
    for place, segment in enumerate(segments):
        places.setdefault(segment.speaker, []).append(place)
    return {speaker: np.array(own, dtype=np.intp) for speaker, own in places.items()}


def _with_probabilities(timeline: Timeline, table: npt.NDArray[Any]) -> tuple[Segment, ...]:
    """Return the segments with new probabilities; of equal ones, a segment keeps its label."""
    segments = []
    for segment, row in zip(timeline.segments, table, strict=True):
        probabilities = dict(zip(timeline.labels, row.tolist(), strict=True))
        highest = max(probabilities.values())
        held = probabilities.get(segment.label, 0.0) >= highest - TIE_TOLERANCE
        label = segment.label if held else max(probabilities, key=lambda name: probabilities[name])
        segments.append(
            replace(segment, probabilities=probabilities, label=label, confidence=probabilities[label])
        )
    return tuple(segments)
