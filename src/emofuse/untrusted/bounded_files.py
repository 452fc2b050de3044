"""Files read whole, of a size that was looked at first; and folders out of which no link leads."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from emofuse.errors import CheckpointError

# Configurations, calibrations, records, cards: the largest known are below a megabyte.
MOST_BYTES = 32 * 2**20


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a pipe or a device, or larger than it may be; the message says which.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes:,} bytes")
    return content


def mapped_file(path: Path) -> memoryview:
    """Return the bytes of a regular file, of which each is read when it is asked for.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is a pipe, a device or a folder, or empty.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or not state.st_size:
            raise ValueError("is no file that holds anything")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """Return the content of a regular file of UTF-8; see `read_bytes`."""
    return read_bytes(path, most_bytes).decode("utf-8")


def refuse_links_outside(folder: Path) -> None:
    """Refuse a model folder in which a link leads to a place outside of it.

    The snapshots of the Hub's cache are links to the files of their own model, and these are inside.

    Raises:
        CheckpointError: there is such a link, or one that leads nowhere.
    """
    home = folder.resolve()
    inside = home.parents[1] if home.parent.name == "snapshots" else home
    try:
        entries = sorted(os.scandir(home), key=lambda entry: entry.name)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be read ({error.strerror}); name a model folder") from error
    for entry in entries:
        if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(inside):
            raise CheckpointError(
                f"{folder / entry.name}: is a link to a place outside of the model's folder, which is not "
                "followed; put the file itself there"
            )


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer does not wait for one."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
