"""Words and turns beside recordings: a table, a file for one recording, or a folder of such files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from emofuse.errors import CorpusError
from emofuse.types import Turn, Utterance

logger = logging.getLogger(__name__)

# What is said in a recording: turns with times, or a text without; None where nothing is known of it.
Said: TypeAlias = Sequence[Turn] | str
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Files of words for one recording; anything else is a table.
WORD_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")
TURN_SUFFIXES = (".rttm", ".csv", ".tsv", ".txt", ".srt", ".vtt", ".json", ".textgrid", ".eaf")


class Beside(Protocol[T_co]):
    """What lies beside recordings."""

    def __call__(self, utterance: Utterance) -> T_co | None:
        """Return what there is for a recording; None for nothing."""

    def knows(self, utterance: Utterance) -> bool:
        """Tell whether there is something, without reading it."""


Words: TypeAlias = Beside[Said]


def open_transcripts(path: Path, recordings: Sequence[Utterance]) -> Words:
    """Open what is said in recordings, and look whether it fits them.

    Args:
        path: a table of files and texts; a file of words (TXT, SRT, VTT, JSON) for one recording; or a folder of
            such files, each with the stem of its recording.
        recordings: for which there should be words.

    Raises:
        CorpusError: it cannot be read, has words for none of the recordings, or for one of several.
    """
    words: Words
    if path.is_dir():
        words = _Folder(path, WORD_SUFFIXES, _read_words)
    elif path.suffix.lower() in WORD_SUFFIXES:
        words = _OneFile(path, recordings, _read_words)
    else:
        words = _Table(path)
    missing = sum(not words.knows(recording) for recording in recordings)
    if missing == len(recordings):
        raise CorpusError(f"{path}: has words for none of the {missing} recordings; check its file names")
    if missing:
        logger.warning("%s has no words for %d of %d recordings", path, missing, len(recordings))
    return words


def open_turns(path: Path, recordings: Sequence[Utterance]) -> Beside[Sequence[Turn]]:
    """Open who speaks when: a file for one recording, or a folder of files, each with the stem of its recording.

    Raises:
        CorpusError: there is no such file, or it is one and there are several recordings.
    """
    from emofuse.turns.turn_files import read_turns

    if path.is_dir():
        return _Folder(path, TURN_SUFFIXES, read_turns)
    if path.suffix.lower() == ".rttm":  # it names the recording that each of its turns belongs to
        return _Shared(path, read_turns)
    return _OneFile(path, recordings, read_turns)


def one_text(said: Said) -> str:
    """Return what is said as one text."""
    return said if isinstance(said, str) else " ".join(turn.text for turn in said if turn.text)


def _read_words(path: Path) -> Said:
    from emofuse.turns.turn_files import read_words

    return read_words(path)


class _OneFile(Generic[T]):
    """A file that belongs to the one recording there is."""

    def __init__(self, path: Path, recordings: Sequence[Utterance], read: Callable[[Path], T]) -> None:
        if len(recordings) > 1:
            raise CorpusError(
                f"{path}: goes with one recording, not with {len(recordings)}; name a folder of such files"
            )
        self._held = read(path)

    def __call__(self, utterance: Utterance) -> T | None:
        return self._held if self.knows(utterance) else None

    def knows(self, utterance: Utterance) -> bool:
        return utterance.audio is not None


class _Shared(Generic[T]):
    """A file with something for each of several recordings, by their stems."""

    def __init__(self, path: Path, read: Callable[[Path, str], T]) -> None:
        self._path, self._read = path, read

    def __call__(self, utterance: Utterance) -> T | None:
        return None if utterance.audio is None else self._read(self._path, utterance.audio.stem)

    def knows(self, utterance: Utterance) -> bool:
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
        if not self.knows(utterance) or utterance.audio is None:
            return None
        paths = self._paths.get(utterance.id) or self._paths[utterance.audio.stem]
        if len(paths) > 1:
            raise CorpusError(
                f"{self._folder}: has {' and '.join(paths[:2])} for {utterance.id!r}; keep one of them"
            )
        return self._read(self._folder / paths[0])

    def knows(self, utterance: Utterance) -> bool:
        return utterance.audio is not None and (utterance.id in self._paths or utterance.audio.stem in self._paths)


class _Table:
    """A table that says what is said in which file, by path, else by file name, else by stem."""

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
                    # By a name that several rows share, nothing can be said.
                    raise CorpusError(
                        f"{self._table}: has several texts for {key!r}; give paths that tell the files apart"
                    )
                return next(iter(self._texts[key]))
        return None

    def knows(self, utterance: Utterance) -> bool:
        return self(utterance) is not None
