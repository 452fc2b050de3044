"""What would drive a terminal is shown, not obeyed; other text stays as it is."""

from __future__ import annotations

import pytest

from emofuse.untrusted.terminal_text import terminal_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("one\r\ntwo\tthree", "one\\x0d\\x0atwo\\x09three"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2028", "\\u2028"),
        ("Zoë \N{GRINNING FACE} 日本", "Zoë \N{GRINNING FACE} 日本"),
        ("", ""),
    ],
)
def test_controls_are_escaped(text: str, shown: str) -> None:
    assert terminal_line(text) == shown
