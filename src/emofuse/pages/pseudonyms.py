"""Pseudonyms: stand for names on pages that leave the house; the key to them stays."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emofuse.errors import RunError

Kind = Literal["speaker", "recording", "utterance", "session", "corpus"]
KEY_FILE = "pseudonyms.key"
KEY_BYTES = 32
# Of 5 bits each: pseudonyms are names of files too, so that no two names of an archive may have the same.
LETTERS = 12


@dataclass(frozen=True)
class Pseudonyms:
    """Gives each name a pseudonym, the same one for the same name everywhere, as long as the key is the same.

    Attributes:
        key: what the pseudonyms are made with. Who does not have it cannot find a name by trying names.
    """

    key: bytes = field(repr=False)

    @classmethod
    def kept_in(cls, folder: Path) -> Pseudonyms:
        """Return the pseudonyms of the key in a folder; the first call makes the key.

        Raises:
            RunError: the key cannot be written or read, or is damaged.
        """
        path = folder / KEY_FILE
        try:
            if not path.is_file():
                _make_key(path)
            key = path.read_bytes()
        except OSError as error:
            raise RunError(f"{path}: the key of the pseudonyms cannot be kept ({error.strerror})") from error
        if len(key) != KEY_BYTES:
            raise RunError(f"{path}: is damaged; delete it, and names get other pseudonyms than before")
        return cls(key)

    def of(self, kind: Kind, name: str) -> str:
        """Return the pseudonym of a name.

        >>> Pseudonyms(bytes(32)).of("speaker", "Ann")
        'speaker-rax246lnleby'
        """
        message = f"{kind}:{name}".encode("utf-8", "surrogatepass")
        digest = hmac.new(self.key, message, hashlib.sha256).digest()
        return f"{kind}-{base64.b32encode(digest)[:LETTERS].decode().lower()}"


def without_names(text: str, pseudonyms: Mapping[str, str]) -> str:
    """Return a text with the pseudonym in place of each name that stands in it as a word of its own.

    >>> without_names("Ann and Anna: no turn of Ann", {"Ann": "speaker-x"})
    'speaker-x and Anna: no turn of speaker-x'
    """
    names = sorted((name for name in pseudonyms if name.strip()), key=len, reverse=True)
    if not names:
        return text
    pattern = "|".join(map(re.escape, names))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", lambda match: pseudonyms[match[0]], text)


def _make_key(path: Path) -> None:
    """Write a new key, whole or not at all; where another process was first, its key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{KEY_FILE}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        if not path.exists():
            os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)
