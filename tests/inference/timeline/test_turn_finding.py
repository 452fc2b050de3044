"""The turns of a recording that are given or laid over it; `test_compose` shows those that are found in it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given as given_by_hypothesis
from hypothesis import settings
from hypothesis import strategies as st

from emofuse.errors import CorpusError, RecipeError
from emofuse.inference.timeline.turn_finding import split_long_turns, windows
from emofuse.types import Turn

FIXED = settings(derandomize=True, deadline=None)


def spans(turns: list[Turn]) -> list[tuple[float, float]]:
    return [(round(turn.start, 3), round(turn.end, 3)) for turn in turns]


@pytest.mark.parametrize(
    ("seconds", "width", "step", "expected"),
    [
        (10.0, 4.0, 2.0, [(0, 4), (2, 6), (4, 8), (6, 10)]),
        (9.0, 4.0, 2.0, [(0, 4), (2, 6), (4, 8), (6, 9)]),
        (12.0, 4.0, 4.0, [(0, 4), (4, 8), (8, 12)]),
        (12.5, 4.0, 4.0, [(0, 4), (4, 8), (8, 12.5)]),
        (3.0, 4.0, 4.0, [(0, 3)]),
        (0.0, 4.0, 4.0, []),
        (0.9, 0.3, 0.1, [(0.1 * n, 0.1 * n + 0.3) for n in range(7)]),
    ],
)
def test_windows_cover_a_recording(
    seconds: float, width: float, step: float, expected: list[tuple[float, float]]
) -> None:
    np.testing.assert_allclose(
        np.reshape([(turn.start, turn.end) for turn in windows(seconds, width, step)], (-1, 2)),
        np.reshape(expected, (-1, 2)),
        atol=1e-9,
    )


@FIXED
@given_by_hypothesis(st.floats(0.01, 500.0), st.floats(0.2, 30.0), st.floats(0.1, 1.0))
def test_windows_leave_nothing_out_and_end_with_the_recording(seconds: float, width: float, share: float) -> None:
    turns = windows(seconds, width, width * share)
    assert turns[0].start == 0.0
    assert turns[-1].end == seconds
    assert all(two.start <= one.end + 1e-9 and one.start < two.start for one, two in pairwise(turns))
    assert all(turn.seconds <= width + 1.0 for turn in turns)


@pytest.mark.parametrize(("width", "step"), [(4.0, 0.0), (4.0, 5.0), (0.0, 0.0), (math.nan, 1.0), (4.0, -1.0)])
def test_windows_that_do_not_cover_a_recording_are_refused(width: float, step: float) -> None:
    with pytest.raises(RecipeError, match="do not cover"):
        windows(10.0, width, step)


def test_given_turns_are_taken_as_they_are_in_order() -> None:
    turns = [Turn(3.0, 4.0, "ben", "no"), Turn(1.0, 3.5, "anna"), Turn(5.0, 5.05)]
    assert split_long_turns(turns, seconds=9.0) == [turns[1], turns[0], turns[2]]


def test_long_given_turns_are_cut_and_keep_speaker_and_text() -> None:
    pieces = split_long_turns([Turn(1.0, 41.0, "anna", "so long", "gold")])
    assert spans(pieces) == [(1.0, 14.333), (14.333, 27.667), (27.667, 41.0)]
    assert {(piece.speaker, piece.text, piece.text_source) for piece in pieces} == {("anna", "so long", "gold")}
    assert len(split_long_turns([Turn(0.0, 15.0)])) == 1


def test_given_turns_end_with_the_recording_and_none_begins_after_it() -> None:
    assert split_long_turns([Turn(1.0, 3.2)], seconds=3.0) == [Turn(1.0, 3.0)]
    with pytest.raises(CorpusError, match=r"begins at 3\.10 s, but the recording ends at 3\.00 s"):
        split_long_turns([Turn(1.0, 2.0), Turn(3.1, 4.0)], seconds=3.0)
