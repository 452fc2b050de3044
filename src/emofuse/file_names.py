r"""Names of files that are not text: Python holds a byte of a name that it cannot decode as a lone surrogate.

JSON keeps such a name: the byte E9 is \udce9 in it, and `os.fsencode` makes the name of it again. Elsewhere it is
shown as \xe9.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache

SURROGATES = re.compile("[\ud800-\udfff]")
_BYTES = re.compile("[\udc80-\udcff]+")


def shown_name(text: str) -> str:
    r"""Return text that UTF-8 can encode.

    >>> shown_name("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return SURROGATES.sub(_shown, _as_utf8(text)) if SURROGATES.search(text) else text


def escaped_json(document: str) -> str:
    r"""Return a JSON document that UTF-8 can encode and that holds the same names.

    >>> escaped_json('"caf\udce9.wav"')
    '"caf\\udce9.wav"'
    """
    if not SURROGATES.search(document):
        return document
    return SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", _as_utf8(document))


def found_path(path: str) -> str:
    """Return a path as the disk spells it, where it exists in another spelling only; else the path itself.

    Accented letters may be one character or two (Unicode's NFC and NFD), separators those of Windows, and a path
    that is not UTF-8 may be written in Windows-1252.
    """
    spellings = [path]
    if SURROGATES.search(path):
        spellings.append(os.fsencode(path).decode("cp1252", "replace"))
    if os.sep != "\\":
        spellings += [one.replace("\\", os.sep) for one in spellings if "\\" in one]
    return next(filter(None, map(_on_disk, spellings)), path)


def _on_disk(path: str) -> str | None:
    """Return a path with each part as it is on the disk; None where there is no such file."""
    if os.path.lexists(path):
        return path
    reached = os.sep if os.path.isabs(path) else ""
    for part in filter(None, path.split(os.sep)):
        plain = os.path.join(reached, part)
        if not os.path.lexists(plain):
            name = _entries(reached or os.curdir).get(unicodedata.normalize("NFC", part))
            if name is None:
                return None
            plain = os.path.join(reached, name)
        reached = plain
    return reached


@lru_cache(maxsize=64)
def _entries(folder: str) -> dict[str, str]:
    """Return the names in a folder by their composed form."""
    try:
        return {unicodedata.normalize("NFC", name): name for name in os.listdir(folder)}
    except (OSError, ValueError):
        return {}


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"


def _as_utf8(text: str) -> str:
    """Return text in which the bytes that are UTF-8 after all, as under a POSIX locale, are characters."""
    return _BYTES.sub(lambda found: _bytes(found[0]).decode("utf-8", "surrogateescape"), text)


def _bytes(surrogates: str) -> bytes:
    return surrogates.encode("utf-8", "surrogateescape")
