"""Transcripts and turns of recordings: a table, a file for one recording, or a folder of such files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from emofuse.errors import CorpusError
from emofuse.types import Turn, Utterance

logger = logging.getLogger(__name__)

# The words of a recording: turns with times, or a text without.
Words: TypeAlias = Sequence[Turn] | str
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Transcripts of one recording; any other file is a table.
WORD_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")
TURN_SUFFIXES = (".rttm", ".csv", ".tsv", ".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")


class SideFiles(Protocol[T_co]):
    """Files that belong to recordings."""

    def __call__(self, utterance: Utterance) -> T_co | None:
        """Read what belongs to a recording; None if there is nothing."""

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""


def open_transcripts(path: Path, recordings: Sequence[Utterance]) -> SideFiles[Words]:
    """Open the transcripts of recordings, and check that they fit.

    Args:
        path: a table of files and texts; a transcript (TXT, SRT, VTT, JSON, TextGrid, EAF) of one recording; or a
            folder of such files, each with the stem of its recording.
        recordings: the recordings that should have a transcript.

    Raises:
        CorpusError: a file cannot be read, none of the recordings has a transcript, or there is one transcript
            for several recordings.
    """
    words: SideFiles[Words]
    if path.is_dir():
        words = _Folder(path, WORD_SUFFIXES, _read_words)
    elif path.suffix.lower() in WORD_SUFFIXES:
        words = _OneFile(path, recordings, _read_words)
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

    if path.is_dir():
        return _Folder(path, TURN_SUFFIXES, read_turns)
    if path.suffix.lower() == ".rttm":  # it names the recording that each of its turns belongs to
        return _Shared(path, read_turns)
    return _OneFile(path, recordings, read_turns)


def join_words(words: Words) -> str:
    """Return the words of a recording as one text."""
    return words if isinstance(words, str) else " ".join(turn.text for turn in words if turn.text)


def _read_words(path: Path) -> Words:
    from emofuse.turns.turn_files import read_words

    return read_words(path)


class _OneFile(Generic[T]):
    """A file that belongs to the only recording."""

    def __init__(self, path: Path, recordings: Sequence[Utterance], read: Callable[[Path], T]) -> None:
        if len(recordings) > 1:
            raise CorpusError(
                f"{path}: belongs to one recording, not to {len(recordings)}; name a folder of such files"
            )
        self._content = read(path)

    def __call__(self, utterance: Utterance) -> T | None:
        return self._content if self.has(utterance) else None

    def has(self, utterance: Utterance) -> bool:
        return utterance.audio is not None


class _Shared(Generic[T]):
    """A file with the turns of several recordings, by their stems."""

    def __init__(self, path: Path, read: Callable[[Path, str], T]) -> None:
        self._path, self._read = path, read

    def __call__(self, utterance: Utterance) -> T | None:
        return None if utterance.audio is None else self._read(self._path, utterance.audio.stem)

    def has(self, utterance: Utterance) -> bool:
        return utterance.audio is not None


class _Folder(Generic[T]):
    """A folder of files, each with the path, below the folder, or the stem of its recording."""

    def __init__(self, folder: Path, suffixes: Sequence[str] | None, read: Callable[[Path], T]) -> None:
        self._folder, self._read = folder, read
        self._paths: dict[str, list[str]] = {}
        for place, _, names in os.walk(folder):
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if not name.startswith(".") and (suffixes is None or suffix.lower() in suffixes):
                    path = os.path.relpath(os.path.join(place, name), folder)
                    below = os.path.splitext(path)[0].replace(os.sep, "/")
                    for key in {below, stem}:
                        self._paths.setdefault(key, []).append(path)

    def __call__(self, utterance: Utterance) -> T | None:
        if not self.has(utterance) or utterance.audio is None:
            return None
        paths = self._paths.get(utterance.id) or self._paths[utterance.audio.stem]
        if len(paths) > 1:
            raise CorpusError(
                f"{self._folder}: has {' and '.join(paths[:2])} for {utterance.id!r}; keep one of them"
            )
        return self._read(self._folder / paths[0])

    def has(self, utterance: Utterance) -> bool:
        return utterance.audio is not None and (utterance.id in self._paths or utterance.audio.stem in self._paths)


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
