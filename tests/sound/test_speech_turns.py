from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given as given_by_hypothesis
from hypothesis import settings
from hypothesis import strategies as st

from emofuse.errors import RecipeError
from emofuse.sound.activity import FRAME_SECONDS
from emofuse.sound.speech_turns import Joining, SpeechSpan, to_turns
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


def test_spans_without_a_voice_make_no_turn() -> None:
    levels = (-20.0,) * 20
    sneeze = SpeechSpan(0.0, 0.64, levels, ((0.6, 0.3),) * 20)
    voice = SpeechSpan(1.0, 1.64, levels, ((0.6, 0.9),) * 20)
    (turn,) = to_turns([sneeze, voice], 3.0)
    assert (turn.start, turn.end) == (pytest.approx(0.85), pytest.approx(1.79))
