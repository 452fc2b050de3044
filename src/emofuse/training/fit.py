"""The training of one network: its epochs, the validation after each, and the weights that are kept."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed

from emofuse.config import Recipe
from emofuse.errors import RecipeError, RunError
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.network import EmotionModel
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import PreparedPart
from emofuse.training.losses import TrainingLoss
from emofuse.training.optimizer import make_optimizer
from emofuse.training.running_figures import estimate_running_figures
from emofuse.training.scoring import Validation, validate
from emofuse.training.trainer import EpochSettings, ProgressCallback, Trainer, class_weights_for
from emofuse.training.training_state import StateFile, TrainingState
from emofuse.training.weight_average import copy_of
from emofuse.training.weight_selection import WeightSelection


@dataclass(frozen=True)
class EpochRecord:
    """One line of `history.jsonl`; stages and members of a soup are counted from 1."""

    epoch: int
    loss: float
    lr: float
    gradient_norm: float | None
    validation: Validation
    seconds: float
    stage: int = 1
    member: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON would hold it."""
        return asdict(self)


def fit(
    checkpoint: Checkpoint,
    train: PreparedPart,
    validation: PreparedPart | None,
    recipe: Recipe,
    seed: int,
    report: ProgressCallback,
    state: StateFile | None = None,
) -> list[EpochRecord]:
    """Train a network in place; it ends with the weights that the recipe's selection keeps.

    With a validation part these are the weights of the epoch with the best UA there (ties: the lower loss), and
    training stops after `patience` epochs without a better one. Without, they are the average of the last
    `training.averaged_epochs` epochs' weights or, with `training.ema`, the moving average of all steps'; running
    figures of batch norms are then estimated anew. With a `state` file, each epoch is saved there, and an
    interrupted training resumes after the last one and ends with the same weights.

    Returns:
        One record an epoch.

    Raises:
        RunError: the loss is no longer a number, or the state is that of another training.
    """
    set_seed(seed)
    accelerator = _accelerator(recipe)
    if recipe.training.gradient_checkpointing:
        _checkpoint_gradients(checkpoint.model)
    model, optimizer = accelerator.prepare(checkpoint.model, make_optimizer(checkpoint.model, recipe))
    selection = WeightSelection.of_recipe(accelerator.unwrap_model(model), recipe, validation is not None)
    loss_of_batch = TrainingLoss.of_recipe(recipe, class_weights_for(train, recipe))
    settings, augmentation = EpochSettings.of_recipe(recipe), InputAugmentation.of_recipe(recipe)
    trainer = Trainer(accelerator, model, optimizer, settings, loss_of_batch, augmentation, selection.after_step)
    history, stopped = _resume(state, selection, optimizer, accelerator.scaler)
    for epoch in range(len(history) + 1, 1 if stopped else recipe.training.epochs + 1):
        began = time.monotonic()
        loss, norm = trainer.run_epoch(train, epoch, seed, report, history[-1].validation.ua if history else None)
        seen = validate(selection.model, validation, recipe) if validation is not None else Validation()
        rate = max(float(group["lr"]) for group in optimizer.param_groups)
        history.append(
            EpochRecord(epoch, loss, rate, norm if math.isfinite(norm) else None, seen, time.monotonic() - began)
        )
        stopped = selection.after_epoch(epoch, seen)
        if state is not None:
            state.save(_training_state(selection, optimizer, accelerator.scaler, history, stopped))
        if stopped:
            break
    # The network computes in its own precision from here on, as it will when it is loaded.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    selection.restore()
    if selection.averages:
        estimate_running_figures(
            selection.model, train, replace(settings, micro_seconds=trainer.micro_seconds), augmentation, seed
        )
    return history


def _training_state(
    selection: WeightSelection,
    optimizer: Any,
    scaler: torch.amp.GradScaler | None,
    history: list[EpochRecord],
    stopped: bool,
) -> TrainingState:
    """Return everything that the next epoch depends on."""
    record = {
        "history": [one.as_dict() for one in history],
        "best": selection.best,
        "best_epoch": selection.best_epoch,
        "ended": stopped,
        "steps": selection.moving.steps if selection.moving else 0,
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    return TrainingState(copy_of(selection.model), optimizer.state_dict()["state"], selection.kept, record)


def _resume(
    state: StateFile | None, selection: WeightSelection, optimizer: Any, scaler: torch.amp.GradScaler | None
) -> tuple[list[EpochRecord], bool]:
    """Restore the last epoch that was saved; return its history, and whether training ended there."""
    saved = None if state is None else state.load()
    if saved is None:
        return [], False
    selection.model.load_state_dict(selection.model.state_dict() | saved.weights)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": saved.optimizer})
    if scaler is not None and saved.record.get("scaler"):
        scaler.load_state_dict(saved.record["scaler"])
    selection.kept, selection.best_epoch = saved.kept, saved.record["best_epoch"]
    if selection.moving is not None:
        selection.moving.resume(saved.kept[0], saved.record["steps"])
    selection.best = None if saved.record["best"] is None else tuple(saved.record["best"])
    history = [
        EpochRecord(**(one | {"validation": Validation(**one["validation"])})) for one in saved.record["history"]
    ]
    return history, saved.record["ended"]


def _accelerator(recipe: Recipe) -> Accelerator:
    """Return the accelerator of one training, in the recipe's precision."""
    AcceleratorState._reset_state()  # it lives as long as the process, and another run may want another precision
    accelerator = Accelerator(mixed_precision=_precision(recipe))
    if accelerator.num_processes > 1:
        raise RunError("training runs in one process; start it without a distributed launcher")
    return accelerator


def _checkpoint_gradients(model: EmotionModel) -> None:
    try:
        model.gradient_checkpointing_enable()
    except ValueError as error:
        raise RecipeError(
            "training.gradient_checkpointing: these encoders do not offer it; set it to false"
        ) from error


def _precision(recipe: Recipe) -> str:
    """Return the precision of the arithmetic: bf16 where a GPU has it and the recipe leaves it open."""
    if recipe.training.precision != "auto":
        return recipe.training.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
