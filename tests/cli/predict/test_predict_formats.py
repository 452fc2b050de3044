"""Predictions as a table, JSON, JSON Lines and CSV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import call

from emofuse.cli.predict.formats import as_csv
from emofuse.runs.submitted_files import read_submitted
from emofuse.turns.table_rows import parse_table
from emofuse.turns.turn_parsing import decode
from emofuse.types import Prediction, Utterance


def test_predict_prints_a_table_for_people(capsys: pytest.CaptureFixture[str], model: Path, wavs: Path) -> None:
    code, out, _ = call(capsys, "predict", model, wavs / "low.wav", "--text", "a furious thing")
    assert code == 0
    assert out.splitlines()[0].split() == ["label", "confidence", "modalities", "utterance"]
    assert "audio+text" in out
    assert "'a furious thing'" in out


def test_predict_takes_folders_and_files_and_prints_json_lines_in_order(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    code, out, _ = call(capsys, "predict", model, wavs, wavs / "low.wav", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["id"] for row in rows] == ["high", "low", "low#2"]
    assert list(rows[0]) == [
        "schema", "id", "audio", "start", "end", "text", "text_source", "text_unused", "label", "probabilities",
        "confidence", "abstained", "speaker", "modalities", "damaged", "model", "model_scope", "relative_to",
    ]  # fmt: skip


def cut(path: Path, folder: Path) -> Path:
    """Copy a recording without its second half."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return copy


def test_a_cut_recording_is_predicted_with_a_note_in_every_format_and_refused_with_strict(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    path = cut(wavs / "low.wav", tmp_path)
    note = "is truncated, it ends before its header says; "
    for form in ("table", "json", "jsonl", "csv"):
        code, out, _ = call(capsys, "predict", model, path, "--format", form)
        assert code == 0
        assert note in out
        assert "s were decoded" in out
    code, out, err = call(capsys, "predict", model, path, wavs / "high.wav", "--format", "jsonl", "--strict")
    assert code == 1
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert (row["id"], row["damaged"]) == ("high", None)
    assert "is truncated" in err
    for form in ("table", "json", "csv", "srt", "textgrid", "eaf", "labels"):
        options = ("--segmentation", "windows", "--timeline", "--format", form)
        code, out, _ = call(capsys, "predict", model, path, *options)
        assert code == 0
        assert (note in out) == (form in ("table", "json"))
        code, _, err = call(capsys, "predict", model, path, *options, "--strict")
        assert code
        assert "is truncated" in err, (code, err)


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_what_was_done_to_the_sound_is_said_in_every_format(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path, form: str
) -> None:
    tone = 0.3 * np.sin(np.arange(16_000) / 5)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, -tone], axis=1), 16_000)
    code, out, _ = call(capsys, "predict", model, tmp_path / "a.wav", "--format", form)
    assert code == 0
    assert "its channels cancel each other out" in out


def table_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")  # spreadsheets take it for UTF-8 then
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.speech_gate
def test_sound_that_is_no_speech_is_called_that(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    low = wavs / "low.wav"
    code, out, _ = call(capsys, "predict", model, low)
    assert code == 0
    assert out.splitlines()[1].split() == ["no", "speech", "-", "low"]
    (row,) = json.loads(call(capsys, "predict", model, low, "--format", "json")[1])
    assert (row["speech"], row["label"], row["confidence"], row["probabilities"]) == (False, None, None, {})
    (line,) = table_of(call(capsys, "predict", model, low, "--format", "csv")[1])
    assert (line["speech"], line["label"], line["confidence"], line["p_sad"]) == ("False", "", "", "")
    (row,) = json.loads(call(capsys, "predict", model, low, "--any-sound", "--format", "json")[1])
    assert row["label"] in ("angry", "happy", "neutral", "sad")


def test_predict_json_is_one_document_and_csv_has_a_column_a_label(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    _, out, _ = call(capsys, "predict", model, wavs, "--format", "json")
    assert [row["id"] for row in json.loads(out)] == ["high", "low"]
    _, out, _ = call(capsys, "predict", model, wavs, "--format", "csv")
    rows = table_of(out)
    assert sum(float(rows[0][f"p_{label}"]) for label in ("angry", "happy", "neutral", "sad")) == pytest.approx(
        1, abs=1e-5
    )
    assert rows[0]["modalities"] == "audio"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-yes", "@sum", "'=1", "''", "'no'", "plain", '"quoted"', "a,b\nc"]
)
def test_csv_holds_no_formula_and_is_read_back_as_it_was(text: str, tmp_path: Path) -> None:
    utterance = Utterance(text, text=text, speaker=text)
    prediction = Prediction.of(utterance, {text: 0.75, "sad": 0.25}, ("text",))
    written = "\n".join(as_csv([prediction], [text, "sad"])) + "\n"
    for row in csv.reader(io.StringIO(written.removeprefix("\ufeff"))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    path = tmp_path / "predictions.csv"
    path.write_text(written, encoding="utf-8")
    table = parse_table(decode(path), path)
    row = dict(zip(table.header, table.rows[0][1], strict=True))
    assert (row["id"], row["text"], row["speaker"], row["label"]) == (text, text, text, text)
    (submitted,) = read_submitted(path)
    assert (submitted.id, submitted.label) == (text, text)
    assert submitted.probabilities == {text: 0.75, "sad": 0.25}
