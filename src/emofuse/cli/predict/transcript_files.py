"""Transcripts and turns of recordings: a table, a file for one recording, or a folder of such files."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from emofuse.cli.predict.side_files import (
    FolderOfFiles,
    Length,
    OneFile,
    Read,
    SharedFile,
    SideFiles,
    Words,
    files_in,
    length_of,
    unknown_length,
)
from emofuse.errors import CorpusError
from emofuse.types import Turn, Utterance

logger = logging.getLogger(__name__)

# Field of a table -> the name of its column, as the user gives it.
Columns: TypeAlias = Mapping[str, str]
NO_COLUMNS: Columns = {}
# Transcripts of one recording; any other file is a table.
WORD_SUFFIXES = (".txt", ".srt", ".vtt", ".sbv", ".ttml", ".dfxp", ".lrc", ".json", ".textgrid", ".eaf")
TABLE_SUFFIXES = (".csv", ".tsv")
TRANSCRIPT_SUFFIXES = (*WORD_SUFFIXES, *TABLE_SUFFIXES)
TURN_SUFFIXES = (".rttm", *TRANSCRIPT_SUFFIXES)


def open_transcripts(
    path: Path, recordings: Sequence[Utterance], columns: Columns = NO_COLUMNS, out: Path | None = None
) -> SideFiles[Words]:
    """Open the transcripts of recordings, and check that they fit.

    Args:
        path: a table of files and texts; a transcript (TXT, SRT, VTT, JSON, TextGrid, EAF, or a table with times)
            of one recording; or a folder of such files, each with the stem of its recording.
        recordings: the recordings that should have a transcript.
        columns: of tables: field -> the name of its column, for those with other names.
        out: where results are written; nothing there is a transcript.

    Raises:
        CorpusError: a file cannot be read, none of the recordings has a transcript, or there is one transcript
            for several recordings.
    """
    words: SideFiles[Words]
    if path.is_dir():
        words = FolderOfFiles(path, TRANSCRIPT_SUFFIXES, _words_reader(columns), out)
    elif path.suffix.lower() in TABLE_SUFFIXES and _has_times(path, columns):
        words = _TimedTable(path, recordings, columns)
    elif path.suffix.lower() in WORD_SUFFIXES:
        words = OneFile(path, recordings, _words_reader(columns))
    else:
        words = _Table(path, columns)
    missing = sum(not words.has(recording) for recording in recordings)
    if missing == len(recordings):
        raise CorpusError(f"{path}: has transcripts for none of the {missing} recordings; check its file names")
    if missing:
        logger.warning("%s has no transcript for %d of %d recordings", path, missing, len(recordings))
    return words


def open_turns(
    path: Path, recordings: Sequence[Utterance], columns: Columns = NO_COLUMNS, out: Path | None = None
) -> SideFiles[Sequence[Turn]]:
    """Open the turns of recordings: a file for one, or a folder of files, each with the stem of its recording.

    Raises:
        CorpusError: there is no such file, or it is a single file and there are several recordings.
    """
    from emofuse.turns.turn_files import read_turns

    return _open(path, recordings, partial(read_turns, named=columns), out)


def open_speakers(
    path: Path, recordings: Sequence[Utterance], columns: Columns = NO_COLUMNS, out: Path | None = None
) -> SideFiles[Sequence[Turn]]:
    """Open files of who speaks when, as `open_turns` opens turns.

    Raises:
        CorpusError: as for `open_turns`, or a single file names no speaker.
    """
    from emofuse.turns.turn_files import read_speakers

    return _open(path, recordings, partial(read_speakers, named=columns), out)


def _open(
    path: Path, recordings: Sequence[Utterance], read: Read[Sequence[Turn]], out: Path | None
) -> SideFiles[Sequence[Turn]]:
    if path.is_dir():
        return FolderOfFiles(path, TURN_SUFFIXES, read, out)
    if path.suffix.lower() == ".rttm":  # it names the recording that each of its turns belongs to
        return SharedFile(path, read)
    return OneFile(path, recordings, read)


def side_files(path: Path | None, suffixes: Sequence[str], out: Path | None) -> list[Path]:
    """Return the files that belong to recordings, as an option names them: one, or a folder; see `files_in`."""
    if path is None or not path.is_dir():
        return [] if path is None else [path]
    return [path / name for name in files_in(path, suffixes, out)]


def join_words(words: Words) -> str:
    """Return the words of a recording as one text."""
    return words if isinstance(words, str) else " ".join(turn.text for turn in words if turn.text)


def _words_reader(columns: Columns) -> Read[Words]:
    from emofuse.turns.turn_files import read_words

    return partial(read_words, named=columns)


def _has_times(path: Path, columns: Columns) -> bool:
    from emofuse.turns.turn_parsing import decode
    from emofuse.turns.turn_tables import is_turn_table

    return is_turn_table(decode(path), columns)


class _TimedTable:
    """A table of words with times, of one recording or of several that it names."""

    def __init__(self, table: Path, recordings: Sequence[Utterance], columns: Columns) -> None:
        from emofuse.turns.turn_parsing import decode
        from emofuse.turns.turn_tables import read_tables

        only = recordings[0] if len(recordings) == 1 else None
        length = unknown_length if only is None else length_of(only)
        lengths: dict[str | None, Length] = {
            one.audio.stem: length_of(one) for one in recordings if one.audio is not None
        }
        self._turns = read_tables(decode(table), table, length, columns, lengths)
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

    def __init__(self, table: Path, columns: Columns) -> None:
        from emofuse.data.corpora.user_table import read_columns

        named = {"audio" if field == "file" else field: name for field, name in columns.items()}

        self._table = table
        self._texts: dict[str, set[str]] = {}
        for row in read_columns(table, ("audio", "text"), named):
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
