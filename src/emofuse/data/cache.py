"""What is costly to compute is kept by the hash of everything that it depends on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Return where things are kept: `EMOFUSE_CACHE`, else `~/.cache/emofuse`."""
    given = os.environ.get("EMOFUSE_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "emofuse"


def key_of(**inputs: Any) -> str:
    """Return the hash of the inputs of a value, each of them something that JSON can hold."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; a file that has not changed since is read once a process.

    Raises:
        OSError: the file cannot be read.
    """
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=1 << 20)
def _digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
