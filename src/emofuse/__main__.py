"""`python -m emofuse` and the command `emofuse`."""

from __future__ import annotations

import sys

from emofuse.cli.main import run
from emofuse.threads import wait_passively


def main() -> None:
    """Run the command line and exit with its code."""
    wait_passively()  # before a command imports torch
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
