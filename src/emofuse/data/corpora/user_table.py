"""A user's own table: CSV, TSV or semicolons, with columns by their usual names."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared
from emofuse.data.labels import warn_of_capitals
from emofuse.errors import CorpusError
from emofuse.turns.table_rows import Column, Table, find_columns, parse_table
from emofuse.turns.turn_parsing import decode
from emofuse.types import Corpus, Skip, Utterance

logger = logging.getLogger(__name__)

# Field of an utterance -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "audio": ("path", "audio", "file", "wav"),
    "start": ("start", "start_time", "begin", "begin_time"),
    "end": ("end", "end_time", "stop", "stop_time"),
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
    table = parse_table(decode(path), path)
    names = _match_columns(table.header, columns or {}, path)
    root = path.parent if audio_root is None else audio_root
    utterances: dict[str, Utterance] = {}
    skipped: list[Skip] = []
    for line, row in table.rows:
        place = f"{path}:{line}"
        values = {field: row[column.index].strip() for field, column in names.items() if row[column.index].strip()}
        if not values.get("audio") and not values.get("text"):
            skipped.append(Skip(place, "the row has neither audio nor text"))
            continue
        audio = Path(os.path.abspath(root / values["audio"])) if "audio" in values else None
        if audio is not None and not os.path.isfile(audio):  # unlike Path's, it takes any name
            skipped.append(Skip(place, f"no such file: {audio}"))
            continue
        identity = _identity(values, line, utterances, place)
        utterance = _utterance(identity, values, audio, _span(values, names, place), place)
        utterances[identity] = replace(utterance, tags=_tags(table, row, names))
    if not utterances:
        reason = f"; the first row skipped: {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"{path}: no row can be used{reason}; check --column and --root")
    warn_of_capitals(Counter(utterance.label for utterance in utterances.values() if utterance.label), str(path))
    return Prepared(Corpus(tuple(utterances.values()), name=path.stem), tuple(skipped))


def read_columns(
    path: Path, fields: Iterable[str], columns: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Return the rows of a table with these fields only, each found by its name in `columns` or by its usual ones.

    Raises:
        CorpusError: the table cannot be read, or lacks one of the columns.
    """
    table = parse_table(decode(path), path)
    names = _match_columns(table.header, columns or {}, path)
    for field in fields:
        if field not in names:
            raise CorpusError(
                f"{path}: no column is called {' or '.join(COLUMNS[field])}; name it with --column {field}=..."
            )
    return [{field: row[names[field].index].strip() for field in fields} for _, row in table.rows]


def _match_columns(header: Sequence[str], named: Mapping[str, str], path: Path) -> dict[str, Column]:
    """Return field -> column, as the user chose or by the usual names."""
    names = find_columns(header, COLUMNS)
    for field, column in named.items():
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of an utterance; fields are {', '.join(COLUMNS)}")
        if column not in header:
            raise CorpusError(
                f"{path}: has no column {column!r}; its columns are {', '.join(filter(None, header))}"
            )
        names[field] = find_columns(header, {field: (column,)})[field]
    if "audio" not in names and "text" not in names:
        raise CorpusError(
            f"{path}: no column is called {' or '.join(COLUMNS['audio'] + COLUMNS['text'])}; "
            "name them with --column audio=... or --column text=..."
        )
    return names


def _tags(table: Table, row: Sequence[str], names: Mapping[str, Column]) -> dict[str, str]:
    """Return what stands in the columns that are no field of an utterance."""
    used = {column.index for column in names.values()}
    return {
        name: value
        for index, (name, value) in enumerate(zip(table.header, row, strict=True))
        if name and value and index not in used
    }


def _span(values: Mapping[str, str], names: Mapping[str, Column], place: str) -> tuple[float | None, float | None]:
    start, end = (
        names[field].parse_seconds(values[field], place) if field in values else None for field in ("start", "end")
    )
    return start, end


def _identity(values: Mapping[str, str], line: int, utterances: Mapping[str, Utterance], place: str) -> str:
    if "id" in values:
        if values["id"] in utterances:
            raise CorpusError(f"{place}: the id {values['id']!r} occurs twice; ids are unique")
        return values["id"]
    name = Path(values["audio"]).with_suffix("").as_posix() if "audio" in values else "row"
    return f"{name}#{line}" if name in utterances or name == "row" else name


def _utterance(
    identity: str,
    values: Mapping[str, str],
    audio: Path | None,
    span: tuple[float | None, float | None],
    place: str,
) -> Utterance:
    try:
        return Utterance(
            id=identity,
            audio=audio,
            start=span[0],
            end=span[1],
            text=values.get("text"),
            text_source=values.get("text_source", "gold" if "text" in values else None),
            label=values.get("label"),
            speaker=values.get("speaker"),
            session=values.get("session"),
            gender=values.get("gender"),
            dialogue=values.get("dialogue"),
            language=values.get("language"),
            split=values.get("split"),
        )
    except CorpusError as error:
        raise CorpusError(f"{place}: {error}") from error
