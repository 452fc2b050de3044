"""`python -m emofuse` and the command `emofuse`."""

from __future__ import annotations

import sys
from contextlib import suppress

from emofuse.cli.main import run
from emofuse.layout import cache_folder
from emofuse.privacy import keep_fonts_in
from emofuse.threads import wait_passively


def main() -> None:
    """Run the command line and exit with its code."""
    wait_passively()  # before a command imports torch
    with suppress(RuntimeError):  # a user without a home folder
        keep_fonts_in(cache_folder() / "matplotlib")  # before one imports matplotlib
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
