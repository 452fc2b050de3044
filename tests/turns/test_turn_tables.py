"""Tables of turns: milliseconds, several recordings, ELAN's text."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.turn_tables import is_turn_table, read_table
from emofuse.types import Turn

HERE = Path("x.tsv")
MILLISECONDS = "start\tend\ttext\n1500\t4200\t Yes.\n5000\t9800\t No.\n"


@pytest.mark.parametrize("length", [None, 12.0, 9.5])
def test_whole_numbers_that_fit_no_recording_are_milliseconds(
    length: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        turns = read_table(MILLISECONDS, HERE, length=lambda: length)
    assert turns == [Turn(1.5, 4.2, None, "Yes.", "gold"), Turn(5.0, 9.8, None, "No.", "gold")]
    assert "x.tsv: its times are taken as milliseconds" in caplog.text


@pytest.mark.parametrize(("written", "code"), [("English", "en"), ("de-AT", "de"), ("unknown", None), ("", None)])
def test_languages_are_brought_to_codes(written: str, code: str | None) -> None:
    (turn,) = read_table(f"start,end,text,language\n0.5,1.5,Yes.,{written}\n", HERE)
    assert turn.language == code


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("start,end\n0,5\n5,90\n", None),
        ("start,end\n0,5\n5,9\n", 10.0),
        ("start,end\n0,300\n300,900\n", 900.4),
        ("start,duration\n0,5.5\n500,600.5\n", None),
        ("start_s,end_s\n0,300\n300,900\n", None),
    ],
)
def test_other_numbers_are_seconds(text: str, length: float | None) -> None:
    last = float(text.strip().rpartition("\n")[2].split(",")[1]) + (500 if "duration" in text else 0)
    assert read_table(text, HERE, length=lambda: length)[-1].end == last


def test_a_unit_in_the_header_needs_no_guess() -> None:
    def never() -> float:
        raise AssertionError

    assert read_table("start_ms,end_ms\n100,200\n", HERE, length=never) == [Turn(0.1, 0.2)]


def test_a_table_of_several_recordings_gives_the_rows_of_one() -> None:
    text = "file,start,end\nday/a.wav,0,1\nday\\b.wav,2,3\n"
    assert read_table(text, HERE, "b") == [Turn(2.0, 3.0)]
    with pytest.raises(CorpusError, match=r"holds turns of 2 recordings \(a, b\), but not of c"):
        read_table(text, HERE, "c")
    with pytest.raises(CorpusError, match="name one of them"):
        read_table(text, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "A\tAnna\t00:00:01.500\t1.5\t00:00:04.200\t4.2\t00:00:02.700\t2.7\tYes.\n",
        "Anna\t\t1.5\t4.2\t2.7\tYes.\n",
        "Anna\t\t1500\t4200\t2700\tYes.\nAnna\t\t5000\t5000\t0\t\n",
        "Anna\t1.5\t4.2\tYes.\n",
        "Tier\tBegin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tAnnotation\nAnna\t00:00:01.5\t00:00:04.2\tYes.\n",
        "Begin Time - msec\tEnd Time - msec\tAnna\tBen\n1500\t4200\tYes.\t\n",
    ],
    ids=["clocks and seconds", "seconds", "milliseconds", "no durations", "header", "a column for each tier"],
)
def test_elans_text_is_read(text: str) -> None:
    assert is_turn_table(text)
    assert read_table(text, HERE) == [Turn(1.5, 4.2, "Anna", "Yes.", "gold")]


def test_a_text_is_no_table() -> None:
    assert not is_turn_table("Well, no.\nYes; no.\n")
    assert not is_turn_table("Start,\nmiddle, end\n")
