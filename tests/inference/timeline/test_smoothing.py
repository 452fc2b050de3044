"""Smoothing and baselines: what they compute, written a second time, and what they leave alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timelines import LABELS, calmly, segment, timeline, timelines

from emofuse.inference.timeline.smoothing import (
    BASELINE_NOTE,
    FEWEST_SEGMENTS,
    SETS_NOTE,
    against_baseline,
    smoothed,
)
from emofuse.types import Segment, Timeline


def smoothed_by_hand(told: Timeline, seconds: float) -> list[dict[str, float]]:
    rows = []
    for one in told.segments:
        if one.abstained:
            rows.append(dict(one.probabilities))
            continue
        weights = []
        for other in told.segments:
            apart = ((one.start + one.end) - (other.start + other.end)) / 2 / seconds
            same = one.speaker == other.speaker and not other.abstained
            weights.append((other.end - other.start) * math.exp(-apart * apart / 2) if same else 0.0)
        rows.append(
            {
                label: sum(w * other.probabilities[label] for w, other in zip(weights, told.segments, strict=True))
                / sum(weights)
                for label in LABELS
            }
        )
    return rows


def against_by_hand(own: list[Segment]) -> list[dict[str, float]]:
    total = sum(one.seconds for one in own)
    usual = {
        label: sum(one.seconds * math.log(one.probabilities[label]) for one in own) / total for label in LABELS
    }
    rows = []
    for one in own:
        raised = {label: one.probabilities[label] / math.exp(usual[label]) for label in LABELS}
        rows.append({label: raised[label] / sum(raised.values()) for label in LABELS})
    return rows


def talk(speaker: str | None, count: int = FEWEST_SEGMENTS, first: int = 0) -> list[Segment]:
    """Return segments of different lengths and sounds."""
    own = []
    for number in range(count):
        label, sure = LABELS[(first + number * number) % 4], 0.4 + 0.05 * (number % 7)
        start = 3.0 * number + first
        own.append(segment(start, start + 1.0 + number % 3, label, sure, speaker=speaker))
    return own


def with_habit(own: list[Segment], habit: dict[str, float]) -> list[Segment]:
    """Return segments whose probabilities are all bent in the same way."""
    bent = []
    for one in own:
        raised = {label: one.probabilities[label] * habit[label] for label in LABELS}
        chances = {label: raised[label] / sum(raised.values()) for label in LABELS}
        label = max(chances, key=lambda name: chances[name])
        bent.append(replace(one, probabilities=chances, label=label, confidence=chances[label]))
    return bent


@calmly
@given(timelines(), st.floats(0.1, 50.0))
def test_smoothing_is_a_mean_weighed_by_length_and_nearness(told: Timeline, seconds: float) -> None:
    after = smoothed(told, seconds)
    for one, wanted in zip(after.segments, smoothed_by_hand(told, seconds), strict=True):
        assert dict(one.probabilities) == pytest.approx(wanted, abs=1e-9)
        assert one.confidence == one.probabilities[one.label]
        if not one.abstained:
            assert one.confidence == pytest.approx(max(one.probabilities.values()), abs=1e-8)


@calmly
@given(timelines(), st.floats(0.1, 50.0))
def test_smoothing_changes_nothing_else(told: Timeline, seconds: float) -> None:
    after = smoothed(told, seconds)
    kept = [
        replace(new, probabilities=old.probabilities, label=old.label, confidence=old.confidence)
        for new, old in zip(after.segments, told.segments, strict=True)
    ]
    assert replace(after, segments=tuple(kept), smoothing=0.0) == told
    assert after.smoothing == seconds


def test_smoothing_over_nothing_is_the_same_timeline() -> None:
    told = timeline(*talk("Ann"))
    assert smoothed(told, 0) is told


def test_smoothing_outvotes_a_single_segment() -> None:
    own = [segment(float(place), place + 1.0, "sad" if place == 5 else "neutral") for place in range(11)]
    assert own[5].label == "sad"
    assert {one.label for one in smoothed(timeline(*own), 2.0).segments} == {"neutral"}


def test_smoothing_does_not_mix_speakers() -> None:
    own = [segment(float(place), place + 1.0, LABELS[place % 2], speaker="AB"[place % 2]) for place in range(8)]
    after = smoothed(timeline(*own), 100.0)
    assert [one.label for one in after.segments] == [one.label for one in own]
    assert after.segments[0].confidence == pytest.approx(0.7)


def test_withheld_segments_stay_and_count_for_no_other() -> None:
    told = timeline(segment(0.0, 1.0, "angry", abstained=True), segment(1.0, 2.0, "sad"))
    after = smoothed(told, 1.0).segments
    assert after[0] == told.segments[0]
    assert dict(after[1].probabilities) == pytest.approx(dict(told.segments[1].probabilities))


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_smoothing_refuses_what_is_no_width(seconds: float) -> None:
    with pytest.raises(ValueError, match="smoothing"):
        smoothed(timeline(), seconds)


def test_the_baseline_is_taken_from_each_speaker() -> None:
    ann, bob = talk("Ann"), talk("Bob", 12, first=1)
    after = against_baseline(timeline(*ann, *bob))
    assert after.baseline
    assert after.notes == (BASELINE_NOTE,)
    wanted = [*against_by_hand(ann), *against_by_hand(bob)]
    for one, chances in zip(after.segments, wanted, strict=True):
        assert dict(one.probabilities) == pytest.approx(chances, abs=1e-9)
        assert one.label == max(chances, key=lambda name: chances[name])


def test_the_baseline_takes_a_habit_away() -> None:
    habit = dict(zip(LABELS, (30.0, 1.0, 0.2, 2.0), strict=True))
    plain, bent = timeline(*talk("Ann")), timeline(*with_habit(talk("Ann"), habit))
    assert [one.label for one in plain.segments] != [one.label for one in bent.segments]
    for one, other in zip(against_baseline(plain).segments, against_baseline(bent).segments, strict=True):
        assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=1e-9)
        assert one.label == other.label


@pytest.mark.parametrize("sure", [0.3, 0.4, 0.51, 0.62, 0.7, 0.83, 0.9, 0.99])
def test_against_the_baseline_who_never_changes_is_even_and_keeps_the_label(sure: float) -> None:
    own = [segment(n / 3, n / 3 + 0.1 * (n + 1), "sad", sure, speaker="Ann") for n in range(FEWEST_SEGMENTS + 3)]
    for one in against_baseline(timeline(*own)).segments:
        assert one.label == "sad"
        assert list(one.probabilities.values()) == pytest.approx([0.25] * 4)


def test_who_says_little_stays_and_a_note_says_so() -> None:
    few, many = talk("Ann", FEWEST_SEGMENTS - 1), talk("Bob")
    after = against_baseline(timeline(*few, *many))
    assert after.segments[: len(few)] == tuple(few)
    assert after.segments[len(few) :] != tuple(many)
    assert (
        after.notes[1] == f"no baseline for Ann: {FEWEST_SEGMENTS - 1} segments, and {FEWEST_SEGMENTS} are needed"
    )


def test_who_is_not_known_has_no_baseline() -> None:
    told = timeline(*talk(None, 20))
    after = against_baseline(told)
    assert not after.baseline
    assert after.segments == told.segments
    assert after.notes == ("no baseline for 20 segments: their speaker is not known",)


def test_a_channel_is_a_speaker() -> None:
    assert against_baseline(timeline(*talk(None), channel="left")).baseline


def test_labels_that_do_not_exclude_each_other_have_no_baseline() -> None:
    own = [replace(one, probabilities=dict.fromkeys(LABELS, 0.9)) for one in talk("Ann")]
    after = against_baseline(timeline(*own))
    assert after.segments == tuple(own)
    assert after.notes == (SETS_NOTE,)


def test_a_probability_of_zero_is_borne() -> None:
    own = [
        segment(float(place), place + 1.0, LABELS[place % 2], 1.0, speaker="Ann")
        for place in range(FEWEST_SEGMENTS)
    ]
    after = against_baseline(timeline(*own))
    assert [one.label for one in after.segments] == [one.label for one in own]
    assert all(math.isfinite(one.confidence) for one in after.segments)


def test_nothing_is_borne() -> None:
    assert smoothed(timeline(), 3.0).segments == ()
    assert against_baseline(timeline()) == timeline()
