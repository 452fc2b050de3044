"""JSON is read within bounds and written with finite numbers only, in one place each."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import RunError
from emofuse.untrusted.json_text import (
    DEEPEST,
    canonical_json,
    parse_json,
    read_json,
    read_json_object,
    to_json,
)


def test_ordinary_json_is_read() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, null, true, "\\ud83d\\ude00"]}') == {
        "a": [1, 2.5, None, True, "😀"]
    }
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)
    assert parse_json("[[]]".replace("[]", ",".join(["[]"] * 200))) == [[] for _ in range(200)]
    assert parse_json("[NaN]", finite=False)[0] != 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "more than 64 levels"),
        ('{"a":' * 50_000, "more than 64 levels"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "more than 64 levels"),
        ("1" * 400, "a number of 400 digits"),
        ("1" * 5000, "a number of 5000 digits"),
        ("[1e999]", "too large"),
        ("[NaN]", "NaN, which is no number"),
        ("[-Infinity]", "-Infinity, which is no number"),
        (b"\xff", "utf-8"),
        ("", "Expecting value"),
    ],
)
def test_what_no_program_writes_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_files_are_looked_at_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text('["a"]')
    assert read_json(path) == ["a"]
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_json(path, most_bytes=4)
    with pytest.raises(ValueError, match="one JSON object"):
        read_json_object(path)


def test_nothing_is_written_that_is_no_number() -> None:
    assert to_json({"a": "ü\ud800"}) == '{"a": "ü\\ud800"}'
    for number in (float("nan"), float("inf")):
        with pytest.raises(RunError, match="what is no number"):
            to_json({"a": [number]})


def test_the_form_for_hashes_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": "ü"}) == '{"a": "\\u00fc", "b": 1}'
    assert canonical_json({Path: 1}.values, str).startswith('"<built-in')
    with pytest.raises(TypeError):
        canonical_json({1, 2})
