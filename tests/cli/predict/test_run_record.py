"""The record of a run: what may be continued, and what is not overwritten unasked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command_line import call

from emofuse.cli.predict.run_record import RUN_RECORD


def test_another_model_option_or_recording_does_not_go_on(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("--format", "jsonl", "--out", out, "--resume")
    call(capsys, "predict", model, archive, *arguments)
    other = Path(shutil.copytree(model, tmp_path / "other"))
    (other / "calibration.json").unlink()
    for changed, word in (
        (("predict", other, archive), "different model"),
        (("predict", model, archive, "--allow-missing"), "different allow_missing"),
        (("predict", model, archive, "--segmentation", "windows"), "different segmentation"),
    ):
        code, printed, err = call(capsys, *changed, *arguments)
        assert (code, printed) == (2, "")
        assert word in err
        assert len(err.splitlines()) == 1
    moved = Path(shutil.copytree(archive, tmp_path / "moved"))
    code, _, err = call(capsys, "predict", model, moved, *arguments)
    assert code == 2
    assert "is the recording" in err


def test_a_run_that_was_stopped_is_not_overwritten_unasked(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    arguments = ("predict", model, archive, "--format", "jsonl", "--out", tmp_path)
    call(capsys, *arguments)
    assert call(capsys, *arguments)[0] == 1  # one that came to its end may be made anew
    begun = json.loads((tmp_path / RUN_RECORD).read_text())
    assert begun["complete"]
    (tmp_path / RUN_RECORD).write_text(json.dumps(begun | {"complete": False}))
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "has an interrupted run; add --resume" in err
    (tmp_path / RUN_RECORD).unlink()
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 2
    assert "has predictions, but no record of their model" in err


def test_a_run_that_failed_before_its_first_result_is_in_nobodys_way(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    bad, good = archive / "day1" / "bad1.wav", archive / "day0" / "good0.wav"
    code, _, err = call(capsys, "predict", model, bad, "--format", "jsonl", "--out", tmp_path)
    assert code == 2
    assert err.splitlines()[-1].startswith("error: ")
    assert (tmp_path / "failures.csv").read_text().count("\n") == 2
    assert call(capsys, "predict", model, good, "--format", "jsonl", "--out", tmp_path)[0] == 0


def test_two_runs_do_not_write_into_one_folder(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    fcntl = pytest.importorskip("fcntl")
    number = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_EX)
    code, _, err = call(capsys, "predict", model, archive, "--out", tmp_path)
    os.close(number)
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "another run is writing into it" in err
