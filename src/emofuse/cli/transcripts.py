"""Transcripts beside recordings: a table says what is said in which file."""

from __future__ import annotations

import logging
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
    rows = [row for row in read_columns(table, ("audio", "text")) if row.get("audio")]
    known: dict[str, str] = {}
    for row in rows:
        words = row["text"]
        path = Path(row["audio"])
        known |= {path.stem: words, path.name: words, str((table.parent / path).resolve()): words}
    attached, found = [], 0
    for utterance in utterances:
        keys = (
            [str(utterance.audio.resolve()), utterance.audio.name, utterance.audio.stem] if utterance.audio else []
        )
        words_found = next((known[key] for key in keys if key in known), None)
        found += words_found is not None
        attached.append(
            utterance if words_found is None else replace(utterance, text=words_found, text_source="gold")
        )
    if not found:
        raise CorpusError(f"{table}: has words for none of the {len(utterances)} recordings; check its file names")
    if found < len(utterances):
        logger.warning("%s has no words for %d of %d recordings", table, len(utterances) - found, len(utterances))
    return attached
