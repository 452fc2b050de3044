"""Predictions of other systems: tables, JSON Lines, lists."""

from __future__ import annotations

from pathlib import Path

from emofuse.runs.labelled_utterances import LabelledUtterance
from emofuse.runs.submission import check_submission
from emofuse.runs.submitted_files import read_submitted

TESTED = [LabelledUtterance(f"u{n}", "sad" if n % 2 else "angry", n % 2 + 1) for n in range(4)]


def submission(data: bytes, folder: Path) -> None:
    (folder / "predictions").write_bytes(data)
    submitted = read_submitted(folder / "predictions")
    check_submission(submitted, ("angry", "sad"), TESTED, {one.id for one in TESTED}).figures()


READERS = [submission]
