"""The second stage draws labels equally often, at a lower rate, and keeps what was better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_fit import ready, recipe, same, silent, weights

from emofuse.config import Recipe
from emofuse.training.fit import fit
from emofuse.training.loader import NO_LABEL
from emofuse.training.stages import fit_in_stages, second_stage_recipe
from emofuse.training.trainer import Progress
from emofuse.types import Corpus


def staged(trains: str = "head", selection: str = "best") -> Recipe:
    second = {"epochs": 1, "trains": trains, "lr_share": 0.5}
    return recipe(selection=selection, training={"epochs": 1, "second_stage": second})


def test_without_the_key_nothing_changes_to_the_last_digit(corpus: Corpus) -> None:
    chosen, results = recipe(training={"epochs": 1}), []
    for way in (fit, fit_in_stages):
        checkpoint, part = ready(corpus, chosen, "text")
        way(checkpoint, part, None, chosen, 0, silent)
        results.append(weights(checkpoint))
    assert same(results[0], results[1]) == set(results[0])


@pytest.mark.parametrize("trains", ["head", "all"])
def test_it_goes_on_from_the_first_stage_with_the_head_or_all(corpus: Corpus, trains: str) -> None:
    first = recipe(training={"epochs": 1})
    checkpoint, part = ready(corpus, first, "text")
    fit(checkpoint, part, None, first, 0, silent)
    before = weights(checkpoint)
    checkpoint, part = ready(corpus, first, "text")
    told: list[Progress] = []
    history = fit_in_stages(checkpoint, part, None, staged(trains), 0, told.append)
    moved = set(before) - same(before, weights(checkpoint))
    assert any("head" in name for name in moved)
    assert all("head" in name for name in moved) == (trains == "head")
    assert [record.stage for record in history] == [1, 2]
    assert history[1].lr <= history[0].lr
    assert all(parameter.requires_grad for parameter in checkpoint.model.parameters())
    shares = [progress.done for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_its_recipe_is_the_first_with_other_draws_and_rates() -> None:
    later = second_stage_recipe(staged())
    assert (later.training.epochs, later.training.balance, later.training.encoders_held) == (1, ("label",), 0)
    assert later.training.lr == staged().training.lr / 2
    assert later.audio.lr == staged().audio.lr / 2


def test_utterances_without_a_label_are_left_out_of_it(corpus: Corpus) -> None:
    _, part = ready(corpus, staged(), "text")
    targets = part.targets.copy()
    targets[:3] = NO_LABEL
    half = replace(part, targets=targets).with_labels()
    assert len(half) == len(part) - 3
    assert half.utterances == part.utterances[3:]


def test_a_second_stage_that_is_no_better_on_validation_is_not_kept(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = staged("all")
    checkpoint, part = ready(corpus, chosen, "text")
    kept: list[dict[str, torch.Tensor]] = []

    def spoiled(*arguments: object) -> list[object]:
        if kept:
            torch.nn.init.constant_(checkpoint.model.fusion.head.classifier.weight, 0.0)
        else:
            fit(*arguments)  # type: ignore[arg-type]
            kept.append(weights(checkpoint))
        return []

    monkeypatch.setattr("emofuse.training.stages.fit", spoiled)
    fit_in_stages(checkpoint, part, part, chosen, 0, silent)
    assert same(kept[0], weights(checkpoint)) == set(kept[0])
    assert np.isfinite(part.costs).all()
