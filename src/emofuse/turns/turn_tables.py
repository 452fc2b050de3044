"""Turns from tables: CSV, TSV and ELAN's tab-delimited text, with and without a header."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from emofuse.errors import CorpusError
from emofuse.turns.language_codes import language_code
from emofuse.turns.start_marks import ends_of
from emofuse.turns.table_rows import Column, Table, find_columns, find_delimiter, parse_table, plain_name
from emofuse.turns.turn_parsing import (
    Length,
    are_milliseconds,
    is_time,
    listed,
    parse_seconds,
    turn_or_nothing,
)
from emofuse.types import Turn

logger = logging.getLogger(__name__)

Row = tuple[str, Mapping[str, str]]
# Field -> the name of its column, as the user gives it.
Named = Mapping[str, str]
NO_NAMES: Named = {}

# Field of a turn -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("file", "path", "audio", "wav", "filename", "file name", "recording"),
    "start": ("start", "begin", "from", "onset", "start time", "begin time", "tmin", "xmin"),
    "end": ("end", "stop", "to", "offset", "end time", "stop time", "tmax", "xmax"),
    "duration": ("duration", "dur", "length"),
    "speaker": ("speaker", "speaker id", "spk", "who", "participant", "name", "tier", "tier name"),
    "text": (
        "text", "transcript", "transcription", "sentence", "utterance", "words", "word", "annotation", "caption",
    ),
    "language": ("language", "lang"),
}  # fmt: skip
TIMES = ("start", "end", "duration")
# In ELAN's text with a column for each tier, the times are called this.
ELAN_START = "begin time"
MOST_DIGITS = 12


def has_times(header: Sequence[str], named: Named = NO_NAMES) -> bool:
    """Tell whether the columns of a table are those of turns; words may have starts only."""
    columns = find_columns(header, COLUMNS)
    fields = columns.keys() | {field for field, name in named.items() if name in header}
    return "start" in fields and bool({"end", "duration", "text"} & fields)


def is_turn_table(text: str, named: Named = NO_NAMES) -> bool:
    """Tell whether a text is a table of turns, with a header or, between tabs, without one."""
    first = text.lstrip("\n").split("\n", 1)[0]
    header = [name.strip() for name in first.split(find_delimiter(first))]
    return has_times(header, named) or _is_untitled(first.split("\t"))


def read_table(
    text: str,
    path: Path,
    stem: str | None = None,
    length: Length | None = None,
    named: Named = NO_NAMES,
) -> list[Turn]:
    """Read the turns of one recording from a table, its columns by their usual names.

    Args:
        text: of the file.
        path: for error messages.
        stem: the recording's name; needed where a column names several files.
        length: how long the recording is, which tells seconds from milliseconds, and where the last row ends.
        named: field -> the name of its column, for those with other names.

    Raises:
        CorpusError: it lacks the columns of times, a row is damaged, or no row belongs to the recording.
    """
    turns = read_tables(text, path, length, named)
    if len(turns) < 2 or stem in turns:
        return turns[stem] if stem in turns else [turn for found in turns.values() for turn in found]
    names = listed(sorted(name or "no name" for name in turns))
    missing = "name one of them" if stem is None else f"but not of {stem}; use the same name in both"
    raise CorpusError(f"{path}: holds turns of {len(turns)} recordings ({names}), {missing}")


def read_tables(
    text: str,
    path: Path,
    length: Length | None = None,
    named: Named = NO_NAMES,
    lengths: Mapping[str | None, Length] | None = None,
) -> dict[str | None, list[Turn]]:
    """Read the turns of each recording that a table names by its stem; None where it names none.

    `lengths` are those of recordings by their stems; see `read_table` for the other arguments.

    Raises:
        CorpusError: it lacks the columns of times, or a row is damaged.
    """
    table = parse_table(text, path)
    if _is_untitled(table.header) and not named:
        return {None: _turns(*_untitled(table, path), path, length)}
    columns = _columns(table.header, named, path)
    if not has_times(table.header, named):
        raise CorpusError(
            f"{path}:1: has no columns called start and end (or duration), but {', '.join(table.header)[:200]}; "
            "name them with --column start=... and --column end=..."
        )
    if "text" not in columns and "speaker" not in columns and ELAN_START in map(plain_name, table.header):
        return {None: _turns(*_tiers(table, columns, path), path, length)}
    rows = [
        (f"{path}:{line}", {field: values[column.index].strip() for field, column in columns.items()})
        for line, values in table.rows
    ]
    by_file: dict[str | None, list[Row]] = {}
    for place, values in rows:
        if any(values.values()):
            by_file.setdefault(_stem(values.get("file")), []).append((place, values))
    known = lengths or {}
    return {stem: _turns(found, columns, path, known.get(stem, length)) for stem, found in by_file.items()}


def _columns(header: Sequence[str], named: Named, path: Path) -> dict[str, Column]:
    """Return field -> column, as the user named it or by its usual names."""
    columns = find_columns(header, COLUMNS)
    for field, name in named.items():
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of a turn; fields are {', '.join(COLUMNS)}")
        if name not in header:
            raise CorpusError(f"{path}: has no column {name!r}; its columns are {', '.join(filter(None, header))}")
        columns[field] = find_columns(header, {field: (name,)})[field]
    return columns


def _stem(file: str | None) -> str | None:
    return PurePosixPath(file.replace("\\", "/")).stem if file else None


def _turns(rows: Sequence[Row], columns: Mapping[str, Column], path: Path, length: Length | None) -> list[Turn]:
    unit = 1e-3 if _in_milliseconds(rows, columns, length) else None
    if unit is not None:
        logger.warning("%s: its times are taken as milliseconds", path)
    times = {
        field: replace(columns[field], seconds=columns[field].seconds or unit)
        for field in TIMES
        if field in columns
    }
    turns: list[Turn] = []
    for (place, values), span in zip(rows, _spans(rows, times, length), strict=True):
        found = turn_or_nothing(place, span, values.get("speaker"), values.get("text"))
        turns += [replace(turn, language=language_code(values.get("language"))) for turn in found]
    return turns


def _spans(rows: Sequence[Row], times: Mapping[str, Column], length: Length | None) -> list[tuple[float, float]]:
    """Return start and end of each row; where all rows have starts only, each lasts until the next begins."""
    starts = [times["start"].parse_seconds(values["start"], place) for place, values in rows]
    if times.keys() == {"start"}:
        order = sorted(range(len(rows)), key=starts.__getitem__)
        ends = ends_of([starts[number] for number in order], [rows[number][0] for number in order], length)
        end_of = dict(zip(order, ends, strict=True))
        return [(start, end_of[number]) for number, start in enumerate(starts)]
    spans: list[tuple[float, float]] = []
    for (place, values), start in zip(rows, starts, strict=True):
        if values.get("end"):
            end = times["end"].parse_seconds(values["end"], place)
        elif "duration" in times:
            end = start + times["duration"].parse_seconds(values["duration"], place)
        else:
            end = parse_seconds(values["end"], place)
        spans.append((start, end))
    return spans


def _in_milliseconds(rows: Sequence[Row], columns: Mapping[str, Column], length: Length | None) -> bool:
    """Tell whether whole numbers without a unit are milliseconds: else they would not fit the recording."""
    times = [values[field] for _, values in rows for field in TIMES if values.get(field)]
    if any(columns[field].seconds for field in TIMES if field in columns) or not all(
        time.isdecimal() and len(time) <= MOST_DIGITS for time in times
    ):
        return False
    starts = [int(values["start"] or 0) for _, values in rows]
    ends = [
        int(values.get("end") or 0) or start + int(values.get("duration") or 0)
        for (_, values), start in zip(rows, starts, strict=True)
    ]
    return are_milliseconds(list(zip(starts, ends, strict=True)), length)


def _is_untitled(cells: Sequence[str]) -> bool:
    return len(_run_of_times(cells)) >= 2


def _run_of_times(cells: Sequence[str]) -> list[int]:
    """Return the numbers of the first cells in a row that are times."""
    run: list[int] = []
    for number, cell in enumerate(cells):
        if is_time(cell):
            run.append(number)
        elif run:
            break
    return run


def _untitled(table: Table, path: Path) -> tuple[list[Row], dict[str, Column]]:
    """Return the rows of ELAN's text without a header: tier, participant, starts, ends, durations, words."""
    run = _run_of_times(table.header)
    start, third = parse_seconds(table.header[run[0]], str(path)), len(run) // 3
    durations = len(run) % 3 == 0 and _near(
        parse_seconds(table.header[run[third]], str(path)) - start,
        parse_seconds(table.header[run[2 * third]], str(path)),
    )
    end = run[third] if durations else run[len(run) // 2]
    rows: list[Row] = []
    for line, cells in ((1, table.header), *table.rows):
        names = [cell.strip() for cell in cells[: run[0]] if cell.strip()]
        words = " ".join(cell for cell in cells[run[-1] + 1 :] if cell.strip())
        values = {"start": cells[run[0]].strip(), "end": cells[end].strip(), "text": words}
        rows.append((f"{path}:{line}", values | {"speaker": names[-1] if names else ""}))
    return rows, {"start": Column(run[0]), "end": Column(end)}


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 0.05  # rounded to hundredths, or worse


def _tiers(table: Table, columns: Mapping[str, Column], path: Path) -> tuple[list[Row], dict[str, Column]]:
    """Return the rows of ELAN's text with a column for each tier, which are the speakers."""
    usual = {plain_name(name) for field in TIMES for name in COLUMNS[field]}
    tiers = [number for number, name in enumerate(table.header) if name and plain_name(name) not in usual]
    rows: list[Row] = [
        (f"{path}:{line}", {**_times(cells, columns), "speaker": table.header[tier], "text": cells[tier]})
        for line, cells in table.rows
        for tier in tiers
        if cells[tier].strip()
    ]
    return rows, {field: columns[field] for field in TIMES if field in columns}


def _times(cells: Sequence[str], columns: Mapping[str, Column]) -> dict[str, str]:
    return {field: cells[columns[field].index].strip() for field in TIMES if field in columns}
