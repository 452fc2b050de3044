"""The environment of a run, and how many threads train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import write_recipe

from emofuse import cross_validate, layout, load_recipe
from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.experiment import environment as run_environment
from emofuse.experiment import job
from emofuse.experiment.environment import environment, run_threads
from emofuse.training.audio_cache import audio_cache_for
from emofuse.types import Corpus


def test_cross_validation_sees_what_was_chosen_and_nothing_else(
    corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("only")
    styles = {"F": "improvised", "M": "scripted"}
    tagged = replace(
        corpus, utterances=tuple(replace(u, tags={"style": styles[str(u.speaker)[-1]]}) for u in corpus)
    )
    recipe = load_recipe(write_recipe(out / "tiny.yaml"), ["only={style: improvised}", "training.epochs=1"])
    results = cross_validate(recipe, tagged, out / "run", systems=("text",))
    assert results["only"] == {"style": "improvised"}
    assert results["n_utterances"] == results["systems"]["text"]["n"] == 12
    assert results["label_counts"]["labelled"] == 12


def test_a_run_that_continues_computes_with_as_many_threads_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_environment, "compute_threads", lambda: 5)
    assert run_threads(tmp_path) == 5
    layout.write_json(tmp_path / layout.ENVIRONMENT, environment() | {"threads": 3})
    assert run_threads(tmp_path) == 3
    (tmp_path / layout.ENVIRONMENT).write_text("broken")
    assert run_threads(tmp_path) == 5


def test_networks_on_frozen_encoders_are_trained_by_one_thread(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So their numbers do not depend on how many processors are free."""
    used: list[int] = []
    monkeypatch.setattr(job, "fit_soup", lambda *arguments: used.append(torch.get_num_threads()) or [])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for tuning in ("frozen", "full"):
            settings = (f"audio.tuning={tuning}", f"text.tuning={tuning}")
            recipe = load_recipe(write_recipe(tmp_path / "recipe.yaml"), settings)
            labelled, task = recipe_corpus(recipe, corpus)
            context = job.JobContext(recipe, task, audio_cache_for(recipe.audio.alter), lambda progress: None)
            job.train_system(context, "fusion", (labelled, labelled.select([])), seed=0)
    finally:
        torch.set_num_threads(before)
    assert used == [1, 2]
