"""`emofuse predict` over archives: what fails, what is printed where, what a killed run leaves."""

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
from command_line import call
from noise_bursts import ENERGY, rows
from small_corpus import write_tone

from emofuse import Prediction, Utterance, load
from emofuse.data.asr_engines import ENGINES, Transcript
from emofuse.sound.clips import Clip


class EnglishEngine:
    """An engine that knows English only."""

    name = "english"
    version = "1"
    languages = frozenset({"en"})

    def __init__(self, model: str = "") -> None:
        assert not model

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        return Transcript.of("hello", "en", ())


def test_a_language_that_the_engine_does_not_know_is_refused_or_noted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENGINES, "english", EnglishEngine)
    audio = write_tone(tmp_path / "a.wav", 200, 0.4, 0)
    code, _, err = call(capsys, "predict", model, audio, "--asr", "english", "--language", "de")
    assert (code, err.strip()) == (2, "error: --language de: english does not know it; choose another --asr")
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({"id": "a", "audio": "a.wav", "language": "de"}) + "\n")
    code, out, err = call(capsys, "predict", model, manifest, "--asr", "english", "--format", "jsonl")
    assert rows(out)[0]["text"] is None
    assert "english does not know the language 'de'" in " ".join(err.split())


def test_ten_good_and_ten_bad_give_ten_results_ten_named_failures_and_code_1(
    capsys: pytest.CaptureFixture[str], model: Path, archive: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, archive, "--format", "jsonl")
    assert code == 1
    assert len({row["id"] for row in rows(out)}) == len(rows(out)) == 10
    failed = [line for line in err.splitlines() if line.startswith("failed ")]
    assert [line.split(":")[0] for line in failed] == [f"failed day1/bad{number}" for number in range(10)]
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


def test_a_long_recording_is_answered_from_its_segments_in_python_too(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path
) -> None:
    talk = talks / "talk0.wav"
    _, out, _ = call(capsys, "predict", model, talk, *ENERGY, "--format", "json")
    (answer,) = json.loads(out)
    assert answer["segments"]["n"] == 8
    _, out, _ = call(capsys, "predict", model, talk, *ENERGY, "--timeline", "--format", "json")
    timeline = json.loads(out)
    assert answer["probabilities"] == pytest.approx(timeline["probabilities"], abs=1e-9)
    assert answer["segments"]["speech_seconds"] == timeline["speech_seconds"]


def spawned(model: Path, folder: Path, out: Path) -> subprocess.Popen[bytes]:
    command = ["predict", model, folder, "--any-sound", "--format", "jsonl", "--out", out, "--resume"]
    return subprocess.Popen(
        [sys.executable, "-m", "emofuse", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_killed_again_and_again_it_comes_to_the_same_file(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    rng, chance = np.random.default_rng(0), random.Random(0)
    for number in range(200):
        samples = (0.1 * rng.normal(size=1600 + 80 * (number % 9))).astype(np.float32)
        soundfile.write(tmp_path / f"{number}.wav", samples, 16_000)
    options = ("--any-sound", "--format", "jsonl", "--out", tmp_path / "whole")
    assert call(capsys, "predict", model, tmp_path, *options)[0] == 0
    wanted = (tmp_path / "whole" / "predictions.jsonl").read_bytes()
    assert wanted.count(b"\n") == 200
    path, killed = tmp_path / "killed" / "predictions.jsonl", 0
    while True:
        process = spawned(model, tmp_path, tmp_path / "killed")
        # At a moment drawn by chance, once some more lines stand there.
        size = path.stat().st_size if path.exists() else 0
        enough = size + chance.randrange(1, len(wanted) // 3)
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
