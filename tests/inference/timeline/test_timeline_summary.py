"""The summary: shares of seconds, means, abstention and turning points, by speaker and for the whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from timelines import LABELS, calmly, mostly_withheld, segment, timeline, timelines

from emofuse.inference.timeline.timeline_summary import (
    MOST_TURNING_POINTS,
    TurningPoint,
    summarise,
    summary_table,
    turning_points,
    withheld_sentence,
)
from emofuse.types import Timeline

SAD, ANGRY, NEUTRAL = "sad", "angry", "neutral"


def test_shares_and_means_are_weighed_by_seconds() -> None:
    told = timeline(
        segment(0.0, 3.0, SAD, 0.7, speaker="Ann"),
        segment(3.0, 4.0, ANGRY, 0.4, speaker="Ann"),
        segment(4.0, 8.0, NEUTRAL, 1.0, speaker="Bob"),
    )
    summary = summarise(told)
    ann, bob = summary.speakers
    assert (ann.speaker, ann.segments, ann.seconds) == ("Ann", 2, 4.0)
    assert ann.shares == {ANGRY: 0.25, NEUTRAL: 0.0, SAD: 0.75, "très gai": 0.0}
    assert ann.probabilities[SAD] == pytest.approx((3 * 0.7 + 0.2) / 4)
    assert ann.confidence == pytest.approx((3 * 0.7 + 0.4) / 4)
    assert ann.abstained == 0.0
    assert (bob.shares[NEUTRAL], bob.abstained) == (1.0, 0.0)
    assert summary.whole.speaker is None
    assert summary.whole.shares == {ANGRY: 0.125, NEUTRAL: 0.5, SAD: 0.375, "très gai": 0.0}


def test_withheld_segments_are_in_no_share_and_no_mean() -> None:
    told = timeline(
        segment(0.0, 3.0, SAD, 0.7, speaker="Ann"),
        segment(3.0, 4.0, ANGRY, 0.4, speaker="Ann", abstained=True),
        segment(4.0, 8.0, NEUTRAL, 0.3, speaker="Bob", abstained=True),
    )
    ann, bob = summarise(told).speakers
    assert (ann.segments, ann.seconds, ann.withheld_seconds, ann.abstained) == (2, 4.0, 1.0, 0.25)
    assert ann.shares == {ANGRY: 0.0, NEUTRAL: 0.0, SAD: 1.0, "très gai": 0.0}
    assert ann.probabilities[SAD] == pytest.approx(0.7)
    assert ann.confidence == pytest.approx(0.7)
    assert (bob.seconds, bob.abstained, bob.shares, bob.probabilities, bob.confidence) == (4.0, 1.0, {}, {}, None)


@calmly
@given(timelines())
def test_speakers_add_up_to_the_whole(told: Timeline) -> None:
    summary = summarise(told)
    assert summary.whole.segments == sum(share.segments for share in summary.speakers) == len(told.segments)
    assert summary.whole.seconds == pytest.approx(sum(share.seconds for share in summary.speakers))
    for share in (summary.whole, *summary.speakers) if told.segments else ():
        total = 1.0 if share.shares else 0.0
        assert share.abstained == pytest.approx(1.0 if total == 0 else share.withheld_seconds / share.seconds)
        assert sum(share.shares.values()) == pytest.approx(total)
        assert sum(share.probabilities.values()) == pytest.approx(total)
    kept = [one for one in told.segments if not one.abstained]
    for label in LABELS if kept else ():
        seconds = sum(one.seconds for one in kept if one.label == label)
        total = summary.whole.seconds - summary.whole.withheld_seconds
        assert summary.whole.shares[label] * total == pytest.approx(seconds)


def test_a_turn_is_what_stays() -> None:
    labels = [NEUTRAL] * 4 + [SAD] + [NEUTRAL] * 3 + [ANGRY] * 4 + [SAD] * 2 + [ANGRY] * 3
    own = [segment(2.0 * place, 2.0 * place + 2.0, label) for place, label in enumerate(labels)]
    assert turning_points(own, hold=5.0) == (TurningPoint(16.0, NEUTRAL, ANGRY),)
    assert turning_points(own, hold=4.0) == (
        TurningPoint(16.0, NEUTRAL, ANGRY),
        TurningPoint(24.0, ANGRY, SAD),
        TurningPoint(28.0, SAD, ANGRY),
    )


def test_withheld_segments_make_no_turn_and_bridge_none() -> None:
    own = [segment(0.0, 6.0, SAD), *(segment(6.0 + n, 7.0 + n, ANGRY, 0.3, abstained=True) for n in range(20))]
    assert turning_points(own, hold=5.0) == ()
    own += [segment(26.0, 27.0, NEUTRAL), segment(27.0, 47.0, ANGRY, 0.3, abstained=True)]
    own += [segment(47.0, 48.0, NEUTRAL)]
    assert turning_points(own, hold=5.0) == ()
    own += [segment(48.0, 54.0, NEUTRAL)]
    assert turning_points(own, hold=5.0) == (TurningPoint(26.0, SAD, NEUTRAL),)


def test_an_interview_of_which_nine_tenths_are_withheld_has_no_figures_from_them() -> None:
    summary = summarise(mostly_withheld())
    for share in (summary.whole, *summary.speakers):
        assert share.abstained == pytest.approx(0.9)
        assert share.shares[ANGRY] == 0.0
        assert share.confidence == pytest.approx(0.8)
        assert share.turning_points == ()
    assert withheld_sentence(summary) == (
        "180.0 of 200.0 s (90 %) are withheld: the model's confidence was too low there to name an emotion; "
        "they count in no share, mean or turning point"
    )
    assert withheld_sentence(summarise(timeline(segment(0.0, 1.0)))) is None


def test_what_holds_first_is_no_turn() -> None:
    own = [segment(0.0, 1.0, SAD), segment(1.0, 9.0, ANGRY)]
    assert turning_points(own, hold=5.0) == ()
    assert turning_points(own, hold=1.0) == (TurningPoint(1.0, SAD, ANGRY),)


def test_turns_are_sought_in_each_speaker_and_in_the_whole() -> None:
    ann = [segment(4.0 * n, 4.0 * n + 2, NEUTRAL if n < 10 else SAD, 0.9, speaker="Ann") for n in range(20)]
    bob = [segment(4.0 * n + 2, 4.0 * n + 4, NEUTRAL, 0.5, speaker="Bob") for n in range(20)]
    told = timeline(*sorted([*ann, *bob], key=lambda one: one.start))
    summary = summarise(told)
    (turn,) = summary.speakers[0].turning_points
    assert (turn.before, turn.after) == (NEUTRAL, SAD)
    assert turn.time == pytest.approx(40.0, abs=4.0)
    assert summary.speakers[1].turning_points == ()
    assert len(summary.whole.turning_points) == 1


def test_a_flicker_is_smoothed_away_unless_asked_for() -> None:
    own = [segment(2.0 * n, 2.0 * n + 2.0, SAD if 9 < n < 13 else NEUTRAL, 0.6) for n in range(30)]
    assert summarise(timeline(*own), smoothing=30.0).whole.turning_points == ()
    assert len(summarise(timeline(*own), smoothing=0.0).whole.turning_points) == 2
    # Somebody has smoothed already, and chose how much.
    assert len(summarise(timeline(*own, smoothing=1.0), smoothing=30.0).whole.turning_points) == 2


@calmly
@given(timelines())
def test_the_summary_is_json(told: Timeline) -> None:
    document = summarise(told).as_dict()
    assert json.loads(json.dumps(document)) == document
    assert set(document["whole"]) == {
        "speaker", "segments", "seconds", "shares", "probabilities", "confidence", "abstained",
        "withheld_seconds", "turning_points",
    }  # fmt: skip


def test_a_turn_is_json_by_the_words_that_people_use() -> None:
    assert TurningPoint(1.23456, SAD, ANGRY).as_dict() == {"time": 1.235, "from": SAD, "to": ANGRY}


def test_the_table_has_a_row_for_each_speaker_and_the_turns() -> None:
    told = timeline(
        *(segment(6.0 * n, 6.0 * n + 6.0, SAD if n > 2 else ANGRY, 0.9, speaker="Ann") for n in range(6)),
        segment(36.0, 37.0, NEUTRAL, speaker="B" * 40),
    )
    lines = summary_table(summarise(told, smoothing=0.0)).splitlines()
    assert lines[0].split() == ["seconds", "angry", "neutral", "sad", "très", "gai", "confidence", "withheld"]
    assert [line.split()[0] for line in lines[1:]] == ["all", "Ann", "B" * 19 + "…", "Ann"]
    assert "50 %" in lines[2]
    assert lines[4] == "Ann from 18.0 s: angry -> sad"
    assert len({len(line) for line in lines[:4]}) == 1


def test_the_table_names_the_first_turns_and_counts_the_rest() -> None:
    own = [segment(6.0 * n, 6.0 * n + 6.0, (SAD, ANGRY)[n % 2]) for n in range(30)]
    lines = summary_table(summarise(timeline(*own), smoothing=0.0)).splitlines()
    assert lines[2] == "unknown from 6.0 s: sad -> angry"
    assert lines[-1] == "and 9 more turning points"
    assert len(lines) == 2 + MOST_TURNING_POINTS + 1


def test_the_table_of_nothing_says_so() -> None:
    lines = summary_table(summarise(timeline())).splitlines()
    assert lines[1].split() == ["all", "0.0", "-", "-", "-", "-", "-", "-"]
    assert len(lines) == 2
