"""Files that belong to recordings: one for one, one for several, or a folder of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from emofuse.cli.predict.folder_walk import HIDDEN, FolderWalk
from emofuse.cli.predict.result_files import is_of_the_run
from emofuse.errors import CorpusError, EmofuseError
from emofuse.turns.language_codes import is_language, language_code
from emofuse.types import Turn, Utterance

# The words of a recording: turns with times, or a text without.
Words: TypeAlias = Sequence[Turn] | str
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
# How long a recording is, in seconds; None where that is unknown.
Length: TypeAlias = Callable[[], float | None]
# Reads a file for the recording of a stem and a length.
Read: TypeAlias = Callable[[Path, str | None, Length], T]

# What may stand between a recording's name and the suffix of a file that belongs to it: `talk.en.srt`.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})?", re.IGNORECASE)


class SideFiles(Protocol[T_co]):
    """Files that belong to recordings."""

    def __call__(self, utterance: Utterance) -> T_co | None:
        """Read what belongs to a recording; None if there is nothing."""

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""

    def language_of(self, utterance: Utterance) -> str | None:
        """Return the language that the name of its file states, as in `talk.de.srt`; None for none."""


def length_of(utterance: Utterance) -> Length:
    """Return a function that measures a recording, which is called only if its length matters."""

    def measure() -> float | None:
        from emofuse.sound.clips import seconds_of

        try:
            return None if utterance.audio is None else seconds_of(utterance.audio)
        except EmofuseError:
            return None  # predicting it reports the reason

    return measure


def unknown_length() -> float | None:
    """Measure a recording whose length is not known."""
    return None


def _language_in(path: Path) -> str | None:
    """Return the language that stands before the suffix of a file's name."""
    before = Path(path.stem).suffix.removeprefix(".")
    return language_code(before) if is_language(before) else None


def files_in(folder: Path, suffixes: Sequence[str], out: Path | None) -> Iterator[str]:
    """Yield the paths, relative to a folder, of the files below it that may belong to recordings.

    Args:
        folder: the folder.
        suffixes: of these files, in small letters.
        out: where results are written: they belong to no recording, even if they lie below the folder.
    """
    within = out is not None and out.exists() and out.samefile(folder)
    for place, names in FolderWalk(folder, without=None if within else out):
        for name in names:
            hidden = name.startswith(HIDDEN) or os.path.splitext(name)[1].lower() not in suffixes
            if not hidden and not (within and place == str(folder) and is_of_the_run(name)):
                yield os.path.relpath(os.path.join(place, name), folder)


class OneFile(Generic[T]):
    """A file that belongs to the only recording."""

    def __init__(self, path: Path, recordings: Sequence[Utterance], read: Read[T]) -> None:
        if len(recordings) > 1:
            raise CorpusError(
                f"{path}: belongs to one recording, not to {len(recordings)}; name a folder of such files"
            )
        stem = recordings[0].audio.stem if recordings and recordings[0].audio else None
        self._language = _language_in(path)
        self._content = read(path, stem, length_of(recordings[0]) if recordings else unknown_length)

    def __call__(self, utterance: Utterance) -> T | None:
        """Read what belongs to a recording; None if there is nothing."""
        return self._content if self.has(utterance) else None

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""
        return utterance.audio is not None

    def language_of(self, utterance: Utterance) -> str | None:
        """Return the language that the name of its file states; None for none."""
        return self._language


class SharedFile(Generic[T]):
    """A file with the turns of several recordings, by their stems."""

    def __init__(self, path: Path, read: Read[T]) -> None:
        self._path, self._read = path, read

    def __call__(self, utterance: Utterance) -> T | None:
        """Read what belongs to a recording; None if there is nothing."""
        if utterance.audio is None:
            return None
        return self._read(self._path, utterance.audio.stem, length_of(utterance))

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""
        return utterance.audio is not None

    def language_of(self, utterance: Utterance) -> str | None:
        """Return the language that the name of its file states; None for none."""
        return None


class FolderOfFiles(Generic[T]):
    """A folder of files, each with the path, below the folder, or the stem of its recording.

    Between the stem and the suffix there may be a suffix of the recording or a language: `talk.wav.srt`,
    `talk.en.srt`. See `files_in` for the arguments.
    """

    def __init__(self, folder: Path, suffixes: Sequence[str], read: Read[T], out: Path | None = None) -> None:
        from emofuse.sound.clips import AUDIO_SUFFIXES

        self._folder, self._read = folder, read
        self._paths: dict[str, list[str]] = {}
        self._loosely: dict[str, list[str]] = {}
        for path in files_in(folder, suffixes, out):
            below = os.path.splitext(path)[0].replace(os.sep, "/")
            for key in {below, os.path.basename(below)}:
                self._paths.setdefault(key, []).append(path)
                shorter, between = os.path.splitext(key)
                if between.lower() in AUDIO_SUFFIXES or _LANGUAGE.fullmatch(between[1:]):
                    self._loosely.setdefault(shorter, []).append(path)

    def __call__(self, utterance: Utterance) -> T | None:
        """Read what belongs to a recording; None if there is nothing."""
        paths = self._paths_of(utterance)
        if not paths:
            return None
        if len(paths) > 1:
            raise CorpusError(
                f"{self._folder}: has {' and '.join(paths[:2])} for {utterance.id!r}; keep one of them"
            )
        return self._read(self._folder / paths[0], None, length_of(utterance))

    def has(self, utterance: Utterance) -> bool:
        """Tell whether something belongs to a recording, without reading it."""
        return bool(self._paths_of(utterance))

    def language_of(self, utterance: Utterance) -> str | None:
        """Return the language that the name of its file states; None for none."""
        paths = self._paths_of(utterance)
        return _language_in(Path(paths[0])) if paths else None

    def _paths_of(self, utterance: Utterance) -> Sequence[str]:
        if utterance.audio is None:
            return ()
        names = (utterance.id, utterance.audio.stem)
        return next((where[name] for where in (self._paths, self._loosely) for name in names if name in where), ())
