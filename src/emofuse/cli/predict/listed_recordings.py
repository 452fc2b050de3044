"""The recordings that a folder or a list stands for; what cannot be listed becomes an input that fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from emofuse.cli.predict.folder_walk import HIDDEN, FolderWalk
from emofuse.errors import CorpusError
from emofuse.file_names import found_path, shown_name
from emofuse.sound.clips import AUDIO_SUFFIXES
from emofuse.sound.containers import sounds_like_a_recording
from emofuse.turns.turn_parsing import content_of, encoding_of, listed

QUOTES = ('"', "'")

logger = logging.getLogger(__name__)


class Recording(NamedTuple):
    """A recording of an archive: the little that is kept in memory of each."""

    id: str
    audio: str


def recordings_in(folder: Path) -> list[Recording]:
    """Return the recordings of a folder and of its subfolders, sorted by their paths.

    Links are followed. Broken ones, and folders that cannot be opened, are there too, and fail when they are read.
    Recordings with unusual names, or without a suffix, are found by how they begin. Hidden ones are left out.

    Raises:
        CorpusError: there are none.
    """
    walk = FolderWalk(folder)
    found = [
        path
        for place, names in walk
        for path in (os.path.join(place, name) for name in names)
        if _is_recording(path)
    ]
    shown = [path for path in found if not os.path.basename(path).startswith(HIDDEN)]
    _warn_of_hidden(folder, len(found) - len(shown), walk.hidden)
    paths = [*shown, *walk.unread]
    if not paths:
        raise CorpusError(f"{folder}: the folder has no recordings ({', '.join(AUDIO_SUFFIXES)})")
    paths.sort(key=lambda path: path.split(os.sep))
    return [Recording(_identity(os.path.relpath(path, folder)), path) for path in paths]


def recordings_of_list(path: Path) -> list[Recording]:
    """Return the recordings of a list, one path per line, relative to where the command runs.

    It is UTF-8 or UTF-16; paths may stand in quotes, and be written as on Windows.

    Raises:
        CorpusError: it cannot be read, is empty, or is no list.
    """
    content = content_of(path, f"--list {path}")
    try:
        text = content.decode(encoding_of(content), errors="surrogateescape")
    except UnicodeDecodeError as error:  # UTF-16 has no surrogates to escape to
        raise CorpusError(f"--list {path}: is damaged UTF-16; save it as UTF-8") from error
    if "\0" in text and ("\n" in text or not text.endswith("\0")):  # else it is from `find -print0`
        raise CorpusError(f"--list {path}: is no list; write one path per line into it")
    lines = (line.rstrip("\r") for line in text.split("\0" if "\0" in text else "\n"))
    paths = [_listed_path(line) for line in lines if line.strip()]
    if not paths:
        raise CorpusError(f"--list {path}: is empty; write one path per line into it")
    common = os.path.commonpath({os.path.dirname(os.path.abspath(one)) for one in paths})
    return [Recording(_identity(os.path.relpath(os.path.abspath(one), common)), one) for one in paths]


def _listed_path(line: str) -> str:
    if os.path.lexists(line):
        return line
    path = line.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in QUOTES:
        path = path[1:-1]
    return found_path(path)


def _has_recordings(folder: str) -> bool:
    """Tell whether a hidden folder has files that are called like recordings; it stops at the first."""
    return any(name.lower().endswith(AUDIO_SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def _warn_of_hidden(folder: Path, files: int, folders: Sequence[str]) -> None:
    """Warn of recordings that are hidden, or lie in hidden folders."""
    named = [shown_name(os.path.relpath(one, folder)) for one in folders if _has_recordings(one)]
    what = [*([str(files)] if files else ()), *([f"those in {listed(named)}"] if named else ())]
    if what:
        logger.warning(
            "%s: hidden recordings are left out (%s); name them to have them predicted",
            folder,
            ", and ".join(what),
        )


def _is_recording(path: str) -> bool:
    """Tell whether a file is called like a recording or, if it is not hidden, begins like one."""
    name = os.path.basename(path)
    if name.lower().endswith(AUDIO_SUFFIXES):
        return True
    try:
        return not name.startswith(HIDDEN) and os.path.isfile(path) and sounds_like_a_recording(Path(path))
    except OSError:
        return False


def _identity(path: str) -> str:
    return os.path.splitext(path)[0].replace(os.sep, "/")
