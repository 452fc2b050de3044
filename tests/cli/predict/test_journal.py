"""The record of a run: what is resumed, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import call

from emofuse.cli.predict import inputs, journal
from emofuse.errors import RunError


def test_a_resumed_run_does_nothing_twice_and_drops_a_torn_line(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("predict", model, archive, "--format", "jsonl", "--out", tmp_path)
    call(capsys, *arguments)
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]) + lines[6][:20])
    from emofuse.inference import utterance_stream as ready

    monkeypatch.setattr(inputs, "PART", 3)
    heard = []
    read = ready.read_clip
    monkeypatch.setattr(
        ready, "read_clip", lambda *given, **named: heard.append(given[0].stem) or read(*given, **named)
    )
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 1  # what failed is tried, and named, again
    assert len(err.splitlines()) == 10
    assert path.read_bytes() == whole
    # In order, day1 comes second: ten bad ones before its good ones. Six were done; the part of three in which the
    # seventh stands is predicted once more, and nothing before it but what had failed.
    assert 4 <= sum(stem.startswith("good") for stem in heard) <= 6
    assert len(heard) == len(set(heard))


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
    begun = json.loads((tmp_path / journal.RUN_RECORD).read_text())
    assert begun["complete"]
    (tmp_path / journal.RUN_RECORD).write_text(json.dumps(begun | {"complete": False}))
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "has an interrupted run; add --resume" in err
    (tmp_path / journal.RUN_RECORD).unlink()
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 2
    assert "has predictions, but no record of their model" in err


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"id": "a"}\n')
    with pytest.raises(RunError, match="holds something other than predictions"):
        journal.Journal(path, resume=True)
    path.write_text('{"id": "a", "audio": null, "probabilities": {}}\nnonsense\n')
    with pytest.raises(RunError, match="holds something other than predictions"):
        journal.Journal(path, resume=True)


def test_ids_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert journal.file_of(tmp_path, "a/b", ".json") == tmp_path / "a" / "b.json"
    for name in ("../b", "/etc/passwd", "a/../../b"):
        with pytest.raises(RunError, match="leads out of"):
            journal.file_of(tmp_path, name, ".json")
