"""`python -m emofuse` and the command `emofuse`."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from io import TextIOWrapper

from emofuse.cli.main import run
from emofuse.layout import cache_folder
from emofuse.privacy import keep_fonts_in
from emofuse.threads import wait_passively

# Exit codes above this one are those of signals.
STOPPED = 128


def take_any_name() -> None:
    """Let no name of a file end the program because the locale cannot write it.

    What a pipe or a file gets is UTF-8, as files of results are; a terminal keeps its encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def main() -> None:
    """Run the command line and exit with its code."""
    take_any_name()
    wait_passively()  # before a command imports torch
    with suppress(RuntimeError):  # a user without a home folder
        keep_fonts_in(cache_folder() / "matplotlib")  # before one imports matplotlib
    code = run(sys.argv[1:])
    if code > STOPPED:  # it has said so; an impatient second signal need not say it again
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


if __name__ == "__main__":
    main()
