"""`emofuse predict --relative-to`: two passes, in one run and in one that goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import call
from noise_bursts import ENERGY, rows
from small_corpus import write_tone

from emofuse import layout


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of eight utterances of one speaker, and one of another."""
    folder = tmp_path_factory.mktemp("speakers")
    lines = []
    for number in range(9):
        write_tone(folder / f"{number}.wav", 200 + 40 * number, 0.3, number)
        speaker = "ann" if number < 8 else "bob"
        lines.append(json.dumps({"id": f"u{number}", "audio": f"{number}.wav", "speaker": speaker}))
    path = folder / "m.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_each_prediction_says_what_it_is_relative_to(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path, tmp_path: Path
) -> None:
    _, plain, _ = call(capsys, "predict", model, manifest, "--format", "jsonl")
    out, again = tmp_path / "out", tmp_path / "again"
    code, _, err = call(capsys, "predict", model, manifest, "--relative-to", "speaker", "--out", out)
    assert code == 0
    assert "8 of 9 utterances are predicted relative to their speaker (1 speaker)" in " ".join(err.split())
    found = rows((out / layout.PREDICTIONS).read_text())
    assert [row["relative_to"] for row in found] == ["speaker"] * 8 + [None]
    assert found[8] == rows(plain)[8]
    assert found[0]["probabilities"] != rows(plain)[0]["probabilities"]
    shutil.copytree(out, again)
    code, _, _ = call(capsys, "predict", model, manifest, "--relative-to", "speaker", "--out", again, "--resume")
    assert code == 0
    assert (again / layout.PREDICTIONS).read_bytes() == (out / layout.PREDICTIONS).read_bytes()
    write_tone(manifest.parent / "0.wav", 999, 0.3, 0)
    code, _, err = call(capsys, "predict", model, manifest, "--relative-to", "speaker", "--out", again, "--resume")
    assert (code, "different relative_to" in err) == (2, True)


def test_a_table_has_a_column_for_it(capsys: pytest.CaptureFixture[str], model: Path, manifest: Path) -> None:
    _, out, _ = call(capsys, "predict", model, manifest, "--relative-to", "collection", "--format", "csv")
    header, first = (line.split(",") for line in out.splitlines()[:2])
    assert first[header.index("relative_to")] == "collection"


def test_a_timeline_is_relative_to_its_recording(
    capsys: pytest.CaptureFixture[str], model: Path, talks: Path
) -> None:
    asked = ("predict", model, talks / "talk0.wav", "--timeline", *ENERGY, "--format", "json")
    code, out, _ = call(capsys, *asked, "--relative-to", "recording")
    timeline = json.loads(out)
    assert (code, timeline["relative_to"]) == (0, "recording")
    assert len(timeline["segments"]) >= 8
    assert {one["relative_to"] for one in timeline["segments"]} == {"recording"}
    assert (
        "predictions are relative to the recording: an emotion that lasts throughout is lost" in timeline["notes"]
    )
    _, out, _ = call(capsys, *asked, "--relative-to", "speaker")
    assert json.loads(out)["relative_to"] is None
    assert any("no prediction is relative to the speaker" in note for note in json.loads(out)["notes"])


def test_refusals_are_one_sentence(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, "predict", model, manifest, "--relative-to", "room")
    assert (code, err.strip()) == (
        2, "error: --relative-to room: choose one of collection, recording, speaker",
    )  # fmt: skip
    without = Path(shutil.copytree(model, tmp_path / "without"))
    (without / layout.RELATIVE).unlink()
    code, _, err = call(capsys, "predict", without, manifest, "--relative-to", "speaker")
    assert code == 2
    assert "--relative-to: without has no relative.safetensors, which emofuse train writes" in " ".join(
        err.split()
    )
