"""What several processes of one test run share: made by the first that needs it, read by all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of this test run, which one process fills and nobody changes afterwards.

    Args:
        name: of the folder.
        make: fills it, where it does not exist yet.
    """
    room = Path(os.environ["EMOFUSE_TESTS_SHARED"])  # see conftest.py
    folder, unfinished = room / name, room / f"{name}.unfinished"
    with FileLock(room / f"{name}.lock"):
        if not folder.exists():
            make(unfinished)
            unfinished.rename(folder)
    return folder
