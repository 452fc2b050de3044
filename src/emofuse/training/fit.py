"""The loop: epochs of effective batches, a look at the validation part, the weights that are kept."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed

from emofuse.config import Recipe
from emofuse.errors import RecipeError, RunError
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.network import EmotionModel
from emofuse.training.loader import PreparedPart
from emofuse.training.optimizer import make_optimizer
from emofuse.training.scoring import Validation, validate
from emofuse.training.trainer import ProgressCallback, Trainer, class_weights_for
from emofuse.training.training_state import StateFile, TrainingState, Weights
from emofuse.training.weight_average import MovingAverage, average, copy_of

# With the selection `fixed`, the weights of so many last epochs are averaged.
AVERAGED_EPOCHS = 3


@dataclass(frozen=True)
class EpochRecord:
    """One line of `history.jsonl`."""

    epoch: int
    loss: float
    lr: float
    gradient_norm: float | None
    validation: Validation
    seconds: float

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
    three epochs' weights or, with `training.ema`, the moving average of all steps'. With a `state` file, each
    epoch is kept there, and a training that was interrupted goes on behind the last one, to the same weights.

    Returns:
        One record an epoch.

    Raises:
        RunError: the loss is no longer a number, or the state is another training's.
    """
    set_seed(seed)
    AcceleratorState._reset_state()  # it lives as long as the process, and another run may want another precision
    accelerator = Accelerator(mixed_precision=_precision(recipe))
    if accelerator.num_processes > 1:
        raise RunError("training runs in one process; start it without a distributed launcher")
    if recipe.training.gradient_checkpointing:
        _checkpoint_gradients(checkpoint.model)
    optimizer = make_optimizer(checkpoint.model, recipe)
    model, optimizer = accelerator.prepare(checkpoint.model, optimizer)
    keeper = _Keeper(accelerator.unwrap_model(model), recipe, validation is not None)
    weights = class_weights_for(train, checkpoint.model, recipe)
    trainer = Trainer(accelerator, model, optimizer, recipe, weights, keeper.follow)
    history, ended = _go_on(state, keeper, optimizer, accelerator.scaler)
    for epoch in range(len(history) + 1, 1 if ended else recipe.training.epochs + 1):
        began = time.monotonic()
        loss, norm = trainer.run_epoch(train, epoch, seed, report, history[-1].validation.ua if history else None)
        seen = validate(keeper.model, validation, recipe) if validation is not None else Validation()
        rate = max(float(group["lr"]) for group in optimizer.param_groups)
        history.append(
            EpochRecord(epoch, loss, rate, norm if math.isfinite(norm) else None, seen, time.monotonic() - began)
        )
        ended = keeper.see(history[-1])
        if state is not None:
            state.save(_moment(keeper, optimizer, accelerator.scaler, history, ended))
        if ended:
            break
    # The network that is kept computes in its own precision, as it will when it is loaded.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    keeper.restore()
    return history


def _moment(
    keeper: _Keeper, optimizer: Any, scaler: torch.amp.GradScaler | None, history: list[EpochRecord], ended: bool
) -> TrainingState:
    """Return all that the next epoch depends on."""
    record = {
        "history": [one.as_dict() for one in history],
        "best": keeper.best,
        "best_epoch": keeper.best_epoch,
        "ended": ended,
        "steps": keeper.moving.steps if keeper.moving else 0,
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    return TrainingState(copy_of(keeper.model), optimizer.state_dict()["state"], keeper.kept, record)


def _go_on(
    state: StateFile | None, keeper: _Keeper, optimizer: Any, scaler: torch.amp.GradScaler | None
) -> tuple[list[EpochRecord], bool]:
    """Put everything back to the last epoch that was kept; return its history, and whether it ended there."""
    moment = None if state is None else state.load()
    if moment is None:
        return [], False
    keeper.model.load_state_dict(keeper.model.state_dict() | moment.weights)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moment.optimizer})
    if scaler is not None and moment.record.get("scaler"):
        scaler.load_state_dict(moment.record["scaler"])
    keeper.kept, keeper.best_epoch = moment.kept, moment.record["best_epoch"]
    if keeper.moving is not None:
        keeper.moving.weights, keeper.moving.steps = moment.kept[0], moment.record["steps"]
    keeper.best = None if moment.record["best"] is None else tuple(moment.record["best"])
    history = [
        EpochRecord(**(one | {"validation": Validation(**one["validation"])})) for one in moment.record["history"]
    ]
    return history, moment.record["ended"]


class _Keeper:
    """Keeps the weights that the selection wants: the best epoch's, the last epochs' average, or a moving one."""

    def __init__(self, model: EmotionModel, recipe: Recipe, chooses: bool) -> None:
        training = recipe.training
        self.model, self.chooses = model, chooses
        self.patience, self.epochs = training.patience, training.epochs
        self.moving = None if training.ema is None else MovingAverage(model, training.ema)
        self.kept: list[Weights] = []
        self.best: tuple[float, float] | None = None
        self.best_epoch = 0

    def follow(self) -> None:
        """Look at the step that was made."""
        if self.moving is not None:
            self.moving.follow()

    def see(self, record: EpochRecord) -> bool:
        """Look at the epoch that has ended; return whether to stop."""
        if self.moving is not None:
            self.kept = [self.moving.weights]
            return False
        if not self.chooses:
            if record.epoch > self.epochs - AVERAGED_EPOCHS:
                self.kept.append(copy_of(self.model))
            return False
        score = (record.validation.ua or 0.0, -(record.validation.loss or 0.0))
        if self.best is None or score > self.best:
            self.best, self.best_epoch, self.kept = score, record.epoch, [copy_of(self.model)]
        return self.patience is not None and record.epoch - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Give the network the weights that were kept."""
        self.model.load_state_dict(self.model.state_dict() | average(self.kept))
        self.model.eval()


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
