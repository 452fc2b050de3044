"""The record of a run: what may be continued, and what is not overwritten unasked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command_line import call

from emofuse import EmotionRecognizer, load
from emofuse.cli.predict.predict_options import OutputOptions, PredictOptions, SegmentOptions, TextOptions
from emofuse.cli.predict.run_record import RUN_RECORD, run_identity


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


def test_files_beside_recordings_are_those_that_are_read_and_no_results(tmp_path: Path) -> None:
    options = PredictOptions(
        text=TextOptions(transcripts=tmp_path),
        segments=SegmentOptions(turns=tmp_path),
        output=OutputOptions(folder=tmp_path / "out"),
    )

    recognizer = load()

    def asked(options: PredictOptions = options) -> tuple[object, object]:
        identity = run_identity(options, recognizer, None)
        return identity["transcripts"], identity["turns"]

    (tmp_path / "a.txt").write_text("no")
    first = asked()
    for name in ("a.wav", "out/a.json", "out/deep/a.csv", ".hidden.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no")
    assert asked() == first
    (tmp_path / "a.rttm").write_text("no")
    assert (asked()[0], asked()[1] == first[1]) == (first[0], False)
    (tmp_path / "b.csv").write_text("no")
    assert asked()[0] != first[0]
    beside = PredictOptions(text=TextOptions(transcripts=tmp_path / "out"), output=options.output)
    second = asked(beside)
    (tmp_path / "out" / "predictions.csv").write_text("no")
    assert asked(beside) == second  # the folder itself, but for what the run writes


def test_an_unreadable_file_beside_recordings_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("no")
    options = PredictOptions(text=TextOptions(transcripts=tmp_path / "words"))
    recognizer = EmotionRecognizer(load().predictor)  # without folders, whose files are read too
    first = run_identity(options, recognizer, None)["transcripts"]
    monkeypatch.setattr("emofuse.data.cache.file_digest", failing)
    second = run_identity(options, recognizer, None)["transcripts"]
    assert first != second


def test_a_run_with_its_results_below_its_transcripts_goes_on(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    for name in ("low", "high"):
        (wavs / f"{name}.txt").write_text("no")
    arguments = ("predict", model, wavs, "--transcripts", wavs, "--format", "json", "--each")
    assert call(capsys, *arguments, "--out", wavs / "out")[0] == 0
    (wavs / "out" / "low.json").unlink()
    assert call(capsys, *arguments, "--out", wavs / "out", "--resume")[0] == 0
    assert (wavs / "out" / "low.json").is_file()
