"""Transcripts beside recordings: a table says what is said in which file."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.table import read_columns
from emofuse.errors import CorpusError
from emofuse.types import Utterance

logger = logging.getLogger(__name__)


def attach(utterances: Sequence[Utterance], table: Path) -> list[Utterance]:
    """Give each recording the words that a table has for it, by path, else by file name, else by stem.

    Raises:
        CorpusError: the table cannot be read, or has words for none of the recordings.
    """
    rows = [row for row in read_columns(table, ("audio", "text")) if row["audio"]]
    known: dict[str, set[str]] = {}
    for row in rows:
        path = Path(row["audio"])
        for key in {path.stem, path.name, os.path.abspath(table.parent / path)}:
            known.setdefault(key, set()).add(row["text"])
    attached, found = [], 0
    for utterance in utterances:
        words = _words_of(utterance, known, table)
        found += words is not None
        attached.append(utterance if words is None else replace(utterance, text=words, text_source="gold"))
    if not found:
        raise CorpusError(f"{table}: has words for none of the {len(utterances)} recordings; check its file names")
    if found < len(utterances):
        logger.warning("%s has no words for %d of %d recordings", table, len(utterances) - found, len(utterances))
    return attached


def _words_of(utterance: Utterance, known: dict[str, set[str]], table: Path) -> str | None:
    """Return what a table says of a recording; by a name that several rows share, nothing can be said."""
    if utterance.audio is None:
        return None
    for key in (os.path.abspath(utterance.audio), utterance.audio.name, utterance.audio.stem):
        if key in known:
            if len(known[key]) > 1:
                raise CorpusError(f"{table}: has several texts for {key!r}; give paths that tell the files apart")
            return next(iter(known[key]))
    return None
