"""Times and encodings as people's files have them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import decode, parse_seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("62.5", 62.5),
        (" 62,5 ", 62.5),
        ("1:02.5", 62.5),
        ("0:01:02,5", 62.5),
        ("00:01:02.500000000", 62.5),
        ("0 days 00:01:02.500000", 62.5),
        ("1 day, 0:01:02.5", 86462.5),
        ("62.5s", 62.5),
        ("62.5 sec", 62.5),
        ("62500ms", 62.5),
        ("6.25e1", 62.5),
    ],
)
def test_times_are_read_however_they_are_written(written: str, seconds: float) -> None:
    assert parse_seconds(written, "x") == seconds


@pytest.mark.parametrize(
    "written", ["", "one", "1:2:3:4", "-1", "nan", "1_0", "5 km", "-1 days +23:59:59", "1e999"]
)
def test_what_is_no_time_is_refused_with_its_place(written: str) -> None:
    with pytest.raises(CorpusError, match=r"x:1: .* is not a time"):
        parse_seconds(written, "x:1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_without_a_remark(tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("start: Grüße\r\n".encode(encoding))
    assert decode(path) == "start: Grüße\n"
    assert not caplog.records


def test_windows_1252_is_guessed_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("one\nGrüße \u2013 \u201cno\u201d\n".encode("cp1252"))
    with caplog.at_level(logging.WARNING):
        assert decode(path) == "one\nGrüße \u2013 \u201cno\u201d\n"
    assert f"{path}:2: is not UTF-8 and is read as Windows-1252" in caplog.text


@pytest.mark.parametrize("content", ["Grüße".encode() + b"\n\xff", b"\x00\x01\xff\xfe\x80", b"a\n\x81b"])
def test_damaged_utf8_and_what_is_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match="is not UTF-8 text; save the file as UTF-8"):
        decode(path)


@pytest.mark.parametrize("digits", [310, 5_000])
@pytest.mark.parametrize("written", ["{}", "{}:00:00", "{}:00", "00:00.{0}9:1", "{} days 00:00:01", "{}ms"])
def test_a_time_of_many_digits_is_refused_in_one_short_sentence(written: str, digits: int) -> None:
    with pytest.raises(CorpusError, match=r"x:1: .* is not a time") as error:
        parse_seconds(written.format("9" * digits), "x:1")
    assert len(str(error.value)) < 250
