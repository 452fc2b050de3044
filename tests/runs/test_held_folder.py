"""A folder is one run's alone, and is not made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import RunError
from emofuse.runs.held_folder import holding_folder


def test_no_second_run_gets_a_folder_until_the_first_has_ended(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    for _ in range(2):
        with holding_folder(tmp_path / "deep" / "run"):
            with pytest.raises(RunError, match="another run is writing into it; wait for it"):
                holding_folder(tmp_path / "deep" / "run").__enter__()
            assert list((tmp_path / "deep" / "run").iterdir()) == []


def test_a_folder_that_is_gone_or_another_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holding_folder(folder) as held:
        held.refuse_another()
        folder.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(RunError, match=r"run: was removed or replaced while results were written to it"):
                held.refuse_another()
            folder.mkdir(exist_ok=True)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        holding_folder(tmp_path / "file").__enter__()
