"""The predictions of any system, read from a file: a table, JSON Lines or a JSON list."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from emofuse.errors import CorpusError, brief_message
from emofuse.untrusted.json_text import parse_json
from emofuse.untrusted.table_cells import cell_text

# Field of a prediction -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "utterance", "utterance_id"),
    "label": ("label", "prediction", "predicted", "emotion"),
    "fold": ("fold",),
    "seed": ("seed",),
}
# Characters of an id, a label, a fold or a seed, and of the list of columns in a message.
LONGEST_VALUE = 500
# The prefix of the columns of probabilities, before the label.
PROBABILITY_PREFIX = "p_"
# From the text of a file and its path to its rows, each with its place.
Reader: TypeAlias = Callable[[str, Path], Iterator[tuple[str, Mapping[str, Any]]]]


@dataclass(frozen=True)
class SubmittedPrediction:
    """The predicted label of an utterance, and where in a file it stands.

    Attributes:
        place: file and line, for messages.
        fold: as the file names it; None if it names none.
        seed: likewise; empty if it names none.
        probabilities: by label; None if the file has none.
    """

    place: str
    id: str
    label: str
    fold: str | None = None
    seed: str = ""
    probabilities: Mapping[str, float] | None = None


def read_submitted(path: Path, columns: Mapping[str, str] | None = None) -> list[SubmittedPrediction]:
    """Read predictions: CSV, TSV or semicolons with a header, JSON Lines, or a JSON list.

    A row has an id and a label, optionally a fold and a seed, and optionally probabilities: columns such as
    `p_angry`, or in JSON an object `probabilities`.

    Args:
        path: the file.
        columns: field ("id", "label", "fold", "seed") -> its column, where that has no usual name.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or a row is wrong; the message names the line.
    """
    named_columns = columns or {}
    for field in named_columns:
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of a prediction; fields are {', '.join(COLUMNS)}")
    rows = list(_rows(path))
    if not rows:
        raise CorpusError(f"{path}: holds no prediction; write one row an utterance, with its id and label")
    names = _match({str(name) for _, row in rows for name in row}, named_columns, path)
    return [_prediction(row, names, place) for place, row in rows]


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row with its place."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file of predictions") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text; save the predictions as UTF-8") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    start = text.lstrip()[:1]
    readers: dict[str, Reader] = {"{": _json_lines, "[": _json_list}
    read: Reader = readers.get(start, _table)
    yield from read(text, path)


def _table(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row:
                raise CorpusError(f"{place}: has more values than there are columns; put quotes around them")
            yield place, {cell_text(name.strip()): cell_text((value or "").strip()) for name, value in row.items()}
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: is not a table that can be read ({error})") from error


def _json_lines(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", _object(line, f"{path}:{number}")


def _json_list(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        rows = parse_json(text)
    except ValueError as error:
        raise CorpusError(f"{path}: is not JSON ({brief_message(error)})") from error
    for number, row in enumerate(rows, start=1):
        yield f"{path}, entry {number}", _checked(row, f"{path}, entry {number}")


def _object(line: str, place: str) -> Mapping[str, Any]:
    try:
        return _checked(parse_json(line), place)
    except ValueError as error:
        raise CorpusError(
            f"{place}: is not a JSON object ({brief_message(error)}); write one prediction a line"
        ) from error


def _checked(row: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise CorpusError(f"{place}: is not a JSON object; write one prediction as one object")
    return row


def _match(header: Collection[str], named_columns: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return field -> column, as the user chose or by the usual names, and the columns of probabilities."""
    by_lower = {name.lower(): name for name in sorted(header)}
    names = {
        field: column
        for field, usual in COLUMNS.items()
        if (column := next((by_lower[name] for name in usual if name in by_lower), None)) is not None
    }
    for field, column in named_columns.items():
        if column not in header:
            raise CorpusError(
                f"{path}: has no column {column!r}; its columns are {', '.join(sorted(header))[:LONGEST_VALUE]}"
            )
        names[field] = column
    for field in ("id", "label"):
        if field not in names:
            raise CorpusError(
                f"{path}: no column is called {' or '.join(COLUMNS[field])}; name it with --column {field}=..."
            )
    return names


def _prediction(row: Mapping[str, Any], names: Mapping[str, str], place: str) -> SubmittedPrediction:
    values = {field: _word(row.get(column)) for field, column in names.items()}
    for field in ("id", "label"):
        if not values[field]:
            raise CorpusError(f"{place}: has no {field}; give every prediction one")
    for field, value in values.items():
        if len(value) > LONGEST_VALUE:
            raise CorpusError(f"{place}: its {field} has {len(value)} characters; give the {field} alone")
    return SubmittedPrediction(
        place=place,
        id=values["id"],
        label=values["label"],
        fold=values.get("fold") or None,
        seed=values.get("seed", ""),
        probabilities=_probabilities(row, place),
    )


def _word(value: Any) -> str:
    """Return a value as a string, empty if there is none."""
    return "" if value is None else str(value)


def _probabilities(row: Mapping[str, Any], place: str) -> dict[str, float] | None:
    values = row.get("probabilities")
    if not isinstance(values, Mapping):
        named = [(name, value) for name, value in row.items() if name.startswith(PROBABILITY_PREFIX)]
        values = {name.removeprefix(PROBABILITY_PREFIX): value for name, value in named if _word(value)}
    try:
        return {label: float(value) for label, value in values.items()} or None
    except (TypeError, ValueError, OverflowError) as error:
        raise CorpusError(f"{place}: a probability is no number ({brief_message(error)})") from error
