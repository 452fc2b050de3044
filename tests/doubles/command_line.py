"""The command line called as in a shell, in this process or in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from emofuse.cli.main import run


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run a command; return its exit code, and what it printed on stdout and on stderr."""
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def without_progress(stderr: str) -> str:
    """Return what a process printed on stderr but for the lines on its progress, which come every few seconds."""
    return re.sub(r"(?m)^.*, \d+ %(, .*)?\n", "", stderr)


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "emofuse", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"},
    )
