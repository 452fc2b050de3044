from __future__ import annotations

import logging
import time
from dataclasses import replace
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from emofuse.errors import CorpusError
from emofuse.turns.attaching import SHORTEST_PIECE_SECONDS, attach_speakers, attach_words
from emofuse.types import Turn


def spans(turns: list[Turn]) -> list[tuple[float, float]]:
    return [(turn.start, turn.end) for turn in turns]


ANNA_BEN = [Turn(0.0, 3.0, "anna"), Turn(2.5, 6.0, "ben")]


def test_a_turn_gets_the_speaker_who_has_most_of_it() -> None:
    turns = [Turn(0.5, 2.8), Turn(2.6, 4.0), Turn(7.0, 8.0), Turn(8.0, 9.0, "cleo")]
    assert [turn.speaker for turn in attach_speakers(turns, ANNA_BEN)] == ["anna", "ben", None, "cleo"]


def test_many_short_stretches_of_one_speaker_count_together() -> None:
    speakers = [Turn(0.0, 0.6, "anna"), Turn(0.6, 1.6, "ben"), Turn(1.6, 2.1, "anna")]
    assert attach_speakers([Turn(0.0, 2.1)], speakers)[0].speaker == "anna"


def test_a_long_stretch_that_began_early_is_not_overlooked() -> None:
    speakers = [Turn(0.0, 100.0, "anna"), *(Turn(float(t), t + 0.1, "ben") for t in range(1, 60))]
    assert attach_speakers([Turn(50.5, 51.9)], speakers)[0].speaker == "anna"


def test_a_turn_is_split_where_the_speaker_changes() -> None:
    speakers = [Turn(0.0, 2.0, "anna"), Turn(2.4, 4.0, "ben"), Turn(4.05, 5.0, "ben"), Turn(5.0, 5.1, "anna")]
    pieces = attach_speakers([Turn(0.5, 5.5)], speakers, split=True)
    assert [(piece.start, piece.end, piece.speaker) for piece in pieces] == [(0.5, 2.4, "anna"), (2.4, 5.5, "ben")]


def test_a_turn_that_has_words_is_never_split() -> None:
    turn = Turn(0.0, 6.0, text="one two")
    assert attach_speakers([turn], ANNA_BEN, split=True) == [Turn(0.0, 6.0, "ben", "one two")]


def test_pieces_cover_the_turn_without_a_gap() -> None:
    pieces = attach_speakers(
        [Turn(0.0, 10.0)], [Turn(1.0, 2.0, "a"), Turn(3.0, 4.0, "b"), Turn(3.5, 8.0, "a")], True
    )
    assert pieces[0].start == 0.0
    assert pieces[-1].end == 10.0
    assert all(one.end == two.start for one, two in pairwise(pieces))


def test_words_go_to_the_turn_in_which_most_of_them_lies(caplog: pytest.LogCaptureFixture) -> None:
    turns = [Turn(0.0, 2.0), Turn(2.5, 4.0), Turn(5.0, 6.0, text="was here", text_source="asr:x")]
    words = [
        Turn(1.5, 2.6, text="there"),
        Turn(0.2, 1.0, text="hello"),
        Turn(1.8, 3.9, text="you"),
        Turn(8, 9, text="!"),
    ]
    with caplog.at_level(logging.WARNING):
        worded = attach_words(turns, words)
    assert [turn.text for turn in worded] == ["hello there", "you", "was here"]
    assert [turn.text_source for turn in worded] == ["gold", "gold", "asr:x"]
    assert "1 of 4 words or sentences" in caplog.text


def test_where_two_speak_at_once_words_go_to_their_speaker() -> None:
    turns = [Turn(0.0, 3.0, "anna"), Turn(1.0, 3.0, "ben")]
    worded = attach_words(turns, [Turn(0.9, 2.0, "ben", "yes"), Turn(0.9, 2.0, "anna", "no")])
    assert [turn.text for turn in worded] == ["no", "yes"]


def test_words_bring_their_language_and_their_speaker_where_the_turn_has_none() -> None:
    (turn,) = attach_words(
        [Turn(0, 2)], [Turn(0, 1, "anna", "你好", language="zh"), Turn(1, 2, "anna", "吗", language="zh")]
    )
    assert turn == Turn(0, 2, "anna", "你好吗", "gold", "zh")


def test_a_text_without_times_goes_to_a_single_turn_only() -> None:
    assert attach_words([Turn(0.0, 1.0)], "I said no.")[0].text == "I said no."
    with pytest.raises(CorpusError, match="no times, and the recording has 2 turns"):
        attach_words(ANNA_BEN, "I said no.")


def test_what_is_given_is_not_changed_and_equal_turns_are_kept_apart() -> None:
    turns = [Turn(0.0, 1.0), Turn(0.0, 1.0)]
    assert [turn.text for turn in attach_words(turns, [Turn(0.0, 1.0, text="a")])] == ["a", None]
    assert turns == [Turn(0.0, 1.0), Turn(0.0, 1.0)]


