"""Stages of the tools that train a voice: done once, asked for by name, shown as tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import voice_stages


def test_a_stage_that_has_its_figures_is_not_done_again(tmp_path: Path) -> None:
    done: list[str] = []

    def stage(name: str) -> dict[str, int]:
        done.append(name)
        return {"n": len(done)}

    stages = {"first": lambda: stage("first"), "second": lambda: stage("second")}
    assert voice_stages.run_stages(stages, tmp_path, "second") == {"second": {"n": 1}}
    assert not (tmp_path / "figures.json").exists()
    whole = voice_stages.run_stages(stages, tmp_path, None)
    assert whole == {"first": {"n": 2}, "second": {"n": 1}} == json.loads((tmp_path / "figures.json").read_text())
    assert done == ["second", "first"]


def test_a_stage_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--stages: no third; there are first"):
        voice_stages.run_stages({"first": dict}, tmp_path, "third")


def test_figures_of_corpora_are_a_table_and_others_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ua = {"ua": 0.5, "ci95": None}
    scores = {"n": 8, "speakers": 2, "restricted": ua, "open": ua}
    voice_stages.show({"folds": {"emodb": {"audio": scores}}, "speed": {"factor": 3}}, ("folds",))
    shown = capsys.readouterr().out
    assert "| emodb | audio | 8 | 2 | 0.500 | 0.500 |" in shown
    assert 'speed: {"factor": 3}' in shown
