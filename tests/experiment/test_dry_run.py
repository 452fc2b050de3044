"""`--dry-run`: figures for every system, from the longest batches, and nothing left behind."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import write_recipe
from torch import nn

from emofuse import load_recipe
from emofuse.cli.main import run as command
from emofuse.config import Recipe
from emofuse.data.splits import make_folds
from emofuse.errors import CorpusError, RunError
from emofuse.experiment import dry_run
from emofuse.experiment.dry_run import estimate_cost
from emofuse.model.network import EmotionModel
from emofuse.types import SYSTEMS, Corpus

FROZEN = (
    "audio.config={model_type: wav2vec2, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, "
    "intermediate_size: 16, conv_dim: [8, 8, 8, 8, 8, 8, 8], num_conv_pos_embeddings: 8, "
    "num_conv_pos_embedding_groups: 2}",
    "audio.tuning=frozen",
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "tiny.yaml")


def recipe_of(path: Path, *settings: str) -> Recipe:
    return load_recipe(path, settings)


def test_every_system_has_its_figures_and_they_are_positive(corpus: Corpus, path: Path) -> None:
    found = estimate_cost(recipe_of(path), corpus, SYSTEMS)
    assert [one.system for one in found] == list(SYSTEMS)
    for one in found:
        assert one.seconds_per_epoch > 0
        assert one.peak_memory_mb > 10
        assert one.hours > 0
        assert one.micro_seconds == 3.0
        assert one.feature_seconds == 0.0  # nothing is frozen
        assert json.loads(json.dumps(one.as_dict())) == one.as_dict()


def test_hours_are_of_all_folds_seeds_and_epochs(corpus: Corpus, path: Path) -> None:
    recipe = recipe_of(path, "seeds=[0, 1, 2, 3]", "training.epochs=7")
    (one,) = estimate_cost(recipe, corpus, ["text"])
    assert one.hours == pytest.approx(one.seconds_per_epoch * 7 * 4 * 3 / 3600)


def test_an_epoch_costs_what_its_seconds_of_sound_cost(
    corpus: Corpus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "_seconds_per_second", lambda *given: 2.0)
    (one,) = estimate_cost(recipe_of(path), corpus, ["audio"])
    folds = make_folds(corpus, "leave-one-session-out", "fixed")
    # Utterances have 0.4, 0.45, 0.5 and 0.55 s.
    sizes = {u.id: 0.4 + 0.05 * int(u.id[-1]) for u in corpus}
    mean = sum(sizes[i] for fold in folds for i in fold.train) / len(folds)
    assert one.seconds_per_epoch == pytest.approx(2.0 * mean, rel=1e-6)


def test_features_of_frozen_encoders_are_measured_while_they_are_not_there(
    corpus: Corpus, path: Path, cache: Path
) -> None:
    recipe = recipe_of(path, *FROZEN)
    (first,) = estimate_cost(recipe, corpus, ["audio"])
    assert first.feature_seconds > 0
    assert list(cache.rglob("*.safetensors"))
    (second,) = estimate_cost(recipe, corpus, ["audio"])
    assert second.feature_seconds == 0.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="measures the memory of the GPU")
def test_the_peak_of_memory_is_that_of_this_process(
    corpus: Corpus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "peak_memory_mb", lambda: 12.5)
    (one,) = estimate_cost(recipe_of(path), corpus, ["text"])
    assert one.peak_memory_mb == 12.5


def narrow(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Make memory full for networks with more rows than that in a batch."""
    forward = EmotionModel.forward

    def limited(self: nn.Module, **arrays: torch.Tensor) -> Any:
        if len(arrays["audio_mask"]) > rows:
            raise torch.OutOfMemoryError
        return forward(self, **arrays)  # type: ignore[arg-type]

    monkeypatch.setattr(EmotionModel, "forward", limited)


def test_a_micro_batch_that_does_not_fit_is_halved_and_said_so(
    corpus: Corpus, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    narrow(monkeypatch, 3)
    with caplog.at_level(logging.WARNING):
        (one,) = estimate_cost(recipe_of(path), corpus, ["fusion"])
    assert one.micro_seconds == 1.5
    assert "micro-batches hold 1.5 s" in caplog.text
    narrow(monkeypatch, 0)
    with pytest.raises(RunError, match="memory is full with a single utterance"):
        estimate_cost(recipe_of(path), corpus, ["fusion"])


def test_a_corpus_of_which_nothing_can_be_read_is_named(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    gone = Corpus(tuple(replace(u, audio=tmp_path / f"{u.id}.wav") for u in corpus))
    with pytest.raises(CorpusError, match=r"none of the longest utterances can be used: .*no such file"):
        estimate_cost(recipe_of(path), gone, ["audio"])


def test_the_command_prints_figures_and_makes_no_run_folder(
    path: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = ["crossval", str(path), "--manifest", str(manifest), "--out", str(out), "--dry-run"]
    assert command([*arguments, "--json", "--seeds", "2"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["system"] for row in rows] == list(SYSTEMS)
    for row in rows:
        assert set(row) == {
            "system", "micro_seconds", "peak_memory_mb", "seconds_per_epoch", "feature_seconds", "hours",
        }  # fmt: skip
        assert all(row[name] >= 0 for name in row if name != "system")
    assert not out.exists()
    assert command([*arguments, "--systems", "text"]) == 0
    printed = capsys.readouterr().out
    assert "dry run" in printed
    assert "text" in printed
    assert "fusion" not in printed.split("system")[-1]
    assert not out.exists()
