"""Predictions in a folder: one file for all inputs, or one per input."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command_line import call

from emofuse import layout
from emofuse.cli.predict.result_files import file_of
from emofuse.errors import RunError

OF_THE_RUN = {"predictions.run.json", "predictions.journal.jsonl", "failures.csv"}


@pytest.mark.parametrize(("form", "suffix"), [("json", ".json"), ("csv", ".csv"), ("table", ".txt")])
def test_a_file_for_each_input(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, form: str, suffix: str
) -> None:
    code, out, _ = call(capsys, "predict", model, archive, "--format", form, "--out", tmp_path, "--each")
    assert (code, out) == (1, "")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {f"day{n % 3}/good{n}{suffix}" for n in range(10)} | OF_THE_RUN
    if form == "json":
        assert json.loads((tmp_path / "day0" / "good0.json").read_text())["id"] == "day0/good0"


def test_each_goes_on_where_files_are_missing(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    arguments = ("predict", model, archive, "--format", "json", "--out", tmp_path, "--each")
    call(capsys, *arguments)
    kept, missing = tmp_path / "day0" / "good0.json", tmp_path / "day0" / "good3.json"
    wanted = missing.read_text()
    number = kept.stat().st_ino
    missing.unlink()
    call(capsys, *arguments, "--resume")
    assert (kept.stat().st_ino, missing.read_text()) == (number, wanted)


def test_a_csv_comes_of_an_archive_as_of_stdout(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    for form in ("csv", "json", "table"):
        _, out, _ = call(capsys, "predict", model, archive, "--format", form)
        call(capsys, "predict", model, archive, "--format", form, "--out", tmp_path / form)
        ending = "txt" if form == "table" else form
        assert (tmp_path / form / f"predictions.{ending}").read_text() == out


def test_ids_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert file_of(tmp_path, "a/b", ".json") == tmp_path / "a" / "b.json"
    for name in ("../b", "/etc/passwd", "a/../../b"):
        with pytest.raises(RunError, match="leads out of"):
            file_of(tmp_path, name, ".json")


def test_no_two_ids_share_a_file(tmp_path: Path) -> None:
    same = ["a/b", "a//b", "a/./b", "./a/b", "c/../a/b", f"{tmp_path}/a/b"]
    assert len({file_of(tmp_path, name, ".json") for name in same}) == len(same)


@pytest.mark.parametrize("letter", ["a", "é", "\udce9"])
def test_a_name_that_is_too_long_is_shortened_and_stays_unique(tmp_path: Path, letter: str) -> None:
    most = 255 // len(os.fsencode(letter))
    names = [letter * most + ending for ending in ("", "1", "2")]
    paths = [file_of(tmp_path, f"day/{name}", ".json") for name in names]
    assert len(set(paths)) == 3
    for path in paths:
        assert len(os.fsencode(path.name)) <= 160 + len("~123456789012.json")
        assert path.parent == tmp_path / "day"
        layout.write_text(path, "{}")
    exact = letter * ((255 - len(".json")) // len(os.fsencode(letter)))
    layout.write_text(file_of(tmp_path, exact, ".json"), "{}")
    assert (tmp_path / f"{exact}.json").is_file()


def test_no_result_takes_the_name_of_a_file_of_the_run(tmp_path: Path) -> None:
    for name, suffix in (("predictions.run", ".json"), ("failures", ".csv"), ("predictions", ".csv")):
        path = file_of(tmp_path, name, suffix)
        assert (path.parent, path.name.startswith(f"{name}~")) == (tmp_path, True)
    assert file_of(tmp_path, "day/failures", ".csv") == tmp_path / "day" / "failures.csv"
