"""`emofuse predict --timeline`: formats, words, turns and channels as its users meet them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from exports import exported_folder

from emofuse import Prediction, load
from emofuse.cli.main import run
from emofuse.cli.predict.formats import TimelineFormatName
from emofuse.inference.timeline.formats import TIMELINE_FORMATS

RATE = 16_000


@pytest.fixture(scope="module")
def model() -> Path:
    return exported_folder()


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two recordings of 34 s, in which somebody speaks now and then."""
    folder = tmp_path_factory.mktemp("talks")
    for number in range(2):
        soundfile.write(folder / f"talk{number}.wav", _bursts(number), RATE)
    return folder


def _bursts(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loud = np.tile(np.repeat((0.0005, 0.3), 2 * RATE), 9)[: 34 * RATE]
    return (loud * rng.uniform(-1, 1, len(loud))).astype(np.float32)


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


ENERGY = ("--segmentation", "energy")


def test_json_is_one_document_of_one_recording_and_a_list_of_several(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path
) -> None:
    arguments = (*ENERGY, "--timeline", "--format", "json")
    code, out, err = call(capsys, "predict", model, talks / "talk0.wav", *arguments)
    assert (code, err) == (0, "")
    one = json.loads(out)
    assert one["segmentation"] == "energy"
    assert len(one["segments"]) == 8
    assert one["answer"] == "mean of the segments, weighted by their seconds"
    _, out, _ = call(capsys, "predict", model, talks, *arguments)
    several = json.loads(out)
    assert [each["id"] for each in several] == ["talk0", "talk1"]
    assert several[0]["segments"] == one["segments"]


def test_csv_of_several_has_one_header(capsys: pytest.CaptureFixture[str], model: Path, talks: Path) -> None:
    _, out, _ = call(capsys, "predict", model, talks, *ENERGY, "--timeline", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["id"] for row in rows] == ["talk0"] * 8 + ["talk1"] * 8


@pytest.mark.parametrize("form", [*TIMELINE_FORMATS, "page"])
def test_each_format_on_stdout_is_the_file_in_the_folder(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path, form: str
) -> None:
    talk = talks / "talk0.wav"
    arguments = (*ENERGY, "--timeline", "--format", form)
    code, out, _ = call(capsys, "predict", model, talk, *arguments)
    assert code == 0
    code, nothing, _ = call(capsys, "predict", model, talk, *arguments, "--out", tmp_path)
    assert (code, nothing) == (0, "")
    (file,) = tmp_path.glob("talk0.*")
    assert len(out) > 100
    assert file.read_text() == out


def test_formats_that_hold_one_recording_need_a_folder_for_several(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "predict", model, talks, *ENERGY, "--format", "srt")
    assert (code, out) == (2, "")
    assert "stdout can hold one timeline, not 2; add --out" in err
    assert call(capsys, "predict", model, talks, *ENERGY, "--format", "srt", "--out", tmp_path)[0] == 0
    assert {path.name for path in tmp_path.glob("*.srt")} == {"talk0.srt", "talk1.srt"}
    code, _, err = call(capsys, "predict", model, talks / "talk0.wav", "--format", "picture")
    assert (code, err) == (2, "error: --format picture: cannot be written to stdout; add --out\n")


def test_a_recording_that_fails_is_named_and_the_rest_is_done_and_not_done_again(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    gone = talks / "gone.wav"
    arguments = ("predict", model, talks, gone, *ENERGY, "--format", "vtt", "--out", tmp_path)
    code, _, err = call(capsys, *arguments)
    assert code == 1
    assert err.startswith("failed gone: ")
    assert len(err.splitlines()) == 1
    (tmp_path / "talk0.vtt").write_text("kept")
    (tmp_path / "talk1.vtt").unlink()
    assert call(capsys, *arguments, "--resume")[0] == 1
    assert (tmp_path / "talk0.vtt").read_text() == "kept"
    assert (tmp_path / "talk1.vtt").read_text().startswith("WEBVTT")
    code, _, err = call(capsys, *arguments, "--resume", "--smooth", "3")
    assert code == 2
    assert "different smooth" in err


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


def test_words_with_times_go_to_their_segments_and_without_to_a_short_recording(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    said = tmp_path / "words"
    said.mkdir()
    (said / "talk0.srt").write_text("1\n00:00:02,200 --> 00:00:03,800\nso lonely\n")
    (said / "talk1.txt").write_text("a wonderful table")
    arguments = ("--transcripts", said, "--format", "json")
    _, out, _ = call(capsys, "predict", model, talks, *ENERGY, "--timeline", *arguments)
    first, second = json.loads(out)
    assert [segment["text"] for segment in first["segments"]] == ["so lonely"] + [None] * 7
    assert first["notes"] == ["7 of 8 segments have no text: their predictions are from sound alone"]
    assert "has no times" in second["notes"][0]
    _, out, _ = call(capsys, "predict", model, talks, *ENERGY, *arguments)
    first, second = json.loads(out)
    assert (first["modalities"], first["text_unused"]) == (["audio", "text"], None)
    assert second["modalities"] == ["audio"]
    assert "nobody knows which of them the text belongs to" in second["text_unused"]
    short = tmp_path / "short.wav"
    soundfile.write(short, _bursts(0)[2 * RATE : 4 * RATE], RATE)
    one = ("--transcripts", said / "talk1.txt", "--format", "json")
    _, out, _ = call(capsys, "predict", model, short, *one)
    assert json.loads(out)[0]["text"] == "a wonderful table"
    expected = load(model).predict(short, text="a wonderful table")
    assert isinstance(expected, Prediction)
    assert json.loads(out)[0]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
    code, _, err = call(capsys, "predict", model, talks, *one)
    assert code == 2
    assert "belongs to one recording, not to 2" in err


def test_words_that_cannot_be_read_fail_one_recording_only(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    (tmp_path / "talk0.json").write_text("{")
    (tmp_path / "talk1.txt").write_text("a table")
    for mode in ((), ("--timeline",)):
        arguments = (*ENERGY, "--transcripts", tmp_path, "--format", "json")
        code, out, err = call(capsys, "predict", model, talks, *mode, *arguments)
        assert code == 1
        assert "failed talk0: " in err
        assert "talk1" in out


def test_turns_and_speakers_come_from_files(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    rttm = tmp_path / "who.rttm"
    lines = [
        f"SPEAKER talk{n} 1 {start} 2.0 <NA> <NA> {who} <NA> <NA>"
        for n in (0, 1)
        for start, who in ((2, "A"), (6, "B"))
    ]
    rttm.write_text("\n".join(lines) + "\n")
    arguments = ("--timeline", "--format", "json")
    _, out, _ = call(capsys, "predict", model, talks, "--turns", rttm, *arguments)
    first, _ = json.loads(out)
    assert [(s["start"], s["speaker"]) for s in first["segments"]] == [(2.0, "A"), (6.0, "B")]
    assert first["segmentation"] == "given"
    _, out, _ = call(capsys, "predict", model, talks, "--speakers", rttm, *ENERGY, *arguments)
    first, second = json.loads(out)
    assert [s["speaker"] for s in first["segments"]][:2] == ["A", "B"]
    assert {s["speaker"] for s in second["segments"]} == {"A", "B", None}


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a call: one speaks at even moments, the other at odd ones, and the second line carries the first."""
    rng = np.random.default_rng(5)
    first = np.tile(np.repeat((0.0005, 0.3), 2 * RATE), 4) * rng.uniform(-1, 1, 16 * RATE)
    second = np.tile(np.repeat((0.3, 0.0005), 2 * RATE), 4) * rng.uniform(-1, 1, 16 * RATE)
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, np.stack([first, second + 0.1 * first], axis=1).astype(np.float32), RATE)
    return path


def test_channels_of_a_call_have_timelines_of_their_own_and_bleed_is_passed_over(
    capsys: pytest.CaptureFixture[str], model: Path, conversation: Path, tmp_path: Path
) -> None:
    arguments = (*ENERGY, "--timeline", "--channels", "caller=0,customer=1", "--format", "json")
    code, out, err = call(capsys, "predict", model, conversation, *arguments)
    assert (code, err) == (0, "")
    caller, customer = json.loads(out)
    assert [caller["id"], customer["id"]] == ["call-caller", "call-customer"]
    assert [round(s["start"]) for s in caller["segments"]] == [2, 6, 10, 14]
    assert {s["speaker"] for s in customer["segments"]} == {"customer"}
    bleed = [p for p in customer["passed"] if "bleed from channel caller" in p["reason"]]
    assert [round(p["start"]) for p in bleed] == [2, 6, 10, 14]
    for segment in customer["segments"]:
        assert segment["start"] % 4 < 2.5
    call(capsys, "predict", model, conversation, *arguments, "--analyse", "customer", "--out", tmp_path)
    assert {path.name for path in tmp_path.glob("call*")} == {"call-customer.json"}
    assert json.loads((tmp_path / "call-customer.json").read_text()) == customer


def test_the_channel_of_somebody_at_work_is_refused_unless_asked_for(
    capsys: pytest.CaptureFixture[str], model: Path, conversation: Path
) -> None:
    arguments = ("--timeline", *ENERGY, "--channels", "agent=0,customer=1", "--format", "json")
    code, out, err = call(capsys, "predict", model, conversation, *arguments)
    assert (code, out) == (2, "")
    assert "prohibited" in err
    assert call(capsys, "predict", model, conversation, *arguments, "--analyse", "customer")[0] == 0
    assert call(capsys, "predict", model, conversation, *arguments, "--analyse-employee")[0] == 0
    code, _, err = call(capsys, "predict", model, conversation, *arguments, "--analyse", "nobody")
    assert (code, err) == (2, "error: --analyse nobody: the channels are agent, customer\n")


def test_a_channel_that_is_not_there_fails_its_recording(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, conversation: Path
) -> None:
    arguments = ("--timeline", *ENERGY, "--channels", "customer=1", "--format", "jsonl")
    code, out, err = call(capsys, "predict", model, talks, conversation, *arguments)
    assert code == 1
    assert {json.loads(line)["id"] for line in out.splitlines()} == {"call-customer"}
    assert [line.split(":")[0] for line in err.splitlines()] == ["failed talk0-customer", "failed talk1-customer"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "xml"), "--format xml: choose one of table, json"),
        (("--smooth", "3"), "--smooth applies to timelines only; add --timeline"),
        (("--channels", "a=0"), "--channels applies to timelines only; add --timeline"),
        (("--timeline", "--smooth", "-1"), "smoothing -1.0: give seconds"),
        (("--timeline", "--segmentation", "guess"), "segmentation guess: choose one of auto"),
        (("--timeline", "--analyse", "agent"), "name the channels with --channels"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, options: tuple[str, ...], words: str
) -> None:
    code, out, err = call(capsys, "predict", model, talks / "talk0.wav", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_every_format_of_timelines_is_offered() -> None:
    from typing import get_args

    assert set(TIMELINE_FORMATS) | {"table", "page", "picture"} == set(get_args(TimelineFormatName))


def test_a_picture_is_written(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    talk = talks / "talk0.wav"
    assert call(capsys, "predict", model, talk, *ENERGY, "--format", "picture", "--out", tmp_path)[0] == 0
    assert (tmp_path / "talk0.svg").read_text().startswith("<?xml")
    assert len(list(tmp_path.iterdir())) == 2  # and how it was begun


WITHOUT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from emofuse.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def run_without(absent: set[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT.format(absent=absent), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "suffix"), [("page", ".html"), ("picture", ".svg")])
def test_pages_and_pictures_need_the_extra_and_no_torch(
    name: str, suffix: str, model: Path, talks: Path, tmp_path: Path
) -> None:
    call = ("predict", model, talks / "talk0.wav", *ENERGY, "--timeline", "--format", name, "--out", tmp_path)
    refused = run_without({"jinja2", "matplotlib"}, *call)
    message = f'error: --format {name} needs an optional part: pip install "emofuse[pages]"\n'
    assert (refused.returncode, refused.stderr) == (2, message)
    assert list(tmp_path.iterdir()) == []
    done = run_without({"torch", "transformers", "accelerate", "sklearn", "scipy"}, *call)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"talk0{suffix}").is_file()
