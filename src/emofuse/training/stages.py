"""A training in one stage or two: the second draws labels equally often, at a lower rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from emofuse.config import Recipe
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.heads import EmotionHead
from emofuse.model.network import EmotionModel
from emofuse.training.fit import EpochRecord, fit
from emofuse.training.loader import PreparedPart
from emofuse.training.scoring import Validation, validate
from emofuse.training.trainer import ProgressCallback, within
from emofuse.training.training_state import StateFile
from emofuse.training.weight_average import copy_of


def fit_in_stages(
    checkpoint: Checkpoint,
    train: PreparedPart,
    validation: PreparedPart | None,
    recipe: Recipe,
    seed: int,
    report: ProgressCallback,
    state: StateFile | None = None,
) -> list[EpochRecord]:
    """Train a network in place, as `fit` does, and then in the recipe's second stage, if it has one.

    The second stage trains on utterances with a label. With a validation part its weights are kept only where
    they are better there.
    """
    second = recipe.training.second_stage
    if not second.epochs:
        return fit(checkpoint, train, validation, recipe, seed, report, state)
    share = recipe.training.epochs / (recipe.training.epochs + second.epochs)
    history = fit(checkpoint, train, validation, recipe, seed, within(report, 0.0, share), state)
    model, part = checkpoint.model, train.with_labels()
    before = copy_of(model)
    reached = None if validation is None else _score(validate(model, validation, recipe))
    later, after = second_stage_recipe(recipe), None if state is None else state.beside("second")
    with _trained(model, second.trains == "head"):
        more = fit(checkpoint, part, validation, later, seed, within(report, share, 1.0 - share), after)
    if validation is not None and reached is not None and _score(validate(model, validation, recipe)) <= reached:
        model.load_state_dict(model.state_dict() | before)
    return [*history, *(replace(record, stage=2) for record in more)]


def second_stage_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe of the second stage: its epochs, draws and rates, no encoder held."""
    training, second = recipe.training, recipe.training.second_stage
    changes = {
        "epochs": second.epochs,
        "balance": second.balance,
        "lr": training.lr * second.lr_share,
        "mix_lr": None if training.mix_lr is None else training.mix_lr * second.lr_share,
        "encoders_held": 0,
        "class_weights": False,
    }
    return recipe.model_copy(
        update={
            "training": training.model_copy(update=changes),
            "audio": recipe.audio.model_copy(update={"lr": recipe.audio.lr * second.lr_share}),
            "text": recipe.text.model_copy(update={"lr": recipe.text.lr * second.lr_share}),
        }
    )


def _score(validation: Validation) -> tuple[float, float]:
    return validation.ua or 0.0, -(validation.loss or 0.0)


@contextmanager
def _trained(model: EmotionModel, head_only: bool) -> Iterator[None]:
    """Let only the heads of a network be trained, or all that was trained before."""
    heads = {id(p) for module in model.modules() if isinstance(module, EmotionHead) for p in module.parameters()}
    still = [p for p in model.parameters() if head_only and p.requires_grad and id(p) not in heads]
    for parameter in still:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in still:
            parameter.requires_grad_(True)
