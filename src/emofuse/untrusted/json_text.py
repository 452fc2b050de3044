"""The one reader and the one writer of JSON: within bounds, and with finite numbers only."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from emofuse.errors import RunError
from emofuse.file_names import SURROGATES, escaped_json
from emofuse.untrusted.bounded_files import MOST_BYTES, read_bytes

# Levels of lists and objects within each other; what programs write has a dozen.
DEEPEST = 64
MOST_DIGITS = 40
# Control characters that JSON does not escape by itself: a terminal would obey them.
_ESCAPED = re.compile("[\x7f-\x9f]")


def parse_json(text: str | bytes, finite: bool = True) -> Any:
    """Return the value of a JSON text.

    >>> parse_json('{"ua": 0.5}')
    {'ua': 0.5}

    Args:
        text: as UTF-8, or decoded.
        finite: refuse NaN and Infinity, which are not JSON, but which programs of others write.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or holds a number that is too large or is none; the
            message says which.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    constants = _refuse_constant if finite else None
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=constants)
    except RecursionError as error:
        raise ValueError(_too_deep()) from error
    if text.count("[") + text.count("{") > DEEPEST:
        _refuse_deep(value)
    return value


def read_json(path: Path, most_bytes: int = MOST_BYTES, finite: bool = True) -> Any:
    """Return the value of a JSON file; see `parse_json`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or `parse_json` refuses it.
    """
    return parse_json(read_bytes(path, most_bytes), finite)


def read_json_object(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return the object of a JSON file; see `read_json`, which also refuses what is no object."""
    value = read_json(path, most_bytes)
    if not isinstance(value, dict):
        raise ValueError("it does not hold one JSON object")
    return value


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON that UTF-8 can encode; of names that are not text, see `emofuse.file_names`.

    Control characters are escaped.

    Raises:
        RunError: a number is not finite.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError as error:
        raise RunError(f"a result holds what is no number ({error}), so that it is not written") from error
    text = escaped_json(text) if SURROGATES.search(text) else text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def canonical_json(value: Any, otherwise: Callable[[Any], Any] | None = None) -> str:
    """Return a value as JSON in ASCII with its keys in order, for hashes and comparisons.

    Args:
        value: something that JSON can hold.
        otherwise: makes that of anything else.

    Raises:
        TypeError: there is something else in it.
    """
    return json.dumps(value, sort_keys=True, default=otherwise)


def _too_deep() -> str:
    return f"it is nested in more than {DEEPEST} levels"


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"it holds a number that is too large ({digits[:MOST_DIGITS]})")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no number")


def _refuse_deep(value: Any) -> None:
    """Refuse lists and objects within each other beyond what is sensible, level by level."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ValueError(_too_deep())
