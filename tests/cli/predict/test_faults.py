"""The border of each input: whatever goes wrong there is its failure, and the others go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import call
from noise_bursts import ENERGY, rows
from small_corpus import write_tone

from emofuse.data.preparation import Batch, Outputs
from emofuse.errors import RunError
from emofuse.inference import utterance_stream
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.timeline import compose
from emofuse.layout import cache_folder
from emofuse.sound.clips import Clip


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for number in range(3):
        write_tone(tmp_path / "three" / f"{number}.wav", 200 + 100 * number, 0.3, number)
    return tmp_path / "three"


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program fail on the second recording."""
    read = utterance_stream.read_clip

    def failing(path: Path, *given: object, **named: object) -> Clip:
        if path.name == "1.wav":
            raise KeyError("planted")
        return read(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(utterance_stream, "read_clip", failing)


def test_a_fault_of_the_program_is_one_failure_and_its_traceback_lies_in_a_file(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    three: Path,
    planted: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    code, out, err = call(capsys, "predict", model, three, "--format", "jsonl")
    assert code == 1
    assert [row["id"] for row in rows(out)] == ["0", "2"]
    assert "emofuse itself failed on it (KeyError: 'planted'); please report it, with the traceback" in err
    assert "Traceback" not in err
    assert f"the traceback of a fault of emofuse is in {cache_folder() / 'faults.log'}" in err
    log = (cache_folder() / "faults.log").read_text()
    assert "Traceback (most recent call last):" in log
    assert "in failing" in log


def test_a_timeline_that_the_program_fails_on_is_one_failure(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    find = compose.find_turns

    def failing(path: Path, options: object) -> object:
        if path.name == "talk0.wav":
            raise ZeroDivisionError
        return find(path, options)  # type: ignore[arg-type]

    monkeypatch.setattr(compose, "find_turns", failing)
    code, out, err = call(capsys, "predict", model, talks, *ENERGY, "--timeline", "--format", "csv")
    assert code == 1
    assert {line.split(",")[0] for line in out.splitlines()[1:]} == {"talk1"}
    assert "talk0.wav: emofuse itself failed on it (ZeroDivisionError: ZeroDivisionError)" in err


def test_what_the_file_system_refuses_is_the_failure_of_the_file(
    capsys: pytest.CaptureFixture[str], model: Path, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = utterance_stream.read_clip

    def failing(path: Path, *given: object, **named: object) -> Clip:
        if path.name == "0.wav":
            raise OSError(5, "Input/output error")
        if path.name == "2.wav":
            raise MemoryError
        return read(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(utterance_stream, "read_clip", failing)
    code, out, err = call(capsys, "predict", model, three, "--format", "jsonl")
    assert (code, [row["id"] for row in rows(out)]) == (1, ["1"])
    assert "0.wav: cannot be read (Input/output error); check the file and its permissions" in err
    assert "2.wav: does not fit into memory" in err


def test_only_those_of_a_batch_fail_that_fail_alone(
    capsys: pytest.CaptureFixture[str], model: Path, three: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    run = OnnxRuntime.__call__
    loud: list[int] = []

    def failing(self: OnnxRuntime, batch: Batch) -> Outputs:
        if len(batch) > 1:
            raise ValueError("not together")
        loud.append(len(loud))
        if len(loud) == 2:
            raise ValueError("not this one")
        return run(self, batch)

    monkeypatch.setattr(OnnxRuntime, "__call__", failing)
    code, out, err = call(capsys, "predict", model, three, "--format", "jsonl")
    assert (code, [row["id"] for row in rows(out)]) == (1, ["0", "2"])
    assert "(ValueError: not this one)" in err
    assert np.isfinite([row["confidence"] for row in rows(out)]).all()


def test_what_concerns_more_than_one_input_ends_the_run(
    capsys: pytest.CaptureFixture[str], model: Path, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path, *given: object, **named: object) -> Clip:
        raise RunError("everything is wrong")

    monkeypatch.setattr(utterance_stream, "read_clip", failing)
    assert call(capsys, "predict", model, three) == (2, "", "error: everything is wrong\n")
