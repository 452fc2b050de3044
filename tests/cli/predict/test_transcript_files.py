"""Transcripts, turns and speakers from files beside recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call
from noise_bursts import ENERGY


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


def test_transcripts_are_found_by_file_name(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text("file,text\nlow.wav,furious\nhigh,wonderful\n")
    code, out, _ = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["wonderful", "furious"]
    table.write_text("file,text\nlow.wav,furious\n")
    code, out, err = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert json.loads(out.splitlines()[0])["modalities"] == ["audio"]
    assert "no transcript for 1 of 2" in " ".join(err.split())
    table.write_text("file,text\na/low.wav,furious\nb/low.wav,wonderful\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "several texts for 'low.wav'" in err
    table.write_text("file,text\nother.wav,furious\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "has transcripts for none of the 2 recordings" in err
