"""Lines for people on stdout and stderr: ids, texts and names of others cannot drive the terminal."""

from __future__ import annotations

import typer

from emofuse.untrusted.terminal_text import terminal_text


def echo(text: str, err: bool = False) -> None:
    """Print lines of text; control characters in them are shown escaped."""
    typer.echo(terminal_text(text), err=err)
