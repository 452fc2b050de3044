"""A cache on disk: values by the hash of everything that they depend on."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from emofuse import layout
from emofuse.errors import RunError
from emofuse.layout import cache_folder
from emofuse.untrusted.json_text import canonical_json

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
SUFFIX = ".safetensors"
CHECKSUM = "checksum"
# A file with a temporary name that is as old as this was left by a process that was killed.
ABANDONED_SECONDS = 3600.0
# Folders that are listed and pruned, as they can be computed again; the counts of scored folds cannot.
COMPUTED = ("features", "functionals", "copies", "transcripts")


def key_of(**inputs: Any) -> str:
    """Return the hash of the inputs of a value, each of them something that JSON can hold."""
    return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()


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


@dataclass
class ArrayCache:
    """Named arrays by key, a file each, for any number of processes.

    An entry is written under a temporary name and renamed, so that it is there whole or not at all; it holds a
    checksum of its numbers, so that a damaged one is detected and computed again. Numbers are read on demand, and
    at most `memory` bytes of them are kept in memory, which does not grow with the corpus.

    Attributes:
        kind: the folder below the cache's, such as "features".
        memory: how many bytes of entries are kept in memory, so that they need not be read again.
        hits: entries read so far.
        damaged: damaged entries so far.
    """

    kind: str
    memory: int = 0
    hits: int = 0
    damaged: int = 0
    _checked: set[str] = field(default_factory=set)
    _held: dict[str, dict[str, npt.NDArray[Any]]] = field(default_factory=dict)
    _held_bytes: int = 0

    def path(self, key: str) -> Path:
        """Return where an entry lies."""
        return cache_folder() / self.kind / key[:2] / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Return whether there is an entry, whole or damaged."""
        return self.path(key).is_file()

    def get(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """Return the arrays of an entry; None where there is none, or a damaged one, which is deleted."""
        if key in self._held:
            self.hits += 1
            return self._held[key]
        path = self.path(key)
        try:
            arrays: dict[str, npt.NDArray[Any]] = load_file(path)
            checksum = arrays.pop(CHECKSUM)
            if key not in self._checked and int(checksum[0]) != _checksum(arrays):
                raise ValueError("the numbers are not those that were written")
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, ValueError, LookupError):
            self.damaged += 1
            with contextlib.suppress(OSError):  # another process has deleted it, or it may only be read
                path.unlink()
            return None
        if key not in self._checked:
            with contextlib.suppress(OSError):  # for `prune`: not every file system notes when a file is read
                os.utime(path)
        self._checked.add(key)
        self.hits += 1
        self._hold(key, arrays)
        return arrays

    def _hold(self, key: str, arrays: dict[str, npt.NDArray[Any]]) -> None:
        size = sum(values.nbytes for values in arrays.values())
        if self._held_bytes + size <= self.memory:
            self._held[key] = arrays
            self._held_bytes += size

    def put(self, key: str, arrays: Arrays) -> None:
        """Write an entry, whole or not at all.

        Raises:
            RunError: it cannot be written.
        """
        whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
        checksum = np.array([_checksum(whole)], dtype=np.int64)
        layout.write_bytes(self.path(key), save(whole | {CHECKSUM: checksum}))


def _checksum(arrays: Arrays) -> int:
    total = 0
    for name in sorted(arrays):
        total = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), total)
        total = zlib.crc32(f"{name} {arrays[name].shape} {arrays[name].dtype}".encode(), total)
    return total


@dataclass(frozen=True)
class Kept:
    """A file of the cache: what kind of thing, how large, when it was last read or written."""

    path: Path
    kind: str
    size: int
    used: float


def kept() -> Iterator[Kept]:
    """Yield every entry of the cache, in the order of their paths; nothing else that lies in its folder."""
    folder = cache_folder()
    now = time.time()
    for path in sorted(path for kind in COMPUTED for path in (folder / kind).rglob("*")):
        try:
            state = path.stat()
        except OSError:  # another process has deleted or renamed it since
            continue
        being_written = path.name.startswith(".") and now - state.st_mtime < ABANDONED_SECONDS
        if stat.S_ISREG(state.st_mode) and not being_written:
            yield Kept(path, path.relative_to(folder).parts[0], state.st_size, max(state.st_atime, state.st_mtime))


def prune(largest: int = 0) -> tuple[int, int]:
    """Delete what was used longest ago until at most `largest` bytes are left; return files and bytes deleted.

    Raises:
        RunError: a file cannot be deleted.
    """
    files = sorted(kept(), key=lambda one: one.used)
    left = sum(one.size for one in files)
    count = freed = 0
    for one in files:
        if left <= largest:
            break
        try:
            one.path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{one.path}: cannot be deleted ({error.strerror})") from error
        left, count, freed = left - one.size, count + 1, freed + one.size
    return count, freed
