"""Transcripts and turns of recordings: a table, a file for one recording, or a folder of such files."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from emofuse.cli.predict.side_files import (
    FolderOfFiles,
    Length,
    OneFile,
    Read,
    SharedFile,
    SideFiles,
    Words,
    length_of,
    unknown_length,
)
from emofuse.errors import CorpusError
from emofuse.types import Turn, Utterance

logger = logging.getLogger(__name__)

# Transcripts of one recording; any other file is a table.
WORD_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")
TABLE_SUFFIXES = (".csv", ".tsv")
TURN_SUFFIXES = (".rttm", *TABLE_SUFFIXES, *WORD_SUFFIXES)


def open_transcripts(path: Path, recordings: Sequence[Utterance]) -> SideFiles[Words]:
    """Open the transcripts of recordings, and check that they fit.

    Args:
        path: a table of files and texts; a transcript (TXT, SRT, VTT, JSON, TextGrid, EAF, or a table with times)
            of one recording; or a folder of such files, each with the stem of its recording.
        recordings: the recordings that should have a transcript.

    Raises:
        CorpusError: a file cannot be read, none of the recordings has a transcript, or there is one transcript
            for several recordings.
    """
    words: SideFiles[Words]
    if path.is_dir():
        words = FolderOfFiles(path, (*WORD_SUFFIXES, *TABLE_SUFFIXES), _read_words)
    elif path.suffix.lower() in TABLE_SUFFIXES and _has_times(path):
        words = _TimedTable(path, recordings)
    elif path.suffix.lower() in WORD_SUFFIXES:
        words = OneFile(path, recordings, _read_words)
    else:
        words = _Table(path)
    missing = sum(not words.has(recording) for recording in recordings)
    if missing == len(recordings):
        raise CorpusError(f"{path}: has transcripts for none of the {missing} recordings; check its file names")
    if missing:
        logger.warning("%s has no transcript for %d of %d recordings", path, missing, len(recordings))
    return words


def open_turns(path: Path, recordings: Sequence[Utterance]) -> SideFiles[Sequence[Turn]]:
    """Open the turns of recordings: a file for one, or a folder of files, each with the stem of its recording.

    Raises:
        CorpusError: there is no such file, or it is a single file and there are several recordings.
    """
    from emofuse.turns.turn_files import read_turns

    return _open(path, recordings, read_turns)


def open_speakers(path: Path, recordings: Sequence[Utterance]) -> SideFiles[Sequence[Turn]]:
    """Open files of who speaks when, as `open_turns` opens turns.

    Raises:
        CorpusError: as for `open_turns`, or a single file names no speaker.
    """
    from emofuse.turns.turn_files import read_speakers

    return _open(path, recordings, read_speakers)


def _open(path: Path, recordings: Sequence[Utterance], read: Read[Sequence[Turn]]) -> SideFiles[Sequence[Turn]]:
    if path.is_dir():
        return FolderOfFiles(path, TURN_SUFFIXES, read)
    if path.suffix.lower() == ".rttm":  # it names the recording that each of its turns belongs to
        return SharedFile(path, read)
    return OneFile(path, recordings, read)


def join_words(words: Words) -> str:
    """Return the words of a recording as one text."""
    return words if isinstance(words, str) else " ".join(turn.text for turn in words if turn.text)


def _read_words(path: Path, stem: str | None, length: Length) -> Words:
    from emofuse.turns.turn_files import read_words

    return read_words(path, stem, length)


def _has_times(path: Path) -> bool:
    from emofuse.turns.turn_parsing import decode
    from emofuse.turns.turn_tables import is_turn_table

    return is_turn_table(decode(path))


class _TimedTable:
    """A table of words with times, of one recording or of several that it names."""

    def __init__(self, table: Path, recordings: Sequence[Utterance]) -> None:
        from emofuse.turns.turn_parsing import decode
        from emofuse.turns.turn_tables import read_tables

        only = recordings[0] if len(recordings) == 1 else None
        self._turns = read_tables(decode(table), table, unknown_length if only is None else length_of(only))
        if set(self._turns) <= {None} and only is None:
            raise CorpusError(
                f"{table}: belongs to one recording, not to {len(recordings)}; add a column called file"
            )

    def __call__(self, utterance: Utterance) -> Sequence[Turn] | None:
        if utterance.audio is None:
            return None
        turns = self._turns.get(utterance.audio.stem, self._turns.get(None, ()))
        return sorted((turn for turn in turns if turn.text), key=lambda turn: (turn.start, turn.end)) or None

    def has(self, utterance: Utterance) -> bool:
        return self(utterance) is not None

    def language_of(self, utterance: Utterance) -> str | None:
        return None


class _Table:
    """A table of files and their transcripts: found by path, else by file name, else by stem."""

    def __init__(self, table: Path) -> None:
        from emofuse.data.corpora.user_table import read_columns

        self._table = table
        self._texts: dict[str, set[str]] = {}
        for row in read_columns(table, ("audio", "text")):
            path = Path(row["audio"])
            if row["audio"]:
                for key in {path.stem, path.name, os.path.abspath(table.parent / path)}:
                    self._texts.setdefault(key, set()).add(row["text"])

    def __call__(self, utterance: Utterance) -> str | None:
        if utterance.audio is None:
            return None
        for key in (os.path.abspath(utterance.audio), utterance.audio.name, utterance.audio.stem):
            if key in self._texts:
                if len(self._texts[key]) > 1:
                    # Several rows share this name: which of them is meant is unknown.
                    raise CorpusError(
                        f"{self._table}: has several texts for {key!r}; write paths that tell the files apart"
                    )
                return next(iter(self._texts[key]))
        return None

    def has(self, utterance: Utterance) -> bool:
        return self(utterance) is not None

    def language_of(self, utterance: Utterance) -> str | None:
        return None
