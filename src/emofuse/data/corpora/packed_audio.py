"""Recordings that are packed into a dataset as bytes: each becomes a file, under the hash of its content."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from emofuse import layout

EXTENSION = re.compile(r"\.[a-z0-9]{1,5}")
# How a recording without a name begins: extension, position of the mark, mark.
MARKS = (
    (".wav", 8, b"WAVE"), (".flac", 0, b"fLaC"), (".ogg", 0, b"OggS"), (".mp3", 0, b"ID3"),
    (".mp3", 0, b"\xff\xfb"), (".mp3", 0, b"\xff\xf3"), (".aiff", 8, b"AIFF"), (".m4a", 4, b"ftyp"),
)  # fmt: skip


def unpack(name: str, content: bytes, folder: Path) -> Path | str:
    """Write a recording into a folder, whole or not at all; what is there with the same content is left alone.

    The name of the file is the hash of its content: no name within a dataset can lead out of the folder, and a
    recording that a dataset has twice is one file. The extension is that of `name`, else that of its format.

    Returns:
        Where it lies, or why it cannot be used.

    Raises:
        RunError: the folder cannot be written.
    """
    if not content:
        return "the packed recording is empty"
    named = os.path.splitext(name)[1].lower()
    sniffed = next((mark[0] for mark in MARKS if content.startswith(mark[2], mark[1])), "")
    extension = named if EXTENSION.fullmatch(named) else sniffed
    if not extension:
        return "the packed recording has no name, and its format is unknown"
    target = folder.absolute() / (hashlib.sha256(content).hexdigest()[:32] + extension)
    if not _holds(target, content):
        layout.write_bytes(target, content)
    return target


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:  # there is no such file, or it cannot be read and is written again
        return False
