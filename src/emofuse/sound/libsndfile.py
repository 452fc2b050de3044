"""The door to libsndfile: files of any name, and nothing on the terminal from its MP3 decoder."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

# How the lines begin that libmpg123 prints on stderr.
CHATTER = re.compile(rb"\[src/libmpg123/|Note: |Warning: |\s*$")
STDERR = 2
MPEG = "MP3"
# How soundfile gets a path: its own encoding is strict, and refuses names in other encodings than the system's.
encoded_name: Callable[[Path], str | bytes] = str if os.name == "nt" else os.fsencode


class _Diversion:
    """Turns the standard error of the process aside while any thread decodes MP3.

    What others write meanwhile follows when the last of them is done. What the decoder prints is dropped, and so
    are empty lines, and lines of others that begin like its own.
    """

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._own = -1
        self._aside: IO[bytes] | None = None

    def enter(self) -> None:
        """Turn it aside, unless another thread has done so."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            try:
                self._aside = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by `leave`
                self._own = os.dup(STDERR)
            except OSError:  # there is no stderr, or no room: then the decoder may print
                self._close()
                return
            os.dup2(self._aside.fileno(), STDERR)

    def leave(self) -> None:
        """Turn it back, unless another thread still decodes."""
        with self._lock:
            self._users -= 1
            if self._users or self._aside is None:
                return
            os.dup2(self._own, STDERR)
            os.close(self._own)
            self._aside.seek(0)
            kept = [line for line in self._aside.read().splitlines(keepends=True) if not CHATTER.match(line)]
            self._close()
        if kept:
            os.write(STDERR, b"".join(kept))

    def _close(self) -> None:
        if self._aside is not None:
            self._aside.close()
        self._aside = None


_diversion = _Diversion()


@contextmanager
def hushed(form: str) -> Iterator[None]:
    """Keep what libmpg123 prints off the terminal.

    Args:
        form: what the block decodes; nothing is done but for MP3.
    """
    if form != MPEG:
        yield
        return
    _diversion.enter()
    try:
        yield
    finally:
        _diversion.leave()
