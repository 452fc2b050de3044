"""`emofuse predict` over archives: what fails, what is kept, what goes on after a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from exports import exported_folder
from small_corpus import write_tone

from emofuse import Prediction, Utterance, load
from emofuse.cli.main import run
from emofuse.cli.predict import journal
from emofuse.errors import RunError

BAD = 10


@pytest.fixture(scope="module")
def model() -> Path:
    return exported_folder()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of ten good recordings and ten bad ones, in folders of their own."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(10):
        write_tone(
            folder / f"day{number % 3}" / f"good{number}.wav", 200 + 50 * number, 0.3 + 0.02 * number, number
        )
    for number in range(BAD):
        (folder / "day1" / f"bad{number}.wav").write_bytes(b"bad" * number)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.split("\n") if line]


def test_ten_good_and_ten_bad_give_ten_results_ten_named_failures_and_code_1(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, archive, "--format", "jsonl")
    assert code == 1
    assert len({row["id"] for row in rows(out)}) == len(rows(out)) == 10
    failed = [line for line in err.splitlines() if line.startswith("failed ")]
    assert [line.split(":")[0] for line in failed] == [f"failed day1/bad{number}" for number in range(BAD)]
    assert len(failed) == len(err.splitlines())
    code, out, _ = call(capsys, "predict", model, archive, "--format", "jsonl", "--out", tmp_path / "out")
    assert (code, out) == (1, "")
    assert len(rows((tmp_path / "out" / "predictions.jsonl").read_text())) == 10


def test_batch_file_by_file_python_and_command_line_say_the_same(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path
) -> None:
    _, out, _ = call(capsys, "predict", model, archive, "--format", "jsonl")
    recognizer = load(model)
    many = {
        one.id: one
        for one in recognizer.predict_many(
            Utterance(str(row["id"]), audio=Path(str(row["audio"]))) for row in rows(out)
        )
    }
    for row in rows(out):
        _, alone, _ = call(capsys, "predict", model, row["audio"], "--format", "jsonl")
        together = many[str(row["id"])]
        assert isinstance(together, Prediction)
        said = recognizer.predict(str(row["audio"]))
        for other in (together.probabilities, said.probabilities, json.loads(alone)["probabilities"]):
            assert row["probabilities"] == pytest.approx(other, abs=1e-4)


def test_a_list_names_recordings_a_line(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    paths = sorted(archive.rglob("good*.wav"))
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in [*paths, archive / "gone.wav"]) + "\n")
    code, out, err = call(capsys, "predict", model, "--list", tmp_path / "list.txt", "--format", "jsonl")
    assert code == 1
    assert [row["audio"] for row in rows(out)] == [str(path) for path in paths]
    assert rows(out)[0]["id"] == "day0/good0"
    assert err.startswith("failed gone: ")
    (tmp_path / "empty.txt").write_text("\n")
    code, _, err = call(capsys, "predict", model, "--list", tmp_path / "empty.txt")
    assert (code, err) == (
        2,
        f"error: --list {tmp_path / 'empty.txt'}: is empty; write one path per line into it\n",
    )


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


def test_a_resumed_run_does_nothing_twice_and_drops_a_torn_line(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("predict", model, archive, "--format", "jsonl", "--out", tmp_path)
    call(capsys, *arguments)
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]) + lines[6][:20])
    from emofuse.cli.predict import inputs
    from emofuse.inference import utterance_stream as ready

    monkeypatch.setattr(inputs, "PART", 3)
    heard = []
    read = ready.read_clip
    monkeypatch.setattr(ready, "read_clip", lambda *given: heard.append(given[0].stem) or read(*given))
    code, _, err = call(capsys, *arguments, "--resume")
    assert code == 1  # what failed is tried, and named, again
    assert len(err.splitlines()) == BAD
    assert path.read_bytes() == whole
    # In order, day1 comes second: ten bad ones before its good ones. Six were done; the part of three in which the
    # seventh stands is predicted once more, and nothing before it but what had failed.
    assert 4 <= sum(stem.startswith("good") for stem in heard) <= 6
    assert len(heard) == len(set(heard))


def test_another_model_option_or_recording_does_not_go_on(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    import shutil

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


@pytest.mark.parametrize("option", ["--each", "--resume"])
def test_options_about_files_need_a_folder(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, option: str
) -> None:
    code, _, err = call(capsys, "predict", model, archive, option)
    assert (code, err) == (2, f"error: {option} requires an output folder; add --out\n")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to open here")
def test_on_a_terminal_there_is_a_bar_on_stderr_and_answers_stay_on_stdout(model: Path, archive: Path) -> None:
    terminal, stderr = os.openpty()
    command = ["predict", model, archive, "--format", "jsonl"]
    done = subprocess.run(
        [sys.executable, "-m", "emofuse", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm"},
    )
    os.close(stderr)
    shown = os.read(terminal, 1 << 20).decode()
    os.close(terminal)
    assert done.returncode == 1
    assert len(rows(done.stdout.decode())) == 10
    assert "x real time" in shown
    assert "failed day1/bad0" in shown
    assert "probabilities" not in shown


def spawned(model: Path, folder: Path, out: Path) -> subprocess.Popen[bytes]:
    command = ["predict", model, folder, "--format", "jsonl", "--out", out, "--resume"]
    return subprocess.Popen(
        [sys.executable, "-m", "emofuse", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_killed_again_and_again_it_comes_to_the_same_file(model: Path, tmp_path: Path) -> None:
    rng, chance = np.random.default_rng(0), random.Random(0)
    for number in range(400):
        samples = (0.1 * rng.normal(size=1600 + 80 * (number % 9))).astype(np.float32)
        soundfile.write(tmp_path / f"{number}.wav", samples, 16_000)
    whole = spawned(model, tmp_path, tmp_path / "whole")
    assert whole.wait() == 0, whole.stderr
    wanted = (tmp_path / "whole" / "predictions.jsonl").read_bytes()
    assert wanted.count(b"\n") == 400
    path, killed = tmp_path / "killed" / "predictions.jsonl", 0
    while True:
        process = spawned(model, tmp_path, tmp_path / "killed")
        # At a moment drawn by chance, once some more lines stand there.
        size = path.stat().st_size if path.exists() else 0
        enough = size + chance.randrange(1, len(wanted) // 4)
        while process.poll() is None and not (path.exists() and path.stat().st_size >= enough):
            time.sleep(0.002)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        assert wanted.startswith(path.read_bytes())
    assert process.returncode == 0, process.stderr
    assert killed >= 3
    assert path.read_bytes() == wanted


@pytest.mark.slow
def test_memory_does_not_grow_with_the_archive(model: Path, tmp_path: Path) -> None:
    peaks = []
    for count in (500, 5000):
        folder = tmp_path / str(count)
        source = write_tone(folder / "0.wav", 300, 0.2, 0)
        for number in range(1, count):
            os.link(source, folder / f"{number}.wav")
        code = (
            "import resource, sys; from emofuse.cli.main import run; assert run(sys.argv[1:]) == 0; "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        arguments = ["predict", model, folder, "--format", "jsonl", "--out", tmp_path / f"out{count}"]
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) / 1024)
    # Ten times as many files: no more than what their names take.
    assert peaks[1] - peaks[0] < 16
