"""A database in audEERING's audformat: `db.yaml`, and a CSV or parquet file for each table, as audb publishes it.

The rows of its tables with an emotion are utterances; see `audformat_tables.py` for these and for the
meaning of columns. Further facts on an utterance come from all tables: first of the segment, then of its file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from emofuse.data.corpora.audformat_tables import (
    DIMENSIONS,
    EMOTIONS,
    Fact,
    FilePart,
    column_roles,
    load_database,
    table_facts,
)
from emofuse.data.corpora.prepared import Prepared
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance


def read_audformat(root: Path) -> Prepared:
    """Read the database in the folder `root`; labels stay as they are.

    Where raters differ and there is no gold standard, the label is that of most of them; none on a tie. Where two
    tables contradict each other on a label or a split, the utterance gets none, and that is recorded. Rows whose
    recording is missing are skipped with a reason, and so are files that no table with an emotion has, and files
    as a whole that have segments with an emotion.

    Raises:
        MissingExtraError: audformat is not installed.
        CorpusError: the folder holds no database that can be read, no column has emotions, or no row can be used.
    """
    database = load_database(root)
    roles = column_roles(database, root)
    facts: dict[FilePart, list[Fact]] = {}
    spans: dict[FilePart, None] = {}  # of the tables with an emotion, in their order
    for name, table in database.tables.items():
        emotional = any(roles[name, column].role in EMOTIONS for column in table.columns)
        for span, row_facts in table_facts(database, name, roles):
            facts.setdefault(span, []).extend(row_facts)
            spans |= {span: None} if emotional else {}
    files = dict.fromkeys(span.file for span in spans)
    others = dict.fromkeys(span.file for span in facts if span.file not in files)
    skipped = [Skip(file, "no table with an emotion has it") for file in others]
    spoken = [Fact("language", "", code) for code in database.languages] if len(database.languages) == 1 else []
    stems = Counter(os.path.splitext(file)[0] for file in files)
    cut = {span.file for span in spans if span != FilePart(span.file)}
    utterances: list[Utterance] = []
    for span in spans:
        stem = os.path.splitext(span.file)[0]
        identity = stem if stems[stem] == 1 else span.file
        facts_of = facts[span]
        if span != FilePart(span.file):
            identity += f"#{span.start}-{'' if span.end is None else span.end}"
            facts_of = facts_of + [
                fact for fact in facts.get(FilePart(span.file), []) if fact.role not in EMOTIONS
            ]
        elif span.file in cut:
            skipped.append(Skip(identity, "has an emotion as a whole and by segments; the segments are read"))
            continue
        utterance = _utterance(identity, span, root, facts_of + spoken)
        if isinstance(utterance, str):
            skipped.append(Skip(identity, utterance))
        else:
            utterances.append(utterance)
            skipped += [Skip(identity, reason) for reason in _contradictions(facts_of)]
    if not utterances:
        reason = f"; the first that is skipped: {skipped[0].id}, {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"{root}: no row can be used{reason}; load the database with its tables and recordings")
    return Prepared(Corpus(tuple(utterances), name=database.name), tuple(skipped))


def _contradictions(facts_of: list[Fact]) -> Iterator[str]:
    """Yield what the tables contradict each other on."""
    for role in ("label", "split"):
        tables = {str(fact.value): fact.name for fact in facts_of if fact.role == role}
        if len(tables) > 1:
            listed = ", but ".join(f"{value} in {table}" for value, table in tables.items())
            yield f"gets no {role}: it is {listed}"


def _utterance(identity: str, span: FilePart, root: Path, facts_of: list[Fact]) -> Utterance | str:
    """Return the utterance of a span, or why it cannot be used; of several facts in a role the first counts."""
    audio = Path(os.path.abspath(root / span.file))
    if not audio.is_file():
        return f"no such file: {audio}"
    first = {fact.role: fact.value for fact in reversed(facts_of)}
    words = {role: str(value) for role, value in first.items()}
    labels, votes, splits = (
        [str(f.value) for f in facts_of if f.role == role] for role in ("label", "vote", "split")
    )
    counts = Counter(votes)
    try:
        return Utterance(
            id=identity,
            audio=audio,
            start=None if span == FilePart(span.file) else span.start,
            end=span.end,
            text=words.get("transcription", words.get("text")),
            text_source="gold" if "transcription" in words else None,
            label=_sole(labels) if labels else _plurality(counts),
            votes={word: float(n) for word, n in counts.items()} or None,
            dimensions={name: float(first[name]) for name in DIMENSIONS if name in first} or None,
            speaker=words.get("speaker"),
            session=words.get("session"),
            gender=words.get("gender"),
            dialogue=words.get("dialogue"),
            language=_language(words["language"]) if "language" in words else None,
            split=_sole(splits),
            tags={fact.name: _word(fact.value) for fact in reversed(facts_of) if fact.role == "tag"},
        )
    except ValueError as error:  # a CorpusError, as for an empty span, is one
        return str(error)


def _sole(words: list[str]) -> str | None:
    """Return the word that all agree on."""
    return words[0] if len(set(words)) == 1 else None


def _plurality(votes: Counter[str]) -> str | None:
    """Return the word with more votes than any other."""
    top = [word for word, n in votes.items() if n == max(votes.values())]
    return _sole(top)


def _word(value: Any) -> str:
    """Write a value as a word; a duration in seconds."""
    return str(value.total_seconds() if isinstance(value, timedelta) else value)


def _language(code: str) -> str:
    """Return the ISO 639-1 code of a language, or the code as it is where there is none."""
    from iso639 import Lang, is_language

    return str(Lang(code).pt1 or code) if is_language(code) else code
