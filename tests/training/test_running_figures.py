"""Batch norms of averaged weights get figures of their own."""

from __future__ import annotations

import torch
from test_fit import ready, recipe, silent

from emofuse.training.fit import fit
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.running_figures import estimate_running_figures
from emofuse.training.trainer import EpochSettings
from emofuse.types import Corpus

HEAD = {"head": {"norm": "batch", "dropout": 0.0}}


def test_figures_are_those_of_the_training_part_under_the_weights_there_are(corpus: Corpus) -> None:
    chosen = recipe(selection="fixed", training={"batch_seconds": 1e5, "micro_seconds": 1e5}, **HEAD)
    checkpoint, part = ready(corpus, chosen, "text")
    model, norm = checkpoint.model, checkpoint.model.fusion.head.norm
    weights = {name: value.clone() for name, value in model.named_parameters()}
    norm.running_mean.fill_(99.0)
    seen: list[torch.Tensor] = []
    norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    estimate_running_figures(
        model, part, EpochSettings.of_recipe(chosen), InputAugmentation.of_recipe(chosen), seed=0
    )
    (vectors,) = seen
    torch.testing.assert_close(norm.running_mean, vectors.mean(dim=0))
    torch.testing.assert_close(norm.running_var, vectors.var(dim=0))
    assert norm.momentum == 0.1
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, weights[name]) for name, value in model.named_parameters())


def test_a_norm_that_meets_single_utterances_only_keeps_its_figures(corpus: Corpus) -> None:
    chosen = recipe(selection="fixed", training={"batch_seconds": 0.01, "micro_seconds": 0.01}, **HEAD)
    checkpoint, part = ready(corpus, chosen, "text")
    norm = checkpoint.model.fusion.head.norm
    norm.running_mean.fill_(99.0)
    estimate_running_figures(
        checkpoint.model, part, EpochSettings.of_recipe(chosen), InputAugmentation.of_recipe(chosen), seed=0
    )
    assert norm.running_mean.unique().tolist() == [99.0]


def test_they_are_estimated_after_averaging_and_only_then(corpus: Corpus) -> None:
    figures = {}
    for averaged in (1, 2):
        chosen = recipe(selection="fixed", training={"epochs": 2, "averaged_epochs": averaged}, **HEAD)
        checkpoint, part = ready(corpus, chosen, "text")
        fit(checkpoint, part, None, chosen, 0, silent)
        figures[averaged] = int(checkpoint.model.fusion.head.norm.num_batches_tracked)
    assert figures[2] == figures[1] / 2  # of one epoch instead of two
