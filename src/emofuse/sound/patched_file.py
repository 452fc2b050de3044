"""A file for libraries in C, whose first bytes may be other ones where a recorder did not finish them."""

from __future__ import annotations

import io
from pathlib import Path

# Of all places, a tebibyte: behind it, file systems begin to refuse.
FARTHEST = 1 << 40


class PatchedFile(io.RawIOBase):
    """A file to read, with another beginning of the same length.

    Args:
        path: of the file.
        head: replaces its first bytes; may be empty.
    """

    def __init__(self, path: Path, head: bytes = b"") -> None:
        self._file, self._head = path.open("rb"), head
        self._size = path.stat().st_size

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any place of it can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and return it; stay and return -1 where it is before the beginning or too far.

        A damaged header may ask for that. Libraries in C call this; they would print an exception and go on.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._size}[whence]
        return self._file.seek(base + offset) if 0 <= base + offset <= FARTHEST else -1

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any buffer will do
        """Read bytes into a buffer; return how many."""
        place = self._file.tell()
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view)
        patch = self._head[place : place + count]
        view[: len(patch)] = patch
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
