"""The tables of a database in audformat: the facts on each file or segment.

The roles of the columns follow audformat's page of conventions, and emodb as audb has it (the tables emotion,
emotion.categories.train.gold_standard and files). A column has emotions if it, or its scheme, is called emotion
(or label, where nothing is called emotion). They are labels if their rater is a gold standard: a vote, a ground
truth, or called gold...; and if the column is alone in its table and has no rater, or nothing in the database is
gold. All others are votes; values by machines are tags. Pickled tables, which audformat would prefer and which can
run code, are never opened; the header, which could do so too, is checked first.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from emofuse.data.corpora.prepared import require_folder
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.untrusted.bounded_files import MOST_BYTES, read_text
from emofuse.untrusted.yaml_text import parse_yaml

# Role of a column -> what it, or its scheme, is called. By convention a text is less exact than a transcription.
ROLES = {
    "label": ("emotion",), "valence": ("valence",), "arousal": ("arousal",), "dominance": ("dominance",),
    "speaker": ("speaker",), "gender": ("gender", "sex"), "language": ("language",), "session": ("session",),
    "dialogue": ("dialogue",), "transcription": ("transcription", "transcript"), "text": ("text", "sentence"),
}  # fmt: skip
# Of a header with its aliases written out.
MOST_HEADER_VALUES = 1_000_000
DIMENSIONS = ("valence", "arousal", "dominance")
EMOTIONS = ("label", "vote")
TEXTS = ("transcription", "text")
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class FilePart(NamedTuple):
    """A part of a file, in seconds; a whole file begins at zero and has no end."""

    file: str
    start: float = 0.0
    end: float | None = None


class Fact(NamedTuple):
    """A fact of a table on a file or a part of it.

    The role is one of ROLES, or "vote", "split" or "tag". The name is that of the tag, or the table of a label or
    a split.
    """

    role: str
    name: str
    value: Any


def load_database(root: Path) -> Any:
    """Load header and tables by way of a folder that leaves out the pickled tables.

    Raises:
        MissingExtraError: audformat is not installed.
        CorpusError: the folder holds no database that can be read without pickled tables.
    """
    try:
        import audformat
    except ImportError as error:
        raise MissingExtraError("corpora", "a database in audformat") from error
    require_folder(root, "a database in audformat")
    if not (root / "db.yaml").is_file():
        raise CorpusError(f"{root}: holds no db.yaml; give the folder that audb.load_to or Database.save wrote")
    try:
        text = read_text(root / "db.yaml")
        header = parse_yaml(text, MOST_BYTES, MOST_HEADER_VALUES, aliases=True)
        tables = [*(header.get("misc_tables") or {}), *(header.get("tables") or {})]
        paths = [root / f"db.{table}.{end}" for table in tables for end in ("csv", "parquet")]
        present = [path for path in paths if path.is_file()]
        lacking = [table for table in tables if f"db.{table}" not in {path.stem for path in present}]
        with tempfile.TemporaryDirectory() as folder:
            # Its own reader takes tags that run code: it gets the very text that was found to have none.
            (Path(folder) / "db.yaml").write_text(text, encoding="utf-8")
            for path in present:
                (Path(folder) / path.name).symlink_to(path.absolute())
            if not lacking:
                return audformat.Database.load(folder, load_data=True)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise CorpusError(f"{root}: audformat cannot load it ({reason}); save or download it again") from error
    raise CorpusError(
        f"{root}: holds neither CSV nor parquet of {', '.join(lacking)}, and pickled tables are never opened, "
        'as they can run code; write it with Database.save(root, storage_format="parquet")'
    )


def column_roles(database: Any, root: Path) -> dict[tuple[str, str], Fact]:
    """Return (table, column) -> a fact without a value, with the role and the name of its values.

    Raises:
        CorpusError: no column has an emotion.
    """
    columns = {(name, c): column for name, table in database.tables.items() for c, column in table.columns.items()}
    called = {key: (key[1].lower(), str(column.scheme_id).lower()) for key, column in columns.items()}
    usual = ROLES if any("emotion" in names for names in called.values()) else ROLES | {"label": ("label",)}
    roles = {}
    for key, names in called.items():
        rater, scheme = columns[key].rater, columns[key].scheme
        role = next((role for role, words in usual.items() if any(name in words for name in names)), "tag")
        if role == "label" and scheme is not None and scheme.dtype in ("bool", "date", "float", "time"):
            role = "tag"
        machine = rater is not None and rater.type == "machine"
        roles[key] = Fact("tag" if machine else role, key[0] if role == "label" and not machine else key[1], None)
    for role in ("label", *DIMENSIONS):
        keys = [key for key in columns if roles[key].role == role]
        golds = [key for key in keys if _is_gold(columns[key])]
        tables = Counter(name for name, _ in keys)
        for key in keys:
            known = golds and columns[key].rater is not None
            if key not in golds and (known or tables[key[0]] > 1):
                name = f"{role}.{key[1]}"  # columns of raters bear their names in the table of each dimension
                roles[key] = Fact("vote" if role == "label" else "tag", name, None)
    if not any(fact.role in EMOTIONS for fact in roles.values()):
        listed = ", ".join(f"{name}: {' '.join(table.columns)}" for name, table in database.tables.items())
        raise CorpusError(
            f"{root}: no column or scheme is called emotion or label; its tables are {listed or 'none'}"
        )
    return roles


def _is_gold(column: Any) -> bool:
    """Return whether a column is a gold standard."""
    if column.rater is None:
        return False
    return column.rater.type in ("vote", "ground truth") or str(column.rater_id).lower().startswith("gold")


def table_facts(
    database: Any, name: str, roles: Mapping[tuple[str, str], Fact]
) -> Iterator[tuple[FilePart, list[Fact]]]:
    """Yield the facts of each row of a table, with those of the header on its split and its values."""
    table = database.tables[name]
    split = table.split.type if table.split else next((word for word in name.split(".") if word in SPLITS), "")
    of_table = [Fact("split", name, SPLITS[split])] if split in SPLITS else []
    known = {column: _meanings(database, table.columns[column].scheme) for column in table.columns}
    frame = table.get()
    rows = zip(frame.index, frame.to_dict("records"), frame.notna().to_dict("records"), strict=True)
    for key, row, there in rows:
        span = FilePart(key)
        if not isinstance(key, str):
            file, start, end = key
            span = FilePart(file, start.total_seconds(), end.total_seconds() if end == end else None)
        values = {column: value for column, value in row.items() if there[column]}
        of_row = [f for c, value in values.items() for f in _facts(roles[name, c], c, value, known[c].get(value))]
        yield span, of_table + of_row


def _meanings(database: Any, scheme: Any) -> Mapping[Any, Any]:
    """Return the facts that the header, or the table that a scheme names, has on its values."""
    labels = None if scheme is None else scheme.labels
    if isinstance(labels, str):
        frame = database.misc_tables[labels].get()
        return {value: frame.loc[value].dropna().to_dict() for value in frame.index}
    return labels if isinstance(labels, dict) else {}


def _facts(role: Fact, column: str, value: Any, meaning: Any) -> Iterator[Fact]:
    """Yield a value, or the name of its code and the code; and the facts on a speaker."""
    if isinstance(meaning, str) and role.role != "tag" and (role.role in TEXTS or not isinstance(value, str)):
        yield Fact("tag", column, value)
        value = meaning
    yield role._replace(value=value)
    if isinstance(meaning, Mapping) and role.role == "speaker":
        for fact, of_speaker in meaning.items():
            yield Fact(fact if fact in ("gender", "language") else "tag", fact, of_speaker)
