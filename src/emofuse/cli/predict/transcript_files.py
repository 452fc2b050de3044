"""Transcripts and turns of recordings: a table, a file for one recording, or a folder of such files."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from emofuse.errors import CorpusError, EmofuseError
from emofuse.types import Turn, Utterance

logger = logging.getLogger(__name__)

# The words of a recording: turns with times, or a text without.
Words: TypeAlias = Sequence[Turn] | str
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
# How long a recording is, in seconds; None where that is unknown.
Length: TypeAlias = Callable[[], float | None]
# Reads a file for the recording of a stem and a length.
Read: TypeAlias = Callable[[Path, str | None, Length], T]

# Transcripts of one recording; any other file is a table.
WORD_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")
TABLE_SUFFIXES = (".csv", ".tsv")
TURN_SUFFIXES = (".rttm", *TABLE_SUFFIXES, *WORD_SUFFIXES)
# What may stand between a recording's name and the suffix of a file that belongs to it: `talk.en.srt`.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})?", re.IGNORECASE)


class SideFiles(Protocol[T_co]):
    """Files that belong to recordings."""

    def __call__(self, utterance: Utterance) -> T_co | None:
        """Read what belongs to a recording; None if there is nothing."""

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""


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
        words = _Folder(path, (*WORD_SUFFIXES, *TABLE_SUFFIXES), _read_words)
    elif path.suffix.lower() in TABLE_SUFFIXES and _has_times(path):
        words = _TimedTable(path, recordings)
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
        return _Folder(path, TURN_SUFFIXES, read)
    if path.suffix.lower() == ".rttm":  # it names the recording that each of its turns belongs to
        return _Shared(path, read)
    return _OneFile(path, recordings, read)


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


def _length_of(utterance: Utterance) -> Length:
    """Return a function that measures a recording, which is called only if its length matters."""

    def measure() -> float | None:
        from emofuse.sound.clips import seconds_of

        try:
            return None if utterance.audio is None else seconds_of(utterance.audio)
        except EmofuseError:
            return None  # predicting it reports the reason

    return measure


class _OneFile(Generic[T]):
    """A file that belongs to the only recording."""

    def __init__(self, path: Path, recordings: Sequence[Utterance], read: Read[T]) -> None:
        if len(recordings) > 1:
            raise CorpusError(
                f"{path}: belongs to one recording, not to {len(recordings)}; name a folder of such files"
            )
        stem = recordings[0].audio.stem if recordings and recordings[0].audio else None
        self._content = read(path, stem, _length_of(recordings[0]) if recordings else _unknown)

    def __call__(self, utterance: Utterance) -> T | None:
        return self._content if self.has(utterance) else None

    def has(self, utterance: Utterance) -> bool:
        return utterance.audio is not None


def _unknown() -> float | None:
    return None


class _Shared(Generic[T]):
    """A file with the turns of several recordings, by their stems."""

    def __init__(self, path: Path, read: Read[T]) -> None:
        self._path, self._read = path, read

    def __call__(self, utterance: Utterance) -> T | None:
        if utterance.audio is None:
            return None
        return self._read(self._path, utterance.audio.stem, _length_of(utterance))

    def has(self, utterance: Utterance) -> bool:
        return utterance.audio is not None


class _Folder(Generic[T]):
    """A folder of files, each with the path, below the folder, or the stem of its recording.

    Between the stem and the suffix there may be a suffix of the recording or a language: `talk.wav.srt`,
    `talk.en.srt`.
    """

    def __init__(self, folder: Path, suffixes: Sequence[str], read: Read[T]) -> None:
        from emofuse.sound.clips import AUDIO_SUFFIXES

        self._folder, self._read = folder, read
        self._paths: dict[str, list[str]] = {}
        self._loosely: dict[str, list[str]] = {}
        for place, _, names in os.walk(folder):
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if name.startswith(".") or suffix.lower() not in suffixes:
                    continue
                path = os.path.relpath(os.path.join(place, name), folder)
                below = os.path.splitext(path)[0].replace(os.sep, "/")
                for key in {below, stem}:
                    self._paths.setdefault(key, []).append(path)
                    shorter, between = os.path.splitext(key)
                    if between.lower() in AUDIO_SUFFIXES or _LANGUAGE.fullmatch(between[1:]):
                        self._loosely.setdefault(shorter, []).append(path)

    def __call__(self, utterance: Utterance) -> T | None:
        paths = self._paths_of(utterance)
        if not paths:
            return None
        if len(paths) > 1:
            raise CorpusError(
                f"{self._folder}: has {' and '.join(paths[:2])} for {utterance.id!r}; keep one of them"
            )
        return self._read(self._folder / paths[0], None, _length_of(utterance))

    def has(self, utterance: Utterance) -> bool:
        return bool(self._paths_of(utterance))

    def _paths_of(self, utterance: Utterance) -> Sequence[str]:
        if utterance.audio is None:
            return ()
        names = (utterance.id, utterance.audio.stem)
        return next((where[name] for where in (self._paths, self._loosely) for name in names if name in where), ())


class _TimedTable:
    """A table of words with times, of one recording or of several that it names."""

    def __init__(self, table: Path, recordings: Sequence[Utterance]) -> None:
        from emofuse.turns.turn_parsing import decode
        from emofuse.turns.turn_tables import read_tables

        only = recordings[0] if len(recordings) == 1 else None
        self._turns = read_tables(decode(table), table, _unknown if only is None else _length_of(only))
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
