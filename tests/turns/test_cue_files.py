"""Cues as people's programs write them: rolling, without empty lines, with other arrows, on a screen."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.cue_files import has_cues, read_cues
from emofuse.turns.turn_files import read_turns
from emofuse.types import Turn


def read(text: str, name: str = "x.srt") -> list[tuple[float, float, str | None]]:
    return [(turn.start, turn.end, turn.text) for turn in read_cues(text, Path(name))]


ROLLING = """WEBVTT
Kind: captions

00:00:01.000 --> 00:00:03.000 align:start position:0%
\x20
we<00:00:01.400><c> saw</c><00:00:01.900><c> a</c><00:00:02.100><c> heron</c>

00:00:03.000 --> 00:00:03.010 align:start position:0%
we saw a heron
\x20

00:00:03.010 --> 00:00:05.500 align:start position:0%
we saw a heron
it<00:00:03.900><c> flew</c><00:00:04.200><c> off</c>

00:00:05.500 --> 00:00:05.510 align:start position:0%
it flew off
\x20
"""


def test_a_line_of_captions_that_roll_is_taken_once_where_it_is_spoken() -> None:
    assert read(ROLLING, "x.vtt") == [(1.0, 3.0, "we saw a heron"), (3.01, 5.5, "it flew off")]


def test_captions_roll_in_srt_and_over_three_lines_too() -> None:
    shown = (["one"], ["one", "two"], ["one", "two", "three"], ["two", "three", "four"])
    text = "\n\n".join(f"{n}\n00:00:0{n},0 --> 00:00:0{n + 1},0\n" + "\n".join(s) for n, s in enumerate(shown, 1))
    assert [words for *_, words in read(text)] == ["one", "two", "three", "four"]


def test_captions_that_grow_word_by_word_are_taken_once() -> None:
    shown = ("the", "the tap", "the tap drips", "the tap drips\nand drips")
    text = "\n\n".join(f"{n}\n00:00:0{n},0 --> 00:00:0{n + 1},0\n{line}" for n, line in enumerate(shown, 1))
    assert [words for *_, words in read(text)] == ["the", "tap", "drips", "and drips"]


@pytest.mark.parametrize(
    "said", [["No.", "No.", "No."], ["No.", "Yes.", "No."], ["No.", "No.\nYes.", "Well.", "So."]]
)
def test_what_is_spoken_twice_is_kept_where_captions_do_not_roll(said: list[str]) -> None:
    text = "\n\n".join(f"{n}\n00:00:0{n},0 --> 00:00:0{n + 1},0\n{line}" for n, line in enumerate(said, 1))
    assert [words for *_, words in read(text)] == [line.replace("\n", " ") for line in said]


def test_a_cue_ends_where_the_times_of_the_next_one_follow() -> None:
    text = "1\n00:01,0 --> 00:02,0\nOne.\n2\n00:03,0 --> 00:04,0\nTwo.\n3\n00:05,0 --> 00:06,0\n7\n"
    assert read(text) == [(1.0, 2.0, "One."), (3.0, 4.0, "Two."), (5.0, 6.0, "7")]
    unnumbered = "00:01,0 --> 00:02,0\n1984\n00:03,0 --> 00:04,0\nTwo.\n"
    assert [words for *_, words in read(unnumbered)] == ["1984", "Two."]


def test_words_behind_an_empty_line_belong_to_their_cue() -> None:
    times = ("00:01,0 --> 00:02,0", "00:03,0 --> 00:04,0", "00:05,0 --> 00:06,0")
    text = "1\n{}\n\nOne.\n\n2\n{}\nTwo,\n\nthree.\n\n3\n{}\nFour.\n".format(*times)
    assert [words for *_, words in read(text)] == ["One.", "Two, three.", "Four."]


def test_names_of_cues_comments_and_styles_of_webvtt_are_no_words() -> None:
    text = (
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9\n\nNOTE from 00:00:01.000 on\nstill a note\n\n"
        "first\n00:01.000 --> 00:02.000\nOne.\n\nNOTE\n00:00:07.000 nobody\n\nsecond\n"
        "00:03.000 --> 00:04.000\nTwo.\n"
    )
    assert read(text, "x.vtt") == [(1.0, 2.0, "One."), (3.0, 4.0, "Two.")]


@pytest.mark.parametrize("arrow", ["->", "-->", "--->", "=>", "→", "-- >", "\u2014>", "\u2013>"])
def test_every_arrow_is_read(arrow: str) -> None:
    text = f"1\n00:00:01,5 {arrow} 00:00:02,5\nOne.\n\n2\n00:00:03,0 --> 00:00:04,0\nTwo -> three.\n"
    assert read(text) == [(1.5, 2.5, "One."), (3.0, 4.0, "Two -> three.")]


@pytest.mark.parametrize(
    "line",
    [
        "00:00:01,000 00:00:02,000",
        "00:00:01,000 - 00:00:02,000",
        "00:00:01,000",
        "00:00:0l,000 --> 00:00:02,000",
        "00:00:0l,000 -> 00:00:02,000",
        "--> 00:00:02,000",
    ],
)
def test_damaged_times_are_named_and_never_passed_over(line: str) -> None:
    text = f"1\n00:00:00,000 --> 00:00:00,900\nZero.\n\n2\n{line}\nOne.\n\n3\n00:00:03,0 --> 00:00:04,0\nTwo.\n"
    with pytest.raises(CorpusError, match=r"x.srt:6: these are not the times of a cue"):
        read(text)


def test_what_stands_before_the_first_cue_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read("Hello.\n1\n00:01,0 --> 00:02,0\nOne.\n") == [(1.0, 2.0, "One.")]
    assert "x.srt: what stands before the first cue, in line 3, is left out" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "[00:01.500 --> 00:02.500]  One, 2.\n[01:03.000 --> 01:04.000]  Two.\n",
        "whisper_init: loading\n\n[00:00:01.500 --> 00:00:02.500]   One, 2.\n"
        "[00:01:03.000 --> 00:01:04.000]   Two.\n\nwhisper_print_timings: load time = 9 ms\n",
        "Detected language: English\n[1.50s -> 2.50s] One, 2.\n[63.00s -> 64.00s] Two.\n",
        "0:00:01.500,0:00:02.500\nOne, 2.\n\n0:01:03.000,0:01:04.000\nTwo.\n",
        "00:00:01.500 - 00:00:02.500: One, 2.\n00:01:03.000 - 00:01:04.000: Two.\n",
        "(00:01.5 - 00:02.5) One, 2.\n(01:03 - 01:04) Two.\n",
        "00:00:01.500\t00:00:02.500\tOne, 2.\n00:01:03.000\t00:01:04.000\tTwo.\n",
    ],
    ids=["whisper", "whisper.cpp", "faster-whisper", "sbv", "dashes", "brackets", "tabs"],
)
def test_what_programs_print_is_read(text: str) -> None:
    assert has_cues(text)
    assert read(text, "x.txt") == [(1.5, 2.5, "One, 2."), (63.0, 64.0, "Two.")]


def test_the_speaker_before_the_words_is_no_word() -> None:
    text = (
        "1\n00:01,0 --> 00:02,0\n[SPEAKER_00]: One.\nAnd a half.\n[SPEAKER_01]: Two.\n\n"
        "2\n00:03,0 --> 00:04,0\nThree.\n"
    )
    turns = read_cues(text, Path("x.srt"))
    assert turns == [
        Turn(1.0, 2.0, "SPEAKER_00", "One. And a half.", "gold"),
        Turn(1.0, 2.0, "SPEAKER_01", "Two.", "gold"),
        Turn(3.0, 4.0, None, "Three.", "gold"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "<" * 200_000,
        "<v a" * 50_000,
        "{\\" * 100_000,
        "1:" * 100_000,
        "00:01 " + " " * 200_000 + "x",
        " " * 200_000,
    ],
)
def test_long_lines_take_no_long_time(line: str) -> None:
    began = time.perf_counter()
    with suppress(CorpusError):
        read_cues(f"1\n00:00:01,0 --> 00:00:02,0\nOne.\n{line}\nx", Path("x.txt"))
    has_cues(line)
    assert time.perf_counter() - began < 2.0


def test_ten_thousand_cues_are_read_at_once() -> None:
    cues = (
        f"{n}\n{n // 60:02d}:{n % 60:02d},0 --> {n // 60:02d}:{n % 60:02d},9\nANNA: Word {n}."
        for n in range(10_000)
    )
    began = time.perf_counter()
    assert len(read("\n\n".join(cues))) == 10_000
    assert time.perf_counter() - began < 5.0


def test_what_pyannote_prints_are_turns_of_speakers() -> None:
    text = "[ 00:00:01.500 -->  00:00:02.500] A SPEAKER_00\n[ 00:00:03.000 -->  00:00:04.000] B SPEAKER_01\n"
    turns = read_cues(text, Path("x.txt"))
    assert turns == [Turn(1.5, 2.5, "SPEAKER_00"), Turn(3.0, 4.0, "SPEAKER_01")]


@pytest.mark.parametrize(("head", "language"), [("Kind: captions\nLanguage: de-DE\n", "de"), ("", None)])
def test_the_head_of_a_webvtt_file_may_state_the_language(tmp_path: Path, head: str, language: str | None) -> None:
    path = tmp_path / "talk.vtt"
    path.write_text(f"WEBVTT\n{head}\n00:01.000 --> 00:02.000\nNein.\nLanguage: en\n")
    (turn,) = read_turns(path)
    assert turn.language == language
