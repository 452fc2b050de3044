"""RTTM whose names hold blanks."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.rttm import read_rttm
from emofuse.types import Turn


@pytest.mark.parametrize("file", ["call", "my call", "call 1 2", "call 2024 05 01 9.5", "take 1 0.5 0.7 final"])
@pytest.mark.parametrize("name", ["anna", "Anna Maria", "speaker 1", "speaker 2 b"])
@pytest.mark.parametrize("end", [" <NA> <NA>", " <NA>", " 0.9 <NA>", " 0.9", ""])
def test_blanks_in_names_change_no_times_and_no_names(file: str, name: str, end: str) -> None:
    text = f"SPEAKER {file} 1 0.500 2.250 <NA> <NA> {name}{end}\n"
    assert read_rttm(text, Path("x.rttm"), file) == [Turn(0.5, 2.75, name)]


def test_the_name_of_the_recording_may_have_a_suffix_and_blanks_of_any_width() -> None:
    text = "SPEAKER my  call.wav 1 0 1 <NA> <NA> a <NA> <NA>\nSPEAKER other 1 0 1 <NA> <NA> b <NA> <NA>\n"
    assert read_rttm(text, Path("x.rttm"), "my  call") == [Turn(0.0, 1.0, "a")]


def test_times_that_cannot_be_found_are_refused_with_the_blank() -> None:
    with pytest.raises(
        CorpusError, match=r"x.rttm:1: has 12 fields, so a name holds a blank, and its times cannot"
    ):
        read_rttm("SPEAKER take 1 0.5 0.7 2.5 9.5 x y anna x x\n", Path("x.rttm"), None)


def test_fields_that_nobody_fills_need_not_be_unknown() -> None:
    text = "SPEAKER call 1 0.5 2.5 hello spontaneous anna 0.9 <NA>\n"
    assert read_rttm(text, Path("x.rttm"), None) == [Turn(0.5, 3.0, "anna")]
