"""Text of others on a terminal: what would move its cursor, colour it or turn lines around is shown escaped."""

from __future__ import annotations

import re

# Control characters, those behind ASCII too, the ends of lines, and what reverses the direction of text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def terminal_line(text: str) -> str:
    r"""Return text as one line that is safe to print.

    >>> print(terminal_line("a\x1b[2J\nb\u202e"))
    a\x1b[2J\x0ab\u202e
    """
    return _CONTROLS.sub(_escaped, text)


def terminal_text(text: str) -> str:
    """Return lines of text that are safe to print; see `terminal_line`."""
    return "\n".join(map(terminal_line, text.split("\n")))


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
