from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given as given_by_hypothesis
from hypothesis import settings
from hypothesis import strategies as st

from emofuse.errors import CorpusError, RecipeError
from emofuse.sound.activity import SpeechSpan
from emofuse.sound.loudness import FRAME_SECONDS
from emofuse.sound.speech_turns import Joining, split_long_turns, to_turns, windows
from emofuse.types import Turn

FIXED = settings(derandomize=True, deadline=None)
TIGHT = Joining(gap=0.3, shortest=0.2, longest=15.0, pad=0.0)


def spans(turns: list[Turn]) -> list[tuple[float, float]]:
    return [(round(turn.start, 3), round(turn.end, 3)) for turn in turns]


def stretches(*times: tuple[float, float]) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in times]


def loud(start: float, end: float, quiet_at: float) -> SpeechSpan:
    """Return a stretch that is level but for 0.3 s about one time."""
    times = start + FRAME_SECONDS * np.arange(round((end - start) / FRAME_SECONDS))
    levels = np.where(np.abs(times - quiet_at) < 0.15, -50.0, -20.0)
    return SpeechSpan(start, end, tuple(levels.tolist()))


def test_short_pauses_are_joined_and_long_ones_part_turns() -> None:
    found = to_turns(stretches((1.0, 2.0), (2.29, 3.0), (3.31, 4.0)), joining=TIGHT)
    assert spans(list(found)) == [(1.0, 3.0), (3.31, 4.0)]


def test_what_is_too_short_is_dropped_unless_it_is_joined() -> None:
    found = to_turns(stretches((1.0, 1.19), (3.0, 3.1), (3.15, 3.3), (5.0, 5.2)), joining=TIGHT)
    assert spans(list(found)) == [(3.0, 3.3), (5.0, 5.2)]


def test_turns_are_padded_but_not_into_each_other_nor_beyond_the_recording() -> None:
    joining = Joining(gap=0.3, pad=0.25)
    found = to_turns(stretches((0.1, 1.0), (1.4, 2.0), (3.0, 3.9)), seconds=4.0, joining=joining)
    assert spans(list(found)) == [(0.0, 1.2), (1.2, 2.25), (2.75, 4.0)]


def test_long_speech_is_cut_at_its_longest_pause() -> None:
    found = to_turns(stretches((0.0, 6.0), (6.1, 9.0), (9.25, 12.0), (12.1, 20.0)), joining=TIGHT)
    assert spans(list(found)) == [(0.0, 9.0), (9.25, 20.0)]


def test_a_pause_that_would_leave_a_scrap_is_not_taken() -> None:
    found = to_turns(stretches((0.0, 1.0), (1.29, 8.0), (8.1, 15.0), (15.28, 15.5)), joining=TIGHT)
    assert spans(list(found)) == [(0.0, 8.0), (8.1, 15.5)]


def test_long_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    first, second = to_turns([loud(0.0, 24.0, quiet_at=11.0)], joining=TIGHT)
    assert first.start == 0.0
    assert second.end == 24.0
    assert first.end == second.start == pytest.approx(11.0, abs=0.1)


def test_stretches_that_touch_are_cut_as_one() -> None:
    whole = loud(0.0, 24.0, quiet_at=11.0)
    half = 12.0 / FRAME_SECONDS
    assert half == int(half)
    parts = [SpeechSpan(0.0, 12.0, whole.levels[: int(half)]), SpeechSpan(12.0, 24.0, whole.levels[int(half) :])]
    assert spans(list(to_turns(parts, joining=TIGHT))) == spans(list(to_turns([whole], joining=TIGHT)))


def test_without_levels_long_speech_is_cut_at_its_limit() -> None:
    assert spans(list(to_turns(stretches((0.0, 31.0)), joining=TIGHT))) == [
        (0.0, 15.0),
        (15.0, 30.0),
        (30.0, 31.0),
    ]


def test_padding_counts_in_the_longest_turn() -> None:
    turns = list(to_turns(stretches((1.0, 60.0)), joining=Joining(pad=0.2)))
    assert max(turn.seconds for turn in turns) <= 15.0
    assert (turns[0].start, turns[-1].end) == (0.8, 60.2)


@FIXED
@given_by_hypothesis(st.lists(st.tuples(st.floats(0.04, 25.0), st.floats(0.032, 2.0)), max_size=12), st.booleans())
def test_turns_are_in_order_apart_and_neither_short_nor_long(
    pairs: list[tuple[float, float]], levels: bool
) -> None:
    made, time = [], 0.5
    for said, pause in pairs:
        count = math.ceil(said / FRAME_SECONDS)
        heard = tuple(np.random.default_rng(count).normal(size=count).tolist()) if levels else ()
        made.append(SpeechSpan(time, time + said, heard))
        time += said + pause
    turns = list(to_turns(made, time, Joining()))
    assert all(0.2 - 1e-9 <= turn.seconds <= 15.0 + 1e-9 for turn in turns)
    assert all(one.end <= two.start for one, two in pairwise(turns))
    # All that is said for long enough lies in some turn, but for the middle of a cut.
    for stretch in made:
        if stretch.end - stretch.start >= 0.2:
            covered = sum(max(0.0, min(t.end, stretch.end) - max(t.start, stretch.start)) for t in turns)
            assert covered == pytest.approx(stretch.end - stretch.start)


def test_a_turn_is_yielded_as_soon_as_the_next_begins() -> None:
    taken: list[SpeechSpan] = []

    def stream() -> Iterator[SpeechSpan]:
        for stretch in stretches(*((float(start), start + 0.5) for start in range(100))):
            taken.append(stretch)
            yield stretch

    next(to_turns(stream()))
    assert len(taken) <= 3


def test_speech_without_end_is_cut_as_it_comes() -> None:
    taken = 0

    def stream() -> Iterator[SpeechSpan]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield loud(number * 6.4, (number + 1) * 6.4, number * 6.4 + 3.2)

    found = to_turns(stream())
    next(found)
    assert taken <= 8


def test_silence_gives_no_turn() -> None:
    assert list(to_turns([])) == []


@pytest.mark.parametrize("wrong", [{"gap": -0.1}, {"pad": -1.0}, {"longest": 2.1}, {"longest": 15.0, "pad": 6.6}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError):
        Joining(**wrong)


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
