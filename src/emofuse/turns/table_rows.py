"""Tables as people and spreadsheets save them: the one reader of all CSV and TSV files.

Cells that were guarded against being taken for formulas are read without their apostrophe.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import parse_seconds
from emofuse.untrusted.table_cells import cell_text

DELIMITERS = ",;\t|"
TAB, QUOTE = "\t", '"'
# Excel writes and obeys a first line such as `sep=;`.
_SEPARATOR = re.compile(r'"?sep=(?P<delimiter>[^"])"?')
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\s_\-()\[\]/]+")
# Cells that rows may lack at their ends, all together: each takes memory.
MOST_MISSING_CELLS = 2_000_000
# Units at the end of a column's name -> how many seconds one is. A clock has its own.
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "seconds", "ss.msec", "hh:mm:ss.ms"), 1.0),
    **dict.fromkeys(("ms", "msec", "milliseconds"), 1e-3),
}


@dataclass(frozen=True)
class Table:
    """A table with a header.

    Attributes:
        header: the names of the columns, as they are written.
        rows: the line that each row ends on, and its values, one for each column.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        index: its number.
        seconds: how many seconds one of its unit is; None where its name has no unit.
    """

    index: int
    seconds: float | None = None

    def parse_seconds(self, value: str, place: str) -> float:
        """Parse a time of this column.

        Raises:
            CorpusError: it is not a time.
        """
        seconds = parse_seconds(value, place)
        return seconds if self.seconds is None or ":" in value else seconds * self.seconds


def parse_table(text: str, path: Path) -> Table:
    """Split a text into rows, by commas, semicolons, tabs or bars.

    Raises:
        CorpusError: a row has more values than the header, or the quotes are damaged.
    """
    first, _, below = text.partition("\n")
    named = _SEPARATOR.fullmatch(first.strip(" "))
    delimiter = named["delimiter"] if named else find_delimiter(first)
    lines_before, body = (1, below) if named else (0, text)
    if delimiter == TAB and (plain := _without_quotes(body, lines_before)) is not None:
        return plain
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    missing = 0
    try:
        header = tuple(cell_text(name.strip()) for name in next(reader, []))
        for values in reader:
            line = reader.line_num + lines_before
            while len(values) > len(header) and not values[-1].strip():
                values.pop()
            if len(values) > len(header):
                raise CorpusError(
                    f"{path}:{line}: has {len(values)} values for {len(header)} columns; "
                    f"put quotes around text that holds {delimiter!r}"
                )
            missing += (len(header) - len(values)) if values else 0
            if missing > MOST_MISSING_CELLS:
                raise CorpusError(
                    f"{path}:{line}: has {len(values)} values for {len(header)} columns, like many rows above; is "
                    "its first line the header?"
                )
            if values:
                rows.append((line, (*map(cell_text, values), *[""] * (len(header) - len(values)))))
    except csv.Error as error:
        line = reader.line_num + lines_before
        raise CorpusError(f"{path}:{line}: is not a table that can be read ({error})") from error
    return Table(header, tuple(rows))


def _without_quotes(text: str, lines_before: int) -> Table | None:
    """Split a table by tabs whose lines are all rows, as Whisper writes it: quotes in it are spoken ones.

    A value that stands in quotes as a whole is taken out of them. None where a line has too many or too few tabs.
    """
    rows = [
        (number, tuple(cell_text(_unquoted(value)) for value in line.split(TAB)))
        for number, line in enumerate(text.split("\n"), start=1 + lines_before)
        if line.strip(" ")
    ]
    if not rows or any(len(values) != len(rows[0][1]) for _, values in rows):
        return None
    return Table(tuple(name.strip() for name in rows[0][1]), tuple(rows[1:]))


def _unquoted(value: str) -> str:
    inner = value[1:-1]
    whole = len(value) > 1 and value[0] == value[-1] == QUOTE and QUOTE not in inner.replace(QUOTE * 2, "")
    return inner.replace(QUOTE * 2, QUOTE) if whole else value


def find_delimiter(header: str) -> str:
    """Return the delimiter that the first line of a table has most of."""
    return max(DELIMITERS, key=header.count)


def find_columns(header: Sequence[str], usual: Mapping[str, Iterable[str]]) -> dict[str, Column]:
    """Return field -> column, by its usual names: in any case, with blanks, dashes or underscores, and a unit."""
    by_name: dict[str, Column] = {}
    for index, column in enumerate(header):
        name, seconds = _plain(column)
        by_name.setdefault(column.strip().lower(), Column(index, seconds))
        by_name.setdefault(name, Column(index, seconds))
    fitting = {
        field: [name for name in map(plain_name, names) if name in by_name] for field, names in usual.items()
    }
    return {field: by_name[names[0]] for field, names in fitting.items() if names}


def plain_name(column: str) -> str:
    """Return the name of a column in small letters, its words separated by blanks, without a unit."""
    return _plain(column)[0]


def _plain(column: str) -> tuple[str, float | None]:
    words = _WORD.findall(_CAPITAL.sub(" ", column).lower())
    if len(words) > 1 and words[-1] in UNITS:
        return " ".join(words[:-1]), UNITS[words[-1]]
    return " ".join(words), None
