"""A soup: the average of the weights of several trainings from one start (Wortsman et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emofuse.config import Recipe
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.network import EmotionModel
from emofuse.training.fit import EpochRecord
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import PreparedPart
from emofuse.training.running_figures import estimate_running_figures
from emofuse.training.scoring import validate
from emofuse.training.stages import fit_in_stages
from emofuse.training.trainer import EpochSettings, ProgressCallback, within
from emofuse.training.training_state import StateFile, Weights
from emofuse.training.weight_average import average, copy_of


def fit_soup(
    checkpoint: Checkpoint,
    train: PreparedPart,
    validation: PreparedPart | None,
    recipe: Recipe,
    seed: int,
    report: ProgressCallback,
    state: StateFile | None = None,
) -> list[EpochRecord]:
    """Train a network in place: once, or as often as the recipe's soup has members, from the same weights.

    The first member has the seed of the job, the others seeds of their own; it decides on order, crops and
    dropout. The network ends with the average of the members that the recipe chooses.
    """
    soup, model = recipe.training.soup, checkpoint.model
    if soup.members == 1:
        return fit_in_stages(checkpoint, train, validation, recipe, seed, report, state)
    start = copy_of(model)
    members: list[Weights] = []
    history: list[EpochRecord] = []
    for number in range(soup.members):
        model.load_state_dict(model.state_dict() | start)
        file = state if state is None or not number else state.beside(f"member-{number + 1}")
        told = within(report, number / soup.members, 1 / soup.members)
        records = fit_in_stages(checkpoint, train, validation, recipe, member_seed(seed, number), told, file)
        history += [replace(record, member=number + 1) for record in records]
        members.append(copy_of(model))
    if soup.choice == "greedy":
        assert validation is not None  # a recipe without is refused
        members = _greedy(model, members, (train, validation), recipe, seed)
    _serve(model, members, train, recipe, seed)
    return history


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member; the first, number 0, has that of the job."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _greedy(
    model: EmotionModel,
    members: Sequence[Weights],
    parts: tuple[PreparedPart, PreparedPart],
    recipe: Recipe,
    seed: int,
) -> list[Weights]:
    """Return the best member and those that, added in the order of their scores, make the soup no worse."""
    train, validation = parts

    def score(chosen: Sequence[Weights]) -> tuple[float, float]:
        _serve(model, chosen, train, recipe, seed)
        reached = validate(model, validation, recipe)
        return reached.ua or 0.0, -(reached.loss or 0.0)

    alone = [score([member]) for member in members]
    first, *others = sorted(range(len(members)), key=lambda number: alone[number], reverse=True)
    chosen, best = [members[first]], alone[first]
    for number in others:
        reached = score([*chosen, members[number]])
        if reached >= best:
            chosen, best = [*chosen, members[number]], reached
    return chosen


def _serve(
    model: EmotionModel, members: Sequence[Weights], train: PreparedPart, recipe: Recipe, seed: int
) -> None:
    """Load the average of members into a network; batch norms of several get figures of their own."""
    model.load_state_dict(model.state_dict() | average(list(members)))
    if len(members) > 1:
        settings, augmentation = EpochSettings.of_recipe(recipe), InputAugmentation.of_recipe(recipe)
        estimate_running_figures(model, train, settings, augmentation, seed)
    model.eval()
