"""The names of the files of results: each input has one of its own, whatever its id."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from emofuse import layout
from emofuse.errors import RunError
from emofuse.file_names import shown_name

# Most file systems allow a name so many bytes.
LONGEST_NAME_BYTES = 255
# A longer name keeps so many, then come a tilde and so many digits of the hash of its id.
KEPT_NAME_BYTES, HASH_DIGITS = 160, 12
# What lies in an output folder beside the results begins like this, or is called like this.
RESERVED_STEM, RESERVED_NAMES = "predictions.", ("failures.csv",)


def file_ending(form: str) -> str:
    """Return what the files of a format end in, without the dot."""
    return "txt" if form == "table" else form


def place_of(out: Path, form: str) -> Path:
    """Return where the predictions of all inputs are in a format."""
    return (out / layout.PREDICTIONS).with_suffix(f".{file_ending(form)}")


def is_of_the_run(name: str) -> bool:
    """Tell whether a file in an output folder belongs to the run itself, not to one input."""
    return name.startswith(RESERVED_STEM) or name in RESERVED_NAMES


def file_of(out: Path, identity: str, suffix: str) -> Path:
    """Return the path of one input's file, which lies in the folder whatever the id of the input.

    A name that is too long for a file system, that belongs to the run itself, or that is of another id, as `a/b`
    is for `a//b`, is the beginning of that name, a tilde and a hash of the whole id.

    Raises:
        RunError: the id leads out of the folder.
    """
    path, root = (Path(os.path.normpath(one)) for one in (out / f"{identity}{suffix}", out))
    if not path.is_relative_to(root) or path == root:
        raise RunError(f"{shown_name(identity)}: the id leads out of the folder {out}; rename it")
    of_the_run = path.parent == root and is_of_the_run(path.name)
    plain = path.relative_to(root).as_posix() == f"{identity}{suffix}"
    if plain and not of_the_run and len(os.fsencode(path.name)) <= LONGEST_NAME_BYTES:
        return path
    stem = path.name.removesuffix(suffix)
    while len(os.fsencode(stem)) > KEPT_NAME_BYTES:
        stem = stem[:-1]
    unique = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
    return path.with_name(f"{stem}~{unique}{suffix}")
