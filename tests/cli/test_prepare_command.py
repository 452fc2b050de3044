"""`emofuse prepare`: counts, rows that are lost, and releases that are not complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call
from small_corpus import write_tone


def test_prepare_counts_and_writes_a_manifest(
    capsys: pytest.CaptureFixture[str], wavs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,label,speaker\nwavs/low.wav,calm,a\nwavs/high.wav,happy,b\nwavs/gone.wav,happy,b\n")
    code, out, err = call(capsys, "prepare", "csv", table, "--out", tmp_path / "m.jsonl")
    assert code == 1
    assert "2 utterances" in out
    assert "gone.wav" in err
    code, out, _ = call(
        capsys, "prepare", "csv", table, "--out", tmp_path / "m.jsonl", "--labels", "ekman7", "--json"
    )
    document = json.loads(out)
    assert document["counts"]["label"] == {"happy": 1, "neutral": 1}
    assert len(document["skipped"]) == 1
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 2


def test_prepare_says_when_a_release_is_not_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_tone(tmp_path / "wav" / "03a01Fa.wav", 200, 0.1, seed=0)
    code, _, err = call(capsys, "prepare", "emodb", tmp_path, "--out", tmp_path / "m.jsonl")
    assert code == 0  # what there is was prepared
    assert "incomplete: 1 utterances, where EmoDB was published with 535" in err
    actor = tmp_path / "ravdess" / "Actor_01"
    write_tone(actor / "03-01-05-01-01-01-01.wav", 200, 0.1, seed=0)
    write_tone(actor / "03-02-05-01-01-01-01.wav", 200, 0.1, seed=0)
    code, out, err = call(capsys, "prepare", "ravdess", tmp_path / "ravdess", "--out", tmp_path / "m.jsonl")
    assert code == 0  # a song is no failed input
    assert "1 skipped" in out
    assert "not speech" in err
