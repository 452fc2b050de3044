"""Walks through a folder and its subfolders, the same for recordings and for the files that belong to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

HIDDEN = "."


class FolderWalk:
    """A walk through a folder, that follows links, each folder once, and does not go into hidden folders.

    Args:
        folder: where it begins.
        without: a folder below it that is left out, with all that lies in it.

    Attributes:
        unread: the folders that could not be opened so far.
        hidden: the hidden folders so far.
    """

    def __init__(self, folder: Path, without: Path | None = None) -> None:
        self.unread: list[str] = []
        self.hidden: list[str] = []
        self._folder, self._without = folder, without

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each folder with the names of its files, sorted."""
        seen = {_identity(self._without)} if self._without is not None and self._without.exists() else set()
        for place, folders, names in os.walk(
            self._folder, onerror=lambda error: self.unread.append(str(error.filename)), followlinks=True
        ):
            identity = _identity(place)
            if identity in seen:  # a link leads back
                folders.clear()
                continue
            seen.add(identity)
            self.hidden += [os.path.join(place, name) for name in sorted(folders) if name.startswith(HIDDEN)]
            folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN))
            yield place, sorted(names)


def _identity(folder: str | Path) -> tuple[int, int]:
    state = os.stat(folder)
    return state.st_dev, state.st_ino
