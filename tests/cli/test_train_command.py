"""`emofuse train`: the model that it saves, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call, process, without_progress


def test_train_leaves_a_model_that_predicts(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    options = ("--manifest", manifest, "--out", out, "--system", "text", "--set", "training.epochs=1")
    assert call(capsys, "train", recipe, *options)[0] == 0
    code, printed, _ = call(capsys, "predict", out, "--text", "furious", "--format", "jsonl")
    assert code == 0
    assert json.loads(printed)["model"] == "run"


def test_training_in_a_real_process_keeps_foreign_progress_bars_away(
    recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    options = ("--manifest", manifest, "--out", tmp_path / "run", "--set", "training.epochs=1", "--system", "text")
    done = process("train", recipe, *options)
    assert done.returncode == 0
    assert without_progress(done.stderr) == ""
