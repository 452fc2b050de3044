"""A file whose first bytes are other ones, for libraries that read what a recorder did not finish."""

from __future__ import annotations

import io
from pathlib import Path


class PatchedFile(io.RawIOBase):
    """A file to read, with another beginning of the same length.

    Args:
        path: of the file.
        head: replaces its first bytes.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        self._file, self._head = path.open("rb"), head
        self._size = path.stat().st_size

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any place of it can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; one before the beginning, which a damaged header may ask for, is passed over.

        libsndfile calls this, so that an error would only be printed.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._size}[whence]
        return self._file.tell() if base + offset < 0 else self._file.seek(base + offset)

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
