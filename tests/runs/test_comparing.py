"""Runs compared: which systems, on which utterances and seeds. The command is tested in tests/cli."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_run import CORPUS, FOLDS, LABELS, make_run

from emofuse.errors import RunError
from emofuse.runs.comparing import compare_runs
from emofuse.runs.labelled_utterances import labelled_utterances, write_truth
from emofuse.runs.run_folder import RunFolder
from emofuse.types import SystemName


def finished(out: Path, *names: SystemName, gap: float = 3.0) -> RunFolder:
    """Write a finished run, whose results hold what comparing needs."""
    run = make_run(out, names, gap=gap).folder
    write_truth(out, labelled_utterances(CORPUS, FOLDS))
    results = {
        "corpus": "small", "protocol": "speaker-kfold", "labels": list(LABELS), "seeds": [0],
        "n_utterances": 20, "systems": {name: {"n": 20} for name in (*names, "late")},
        "audit": {"findings": [], "accepted": []},
    }  # fmt: skip
    (out / "results.json").write_text(json.dumps(results))
    return run


def test_by_default_trained_systems_of_all_runs_are_compared(tmp_path: Path) -> None:
    runs = [finished(tmp_path / "a", "audio", "text"), finished(tmp_path / "b", "text", "audio", "fusion")]
    found = compare_runs(runs)
    assert found["systems"] == ["audio", "text"]
    assert [(one["a"], one["b"], one["n"], one["difference"]) for one in found["comparisons"]] == [
        ("a", "b", 20, 0.0)
    ] * 6


def test_derived_systems_are_compared_when_they_are_named(tmp_path: Path) -> None:
    runs = [finished(tmp_path / name, "audio", "text") for name in ("a", "b")]
    assert compare_runs(runs, ["late", "late"])["systems"] == ["late"]
    with pytest.raises(RunError, match=r"a: has no system 'audio\+speaker-norm'; it has audio, text, late"):
        compare_runs(runs, ["audio+speaker-norm"])


def test_one_run_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="two run folders or more"):
        compare_runs([finished(tmp_path / "a", "text")])
