"""Predictions in a folder: one file for all inputs, or one per input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call

from emofuse.cli.predict import journal


@pytest.mark.parametrize(("form", "suffix"), [("json", ".json"), ("csv", ".csv"), ("table", ".txt")])
def test_a_file_for_each_input(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, form: str, suffix: str
) -> None:
    code, out, _ = call(capsys, "predict", model, archive, "--format", form, "--out", tmp_path, "--each")
    assert (code, out) == (1, "")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {f"day{n % 3}/good{n}{suffix}" for n in range(10)} | {journal.RUN_RECORD}
    if form == "json":
        assert json.loads((tmp_path / "day0" / "good0.json").read_text())["id"] == "day0/good0"


def test_each_goes_on_where_files_are_missing(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    arguments = ("predict", model, archive, "--format", "json", "--out", tmp_path, "--each")
    call(capsys, *arguments)
    kept, missing = tmp_path / "day0" / "good0.json", tmp_path / "day0" / "good3.json"
    wanted = missing.read_text()
    kept.write_text("kept")
    missing.unlink()
    call(capsys, *arguments, "--resume")
    assert (kept.read_text(), missing.read_text()) == ("kept", wanted)


def test_a_csv_comes_of_an_archive_as_of_stdout(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    for form in ("csv", "json", "table"):
        _, out, _ = call(capsys, "predict", model, archive, "--format", form)
        call(capsys, "predict", model, archive, "--format", form, "--out", tmp_path / form)
        ending = "txt" if form == "table" else form
        assert (tmp_path / form / f"predictions.{ending}").read_text() == out
