"""How many runs were scored on the same folds, counted on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_run import small_recipe

from emofuse.runs.run_counter import count_runs


def test_each_run_counts_once_for_its_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    recipe, other = small_recipe(tmp_path), small_recipe(tmp_path, "training.epochs=9")
    assert count_runs("folds", tmp_path / "a", recipe) == 1
    assert count_runs("folds", tmp_path / "a", recipe) == 1  # the same run, resumed
    assert count_runs("folds", tmp_path / "b", recipe) == 2
    assert count_runs("folds", tmp_path / "a", other) == 3
    assert count_runs("others", tmp_path / "a", recipe) == 1
