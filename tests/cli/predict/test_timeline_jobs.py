"""Timelines of recordings and of the channels of a call: words, failures, channels that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from command_line import call
from noise_bursts import ENERGY, RATE, bursts

from emofuse import Prediction, load
from emofuse.cli.predict.inputs import Inputs, Recording
from emofuse.cli.predict.predict_options import CallOptions
from emofuse.cli.predict.timeline_jobs import timeline_jobs


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
    assert "which of them the text belongs to is not known" in second["text_unused"]
    short = tmp_path / "short.wav"
    soundfile.write(short, bursts(0)[2 * RATE : 4 * RATE], RATE)
    one = ("--transcripts", said / "talk1.txt", "--format", "json")
    _, out, _ = call(capsys, "predict", model, short, *one)
    assert json.loads(out)[0]["text"] == "a wonderful table"
    expected = load(model).predict(short, text="a wonderful table")
    assert isinstance(expected, Prediction)
    assert json.loads(out)[0]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
    code, _, err = call(capsys, "predict", model, talks, *one)
    assert code == 2
    assert "belongs to one recording, not to 2" in err


def test_a_recording_that_fails_is_named_and_the_rest_is_done_and_not_done_again(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path, tmp_path: Path
) -> None:
    gone = talks / "gone.wav"
    arguments = ("predict", model, talks, gone, *ENERGY, "--format", "vtt", "--out", tmp_path)
    code, _, err = call(capsys, *arguments)
    assert code == 1
    assert err.startswith("failed gone: ")
    assert len(err.splitlines()) == 2  # with the closing line
    kept = (tmp_path / "talk0.vtt").stat().st_ino
    (tmp_path / "talk1.vtt").unlink()
    assert call(capsys, *arguments, "--resume")[0] == 1
    assert (tmp_path / "talk0.vtt").stat().st_ino == kept
    assert (tmp_path / "talk1.vtt").read_text().startswith("WEBVTT")
    code, _, err = call(capsys, *arguments, "--resume", "--smooth", "3")
    assert code == 2
    assert "different smooth" in err


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


@pytest.mark.speech_gate
def test_a_timeline_of_any_sound_has_segments_of_a_tone(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    arguments = ("predict", model, wavs / "low.wav", "--timeline", "--format", "json")
    assert json.loads(call(capsys, *arguments)[1])["segments"] == []
    timeline = json.loads(call(capsys, *arguments, "--any-sound")[1])
    assert timeline["segmentation"] == "windows"
    assert [segment["start"] for segment in timeline["segments"]] == [0.0]
    assert timeline["passed"] == []


def test_no_two_timelines_have_one_id() -> None:
    call = CallOptions("b-c=0,c=1")
    jobs = timeline_jobs(Inputs([Recording("a", "a.wav"), Recording("a-b", "a-b.wav")]), call)
    assert [job.id for job in jobs] == ["a-b-c", "a-c", "a-b-b-c", "a-b-c#2"]
