"""The data of a timeline's page: where blocks stand, what the transcript and the summary show."""

from __future__ import annotations

import numpy as np
from timelines import LABELS, segment, timeline

from emofuse.inference.timeline.envelope import envelope
from emofuse.inference.timeline.page_parts import (
    MOST_CLOCK_MARKS,
    MOST_SHOWN_CHANGES,
    Place,
    changes_of,
    entries_of,
    strip_of,
    summary_table_of,
)
from emofuse.inference.timeline.timeline_summary import summarise
from emofuse.types import ExcludedSpan


def test_blocks_and_gaps_are_placed_in_per_cent_of_the_recording() -> None:
    one = timeline(segment(2.0, 4.0, speaker="Ann"), seconds=10.0, excluded=(ExcludedSpan(5.0, 6.0, "music"),))
    strip = strip_of(one, None)
    assert [(track.name, track.blocks[0].span) for track in strip.tracks] == [("Ann", Place(20.0, 20.0))]
    assert [(gap.reason, gap.span) for gap in strip.gaps] == [("music", Place(50.0, 10.0))]
    assert strip.waveform is None


def test_the_clock_has_few_marks_in_any_recording() -> None:
    for seconds in (0.0, 0.4, 11.0, 61.0, 4000.0, 80_000.0):
        clock = strip_of(timeline(seconds=seconds), None).clock
        assert 1 <= len(clock) <= MOST_CLOCK_MARKS + 1
        assert clock[0].text == "0:00"


def test_the_waveform_is_scaled_to_its_peak_and_to_its_share() -> None:
    quiet = envelope([np.array([0.0, 0.01, 0.0, -0.01])], 4)
    strip = strip_of(timeline(segment(0.0, 4.0), seconds=2.0), quiet)
    assert strip.waveform is not None
    corners = [tuple(map(float, corner.split(","))) for corner in strip.waveform.split()]
    assert [corner[0] for corner in corners[:4]] == [0.0, 125.0, 250.0, 375.0]
    assert min(y for _, y in corners) == -1.0
    assert max(y for _, y in corners) == 1.0


def test_the_transcript_shows_the_most_probable_labels() -> None:
    (entry,) = entries_of([segment(61.0, 62.0, "sad", 0.7, text="no\nno")], LABELS)
    assert (entry.time, entry.label, entry.confidence, entry.text) == ("1:01", "sad", "70 %", "no no")
    assert entry.probabilities.startswith("sad 70 %, ")
    assert entry.probabilities.count(",") == 2


def test_the_summary_has_a_row_for_each_named_speaker() -> None:
    table = summary_table_of(summarise(timeline(segment(0.0, 9.0, speaker="Ann"), segment(9.0, 12.0))))
    assert table.columns == ("speaker", "time", *LABELS, "mean confidence", "unsure")
    assert [row.name for row in table.rows] == ["all", "Ann", "unknown speaker"]
    assert all(len(row.cells) == len(table.columns) - 1 for row in table.rows)
    assert [row.name for row in summary_table_of(summarise(timeline(segment(0.0, 1.0)))).rows] == ["all"]


def test_the_summary_of_nothing_has_no_shares() -> None:
    (row,) = summary_table_of(summarise(timeline())).rows
    assert row.cells == ("0:00", *["-"] * len(LABELS), "-", "-")


def test_of_many_changes_those_that_hold_longest_are_shown() -> None:
    # Ann changes every six seconds, and every thirty seconds at the end.
    starts = [*range(0, 120, 6), *range(120, 300, 30)]
    own = [
        segment(float(start), float(end), LABELS[number % 2], 0.9, speaker="Ann")
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], 330], strict=True))
    ]
    changes = changes_of(summarise(timeline(*own, smoothing=1.0)))
    assert len(changes.shown) == MOST_SHOWN_CHANGES
    assert len(changes.folded) == len(starts) - 1 - MOST_SHOWN_CHANGES
    assert {120.0, 150.0, 270.0} <= {one.start for one in changes.shown}
    assert [one.start for one in changes.shown] == sorted(one.start for one in changes.shown)
    assert (changes.shown[-1].time, changes.shown[-1].speaker, changes.shown[-1].held) == ("4:30", "Ann", 60.5)
