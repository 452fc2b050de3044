"""Tables as spreadsheets and programs save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.table_rows import find_columns, parse_table

HERE = Path("x.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "sep={}\n", '"sep={}"\n'])
def test_each_delimiter_is_found_or_named_in_the_first_line(delimiter: str, first: str) -> None:
    table = parse_table(first.format(delimiter) + delimiter.join("ab") + "\n" + delimiter.join("12"), HERE)
    assert table.header == ("a", "b")
    assert table.rows == ((2 + bool(first), ("1", "2")),)


def test_a_separator_that_is_named_is_obeyed() -> None:
    assert parse_table("sep=;\na,b;c\n1,2;3\n", HERE).rows == ((3, ("1,2", "3")),)


def test_quotes_between_tabs_are_spoken_where_each_line_is_a_row() -> None:
    table = parse_table('a\tb\n1\t"No," he said.\n2\tYes."\n3\t"in ""quotes"""\n', HERE)
    assert [values[1] for _, values in table.rows] == ['"No," he said.', 'Yes."', 'in "quotes"']
    assert parse_table('a\tb\n1\t"two\nlines"\n', HERE).rows == ((3, ("1", "two\nlines")),)


def test_empty_values_behind_the_last_column_are_nothing_and_others_are_refused() -> None:
    assert parse_table("a,b\n1,2,,\n1\n", HERE).rows == ((2, ("1", "2")), (3, ("1", "")))
    with pytest.raises(CorpusError, match=r"x.csv:2: has 3 values for 2 columns"):
        parse_table("a,b\n1,2,3\n", HERE)


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        ("start", None), ("Start Time", None), ("start_time", None), ("StartTime", None), ("START-TIME", None),
        ("start_s", 1.0), ("Start (sec)", 1.0), ("start_ms", 1e-3), ("startMs", 1e-3), ("Start [ms]", 1e-3),
        ("Begin Time - msec", 1e-3), ("Begin Time - ss.msec", 1.0), ("Begin Time - hh:mm:ss.ms", 1.0),
    ],
)  # fmt: skip
def test_a_column_is_known_however_its_name_is_written(column: str, seconds: float | None) -> None:
    (found,) = find_columns(["x", column], {"start": ("start", "start_time", "begin time")}).values()
    assert (found.index, found.seconds) == (1, seconds)


def test_a_clock_in_a_column_of_milliseconds_is_a_clock() -> None:
    column = find_columns(["start_ms"], {"start": ("start",)})["start"]
    assert column.parse_seconds("1500", "") == 1.5
    assert column.parse_seconds("0:01.5", "") == 1.5


def test_a_wide_header_over_many_short_rows_is_refused() -> None:
    with pytest.raises(CorpusError, match="has 1 values for 25002 columns, like many rows above"):
        parse_table("a,b" + "," * 25_000 + "\n" + "1\n" * 25_000, HERE)
