"""A user's own table: CSV, TSV or semicolons, with columns by their usual names."""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

# Field of an utterance -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "audio": ("path", "audio", "file", "wav"),
    "start": ("start",),
    "end": ("end",),
    "text": ("text", "transcript", "sentence"),
    "text_source": ("text_source",),
    "label": ("label", "emotion"),
    "speaker": ("speaker",),
    "session": ("session",),
    "gender": ("gender",),
    "dialogue": ("dialogue",),
    "language": ("language",),
    "split": ("split",),
}


def read_table(path: Path, columns: Mapping[str, str] | None = None, audio_root: Path | None = None) -> Prepared:
    """Read a table with a header; audio paths are relative to it, or to `audio_root`.

    Columns that are no field of an utterance become tags. A missing id is made from the audio
    path, with the row number where that repeats. A row without words and without a recording on disk is
    skipped with a reason.

    Raises:
        CorpusError: the table cannot be read, a column named in `columns` is not there, a value is wrong, or
            no row is left.
    """
    header, rows = _rows(path)
    names = _match_columns(header, columns or {}, path)
    root = path.parent if audio_root is None else audio_root
    utterances: dict[str, Utterance] = {}
    skipped: list[Skip] = []
    for line, row in rows:
        place = f"{path}:{line}"
        values = {field: row[column].strip() for field, column in names.items() if row[column].strip()}
        if not values.get("audio") and not values.get("text"):
            skipped.append(Skip(place, "the row has neither audio nor text"))
            continue
        audio = Path(os.path.abspath(root / values["audio"])) if "audio" in values else None
        if audio is not None and not os.path.isfile(audio):  # unlike Path's, it takes any name
            skipped.append(Skip(place, f"no such file: {audio}"))
            continue
        used = set(names.values())
        tags = {key: value for key, value in row.items() if key and key not in used and value}
        identity = _identity(values, line, utterances, place)
        utterances[identity] = _utterance(identity, values, audio, tags, place)
    if not utterances:
        reason = f"; the first row skipped: {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"{path}: no row can be used{reason}; check --column and --root")
    return Prepared(Corpus(tuple(utterances.values()), name=path.stem), tuple(skipped))


def read_columns(path: Path, fields: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a table with these fields only, each found by its usual column names.

    Raises:
        CorpusError: the table cannot be read, or lacks one of the columns.
    """
    header, rows = _rows(path)
    names = _match_columns(header, {}, path)
    for field in fields:
        if field not in names:
            raise CorpusError(f"{path}: no column is called {' or '.join(COLUMNS[field])}")
    return [{field: row[names[field]].strip() for field in fields} for _, row in rows]


def _rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the columns, and each row with the line that it ends on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such table") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text; save the table as UTF-8") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for values in reader:
            if len(values) > len(header):
                raise CorpusError(
                    f"{path}:{reader.line_num}: has {len(values)} values for {len(header)} columns; "
                    f"put quotes around text that holds {delimiter!r}"
                )
            if values:
                rows.append((reader.line_num, dict(itertools.zip_longest(header, values, fillvalue=""))))
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: is not a table that can be read ({error})") from error
    return [name for name in header if name], rows


def _match_columns(header: Iterable[str], named: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return field -> column, as the user chose or by the usual names, upper or lower case."""
    by_lower = {name.lower(): name for name in header}
    names: dict[str, str] = {}
    for field, usual in COLUMNS.items():
        column = next((by_lower[name] for name in usual if name in by_lower), None)
        if column is not None:
            names[field] = column
    for field, column in named.items():
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of an utterance; fields are {', '.join(COLUMNS)}")
        if column not in by_lower.values():
            raise CorpusError(f"{path}: has no column {column!r}; its columns are {', '.join(by_lower.values())}")
        names[field] = column
    if "audio" not in names and "text" not in names:
        raise CorpusError(
            f"{path}: no column is called {' or '.join(COLUMNS['audio'] + COLUMNS['text'])}; "
            "name them with --column audio=... or --column text=..."
        )
    return names


def _identity(values: Mapping[str, str], line: int, utterances: Mapping[str, Utterance], place: str) -> str:
    if "id" in values:
        if values["id"] in utterances:
            raise CorpusError(f"{place}: the id {values['id']!r} occurs twice; ids are unique")
        return values["id"]
    name = Path(values["audio"]).with_suffix("").as_posix() if "audio" in values else "row"
    return f"{name}#{line}" if name in utterances or name == "row" else name


def _utterance(
    identity: str, values: Mapping[str, str], audio: Path | None, tags: Mapping[str, str], place: str
) -> Utterance:
    try:
        start, end = (float(values[key]) if key in values else None for key in ("start", "end"))
        return Utterance(
            id=identity,
            audio=audio,
            start=start,
            end=end,
            text=values.get("text"),
            text_source=values.get("text_source", "gold" if "text" in values else None),
            label=values.get("label"),
            speaker=values.get("speaker"),
            session=values.get("session"),
            gender=values.get("gender"),
            dialogue=values.get("dialogue"),
            language=values.get("language"),
            split=values.get("split"),
            tags=tags,
        )
    except CorpusError as error:
        raise CorpusError(f"{place}: {error}") from error
    except ValueError as error:
        raise CorpusError(f"{place}: start and end are seconds, as numbers ({error})") from error
