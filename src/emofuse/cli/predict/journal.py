"""The journal of a run over many inputs: a line for each that was tried, with the hashes that --resume needs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal, get_args

from emofuse import layout
from emofuse.errors import RunError
from emofuse.types import Utterance
from emofuse.untrusted.json_text import canonical_json, parse_json

# Lies beside the predictions.
JOURNAL = "predictions.journal.jsonl"
Status = Literal["predicted", "withheld", "no speech", "failed"]
CHECK = "check"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: an input, and what became of it.

    Attributes:
        id: of the input.
        audio: the path of its recording.
        input: a hash of the recording and of what a manifest says of it; see `input_digest`.
        answer: the SHA-256 of its line or file of results; None where it failed.
        status: what the prediction is, or `failed`.
        seconds: of sound.
        reason: why it failed.
    """

    id: str
    audio: str | None
    input: str
    answer: str | None
    status: Status
    seconds: float = 0.0
    reason: str | None = None

    def as_line(self) -> bytes:
        """Return the line, with a checksum."""
        fields = asdict(self)
        return canonical_json(fields | {CHECK: _checksum(fields)}).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Entry | None:
        """Return the entry of a line; None where the line is damaged."""
        try:
            fields: dict[str, Any] = parse_json(line)
            check = fields.pop(CHECK)
            entry = cls(**fields)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None
        known = check == _checksum(fields) and entry.status in get_args(Status)
        return entry if known and line.endswith(b"\n") else None


class Journal:
    """Entries on disk, each before the next input is predicted.

    Attributes:
        path: the file.

    Raises:
        RunError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_to_add(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            RunError: it cannot be written.
        """
        add_line(self._file, self.path, entry.as_line())

    def entries(self) -> dict[str, Entry]:
        """Return the last entry of each id; see `read_entries`."""
        return read_entries(self.path)

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace all entries.

        Raises:
            RunError: they cannot be written.
        """
        self._file.close()
        layout.write_bytes(self.path, b"".join(entry.as_line() for entry in entries))
        self._file = open_to_add(self.path)


def read_entries(path: Path) -> dict[str, Entry]:
    """Return the last entry of each id; damaged lines are left out, and counted in a warning.

    Raises:
        RunError: the file cannot be read.
    """
    entries: dict[str, Entry] = {}
    damaged = 0
    try:
        with path.open("rb") as file:
            for line in file:
                entry = Entry.of_line(line)
                if entry is not None:
                    entries[entry.id] = entry
                elif line.endswith(b"\n"):  # else it was being written when the run was killed
                    damaged += 1
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); run it again, with --resume") from error
    if damaged:
        logger.warning("%s: %d damaged lines; their inputs are predicted again", path, damaged)
    return entries


def open_to_add(path: Path) -> Any:
    """Open a file that lines are added to, and that is emptied by nothing.

    Raises:
        RunError: it cannot be written.
    """
    try:
        return path.open("ab")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error


def add_line(file: Any, path: Path, line: bytes) -> None:
    """Write a line to the disk.

    Raises:
        RunError: the disk is full.
    """
    try:
        file.write(line)
        file.flush()
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror}); free some space, and add --resume"
        ) from error


def input_digest(utterance: Utterance) -> str:
    """Return a hash of everything that an input's prediction depends on: its recording, span, text and speaker.

    A recording that cannot be read has a hash of its own kind: when it can be read, the hash is another one.
    """
    audio = None if utterance.audio is None else content_digest(utterance.audio)
    said = [utterance.start, utterance.end, utterance.text, utterance.language, utterance.speaker]
    return hashlib.sha256(canonical_json([audio, *said]).encode()).hexdigest()


def content_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file's content; None where it cannot be read."""
    try:
        state = path.stat()
        if not S_ISREG(state.st_mode):
            return None
        return _digest(path, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=16)  # spans of one recording follow one another
def _digest(path: Path, state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(fields: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()[:16]
