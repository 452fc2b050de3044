"""Transcripts with starts only: each line lasts until the next begins, the last until the recording ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.start_marks import ends_of, has_start_marks
from emofuse.turns.turn_files import read_turns, read_words

SAID = [(None, 0.5, 3.0, "I know."), (None, 3.0, 10.0, "No, no!")]


def read(path: Path, text: str, seconds: float | None = 10.0) -> list[tuple[str | None, float, float, str | None]]:
    path.write_text(text)
    return [(turn.speaker, turn.start, turn.end, turn.text) for turn in read_turns(path, length=lambda: seconds)]


@pytest.mark.parametrize(
    "text",
    [
        "[00:00.5] I know.\n[00:03.0] No, no!",
        "(0:00.5) I know.\n\n(0:03) No,\nno!",
        "0:00.5 - I know.\n0:03.0 - No, no!\n",
        "0:00.5\nI know.\n0:03.0\nNo,\nno!\n",
        "00:00:00.500 I know.\n00:00:03.000 No, no!\n",
        "[ti:A talk]\n[ar:somebody]\n[length:00:10]\n[00:00.50]I know.\n[00:03.00]<00:03.00>No, <00:03.50>no!\n",
        "[offset:+500]\n[00:01.00]I know.\n[00:03.50]No, no!\n",
    ],
)
def test_lines_that_begin_with_a_start_are_turns(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "talk.txt", text) == SAID
    assert read(tmp_path / "talk.lrc", text) == SAID


def test_a_speaker_with_a_start_stands_above_the_words(tmp_path: Path) -> None:
    text = "Weekly talk\n\nAnna Bell  0:00\nI know.\nI do.\n\nSpeaker 2  0:03\nNo, no!\n"
    assert read(tmp_path / "talk.txt", text) == [
        ("Anna Bell", 0.0, 3.0, "I know. I do."),
        ("Speaker 2", 3.0, 10.0, "No, no!"),
    ]


@pytest.mark.parametrize(
    "mark", ["Anna 0:0{}", "Speaker 2 0:0{}", "Anna Maria Bell, 0:0{}", "the chair\t0:0{}", "the chair  0:0{}",
             "the chair (0:0{})", "\u00c9va - [0:0{}]"],
)  # fmt: skip
def test_names_have_capitals_or_stand_apart_from_the_clock(tmp_path: Path, mark: str) -> None:
    turns = read(tmp_path / "talk.txt", f"{mark.format(0)}\nI know.\n{mark.format(3)}\nNo!\n")
    assert [(start, text) for _, start, _, text in turns] == [(0.0, "I know."), (3.0, "No!")]
    assert all(speaker and mark.startswith(speaker) for speaker, *_ in turns)


@pytest.mark.parametrize("first", ["We met at", "We Met Him At", "on Monday", "Monday and"])
def test_sentences_that_end_in_a_clock_are_no_names(tmp_path: Path, first: str) -> None:
    text = f"{first} 10:30\nIt was fun\n{first} 11:45\nIt rained\n"
    assert not has_start_marks(text)
    with pytest.raises(CorpusError, match="looks like words with times, but in no known format"):
        read(tmp_path / "talk.txt", text, 3600.0)


def test_lyrics_may_have_several_starts_for_the_same_words(tmp_path: Path) -> None:
    said = read(tmp_path / "song.lrc", "[00:01.00][00:05.00]La la.\n[00:03.00]No.\n")
    assert said == [(None, 1.0, 3.0, "La la."), (None, 3.0, 5.0, "No."), (None, 5.0, 10.0, "La la.")]


def test_prefixes_are_speakers_here_too(tmp_path: Path) -> None:
    text = "[00:01] ANNA: I know.\n[00:03] BEN: No, no!\n"
    assert read(tmp_path / "talk.txt", text) == [("ANNA", 1.0, 3.0, "I know."), ("BEN", 3.0, 10.0, "No, no!")]


def test_the_last_line_needs_the_length_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    with pytest.raises(
        CorpusError, match=r"talk.txt:2: has a start and no end, and the length of the recording is"
    ):
        read(path, "[00:01] I know.\n[00:03] No.", seconds=None)
    with pytest.raises(CorpusError, match=r"talk.txt:2: begins at 36000 s, but the recording ends at 10.00 s"):
        read(path, "[00:01] I know.\n[10:00:00] No.")


@pytest.mark.parametrize(
    "text",
    ["We meet at 10:30.\nOr at 11:45.", "Yes.", "10:30 we meet.", "[00:09] a\n[00:03] b", "Anna: yes\nBen: no"],
)
def test_other_texts_have_no_starts(text: str) -> None:
    assert not has_start_marks(text)


def test_turns_that_begin_together_end_together() -> None:
    assert ends_of([0.0, 1.0, 1.0, 2.0], ["a", "b", "c", "d"], lambda: 5.0) == [1.0, 2.0, 2.0, 5.0]


@pytest.mark.parametrize("name", ["talk.csv", "talk.txt"])
def test_tables_may_have_starts_only(tmp_path: Path, name: str) -> None:
    rows = 'start,speaker,text\n0.5,A,I know.\n0:03,B,"No, no!"\n'
    assert read(tmp_path / name, rows) == [("A", 0.5, 3.0, "I know."), ("B", 3.0, 10.0, "No, no!")]
    words = read_words(tmp_path / name, length=lambda: 10.0)
    assert [turn.end for turn in words if not isinstance(turn, str)] == [3.0, 10.0]


def test_very_many_times_before_the_same_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has more than 100 times before its words"):
        read(tmp_path / "a.lrc", "[0:01]" * 8_000 + "a\n" + "b\n" * 25_000)


def test_thousands_of_starts_and_lines_are_read_at_once(tmp_path: Path) -> None:
    starts = [0.001 * (number // 2) for number in range(10_000)]
    assert ends_of(starts, [""] * 10_000, lambda: 9.0)[-3:] == [4.999, 9.0, 9.0]
    turns = read(tmp_path / "a.lrc", "[0:01]a\n" + "b\n" * 30_000)
    assert len(turns[0][3] or "") == 60_001