def test_speakers_of_other_times_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        attach_speakers([Turn(1.0, 2.0), Turn(3.0, 4.5)], [Turn(50.0, 60.0, "anna")])
    assert "none of the 2 segments got a speaker: they lie between 1.0 and 4.5 s" in caplog.text
    caplog.clear()
    attach_speakers([Turn(1.0, 2.0), Turn(3.0, 4.5)], [Turn(0.0, 1.5, "anna")])
    assert not caplog.records


def _pieces_of_all_pairs(turn: Turn, others: list[Turn]) -> list[Turn]:
    edges = {turn.start, turn.end} | {t for o in others for t in (o.start, o.end) if turn.start < t < turn.end}
    pieces: list[Turn] = []
    for start, end in pairwise(sorted(edges)):
        speaker = _main_of_all_pairs(Turn(start, end), others)
        short = end - start < SHORTEST_PIECE_SECONDS or speaker is None
        if pieces and (short or pieces[-1].speaker in (speaker, None)):
            pieces[-1] = replace(pieces[-1], end=end, speaker=pieces[-1].speaker or speaker)
        else:
            pieces.append(replace(turn, start=start, end=end, speaker=speaker))
    return pieces


def _main_of_all_pairs(turn: Turn, others: list[Turn]) -> str | None:
    shares: dict[str, float] = {}
    for other in others:
        seconds = min(turn.end, other.end) - max(turn.start, other.start)
        if other.speaker is not None and seconds > 0:
            shares[other.speaker] = shares.get(other.speaker, 0.0) + seconds
    return max(shares, key=shares.__getitem__) if shares else None


def _best_of_all_pairs(word: Turn, turns: list[Turn]) -> int | None:
    overlaps = [min(word.end, turn.end) - max(word.start, turn.start) for turn in turns]
    own = [word.speaker is not None and word.speaker == turn.speaker for turn in turns]
    fits = list(zip(own, overlaps, strict=True))
    numbers = [number for number, seconds in enumerate(overlaps) if seconds > 0]
    return max(numbers, key=fits.__getitem__, default=None)


# Few times, so that turns touch, repeat and have equal shares; and any times, whose sums are rounded.
TIMES = st.one_of(st.integers(0, 12).map(lambda n: n / 10), st.floats(0, 2, allow_subnormal=False))
TURNS = st.lists(
    st.builds(
        lambda times, speaker: Turn(min(times), max(times), speaker),
        st.tuples(TIMES, TIMES).filter(lambda times: times[0] != times[1]),
        st.sampled_from([None, "anna", "ben", "cleo"]),
    ),
    max_size=8,
)


def _in_order(turns: list[Turn]) -> list[Turn]:
    return sorted(turns, key=lambda turn: (turn.start, turn.end))


@settings(max_examples=50)
@given(TURNS, TURNS)
def test_speakers_are_those_of_all_pairs(turns: list[Turn], speakers: list[Turn]) -> None:
    others = _in_order(speakers)
    whole = [replace(t, speaker=_main_of_all_pairs(t, others) or t.speaker) for t in _in_order(turns)]
    assert attach_speakers(turns, speakers) == whole
    pieces = [(turn, piece) for turn in _in_order(turns) for piece in _pieces_of_all_pairs(turn, others)]
    assert attach_speakers(turns, speakers, split=True) == [
        replace(piece, speaker=_main_of_all_pairs(piece, others) or turn.speaker) for turn, piece in pieces
    ]


@settings(max_examples=50)
@given(TURNS, TURNS)
def test_words_go_where_they_go_of_all_pairs(turns: list[Turn], rows: list[Turn]) -> None:
    words = [replace(row, text=str(number)) for number, row in enumerate(rows)]
    expected: dict[int | None, list[str]] = {}
    for word in _in_order(words):
        expected.setdefault(_best_of_all_pairs(word, _in_order(turns)), []).append(str(word.text))
    texts = [" ".join(expected[number]) if number in expected else None for number in range(len(turns))]
    assert [turn.text for turn in attach_words(turns, words)] == texts


def test_thousands_of_turns_that_all_overlap_are_attached_at_once() -> None:
    turns = [Turn(0.001 * n, 10 + 0.001 * n) for n in range(2_800)]
    speakers = [Turn(0.001 * n + 0.0005, 10 + 0.001 * n, f"s{n % 50}") for n in range(2_800)]
    began = time.process_time()
    assert len(attach_speakers(turns, speakers, split=True)) == 2_800
    assert len(attach_words(turns, [replace(turn, text="a") for turn in speakers])) == 2_800
    assert time.process_time() - began < 5


def test_turns_that_overlap_beyond_all_sense_are_not_cut_to_pieces_without_end() -> None:
    turns = [Turn(0.0, 100.0 + 0.1 * n) for n in range(100)]
    speakers = [Turn(float(n), n + 1.0, f"s{n % 2}") for n in range(100)]
    with pytest.raises(CorpusError, match="overlap each other so much"):
        attach_speakers(turns, speakers, split=True)
