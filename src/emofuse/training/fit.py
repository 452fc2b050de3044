"""The loop: epochs of effective batches, a look at the validation part, the weights that are kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from torch import Tensor, nn

from emofuse.config import Recipe
from emofuse.data.buckets import effective_batches, micro_batches
from emofuse.data.prepare import Outputs
from emofuse.errors import RecipeError, RunError
from emofuse.evaluation.calibration import probabilities
from emofuse.evaluation.metrics import confusion_matrix, unweighted_accuracy, weighted_accuracy
from emofuse.model.batch import as_tensors
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.network import EmotionModel
from emofuse.model.score import score_batches
from emofuse.model.tuning import is_frozen
from emofuse.training.loader import Part, scoring_batches, training_batch
from emofuse.training.losses import (
    inverse_frequency_weights,
    summed_binary_cross_entropy,
    summed_cross_entropy,
    summed_squared_error,
    with_auxiliary,
)
from emofuse.training.memory import with_less
from emofuse.training.optim import make_optimizer, set_learning_rate

Weights: TypeAlias = dict[str, Tensor]
# With the selection `fixed`, the weights of so many last epochs are averaged.
AVERAGED_EPOCHS = 3


@dataclass(frozen=True)
class Progress:
    """How far training is: the share that is done, the loss so far in this epoch, the last validation UA."""

    epoch: int
    epochs: int
    done: float
    loss: float
    ua: float | None


@dataclass(frozen=True)
class Validation:
    """How a network fares on a validation part; null where there is none."""

    loss: float | None = None
    wa: float | None = None
    ua: float | None = None


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


Reporter: TypeAlias = Callable[[Progress], None]


def fit(
    checkpoint: Checkpoint, train: Part, validation: Part | None, recipe: Recipe, seed: int, report: Reporter
) -> list[EpochRecord]:
    """Train a network in place; it ends with the weights that the recipe's selection keeps.

    With a validation part these are the weights of the epoch with the best UA there (ties: the lower loss), and
    training stops after `patience` epochs without a better one. Without, they are the average of the last
    three epochs' weights.

    Returns:
        One record an epoch.

    Raises:
        RunError: the loss is no longer a number.
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
    trainer = _Trainer(accelerator, model, optimizer, recipe, _class_weights(train, checkpoint.model, recipe))
    keeper = _Keeper(accelerator.unwrap_model(model), recipe.training.patience, validation is not None)
    history: list[EpochRecord] = []
    for epoch in range(1, recipe.training.epochs + 1):
        began = time.monotonic()
        loss, norm = trainer.run_epoch(train, epoch, seed, report, history[-1].validation.ua if history else None)
        seen = validate(keeper.model, validation, recipe) if validation is not None else Validation()
        rate = max(float(group["lr"]) for group in optimizer.param_groups)
        history.append(
            EpochRecord(epoch, loss, rate, norm if math.isfinite(norm) else None, seen, time.monotonic() - began)
        )
        if keeper.see(history[-1], recipe.training.epochs):
            break
    # The network that is kept computes in its own precision, as it will when it is loaded.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    keeper.restore()
    accelerator.free_memory()
    return history


def validate(model: EmotionModel, part: Part, recipe: Recipe) -> Validation:
    """Score a part with the network as it is."""
    said, positions = score_part(model, part, recipe.training.micro_seconds)
    logits = said.logits
    chances = probabilities(logits)
    targets = part.targets[positions]
    loss = float(-np.log(chances[np.arange(len(targets)), targets].clip(min=1e-12)).mean())
    confusion = confusion_matrix(targets, logits.argmax(axis=1), logits.shape[1])
    return Validation(loss, weighted_accuracy(confusion), unweighted_accuracy(confusion))


def score_part(model: EmotionModel, part: Part, micro_seconds: float) -> tuple[Outputs, list[int]]:
    """Return what is said of every utterance of a part, and the position of each row.

    Raises:
        RunError: an utterance alone does not fit into memory.
    """
    return with_less(partial(_score, model, part), micro_seconds, float(part.costs.min()))[0]


def _score(model: EmotionModel, part: Part, micro_seconds: float) -> tuple[Outputs, list[int]]:
    positions: list[int] = []

    def batches() -> Iterator[Any]:
        for chosen, batch in scoring_batches(part, micro_seconds):
            positions.extend(chosen)
            yield batch

    said = list(score_batches(model, batches()))
    told = [outputs.dimensions for outputs in said if outputs.dimensions is not None]
    logits = np.concatenate([outputs.logits for outputs in said])
    return Outputs(logits, np.concatenate(told) if told else None), positions


class _Trainer:
    """One epoch of training: what stays the same from step to step."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        class_weights: Tensor | None,
    ) -> None:
        self.accelerator, self.model, self.optimizer, self.recipe = accelerator, model, optimizer, recipe
        self.class_weights = None if class_weights is None else class_weights.to(accelerator.device)
        self.micro_seconds = recipe.training.micro_seconds
        self.ranges = recipe.dimensions.values()
        self.learning = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def run_epoch(
        self, part: Part, epoch: int, seed: int, report: Reporter, ua: float | None
    ) -> tuple[float, float]:
        """Go once through a part; return the mean loss an utterance and the mean gradient norm."""
        training = self.recipe.training
        rng = np.random.default_rng([seed, epoch])
        batches = effective_batches(part.costs.tolist(), training.batch_seconds, rng)
        total, seen, norms = 0.0, 0, 0.0
        self._training_mode()
        for number, batch in enumerate(batches, start=1):
            done = (epoch - 1 + number / len(batches)) / training.epochs
            set_learning_rate(self.optimizer, done - 0.5 / len(batches) / training.epochs, self.recipe)
            loss, norm = self._step(part, batch, rng)
            if not math.isfinite(loss):
                raise RunError(
                    f"the loss is no longer a number in epoch {epoch}; lower training.lr or the encoders' lr"
                )
            total, seen, norms = total + loss, seen + len(batch), norms + norm
            report(Progress(epoch, training.epochs, done, total / seen, ua))
        return total / seen, norms / len(batches)

    def _step(self, part: Part, batch: list[int], rng: np.random.Generator) -> tuple[float, float]:
        """Make one step from an effective batch; return its summed loss and the gradient's norm."""
        drawn = rng.bit_generator.state

        def accumulate(micro_seconds: float) -> float:
            self.optimizer.zero_grad(set_to_none=True)
            rng.bit_generator.state = drawn
            return self._accumulate(part, batch, rng, micro_seconds)

        shortest = float(part.costs[batch].min())
        total, self.micro_seconds = with_less(accumulate, self.micro_seconds, shortest)
        norm = self.accelerator.clip_grad_norm_(self.learning, self.recipe.training.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total, float(norm)

    def _accumulate(self, part: Part, batch: list[int], rng: np.random.Generator, micro_seconds: float) -> float:
        """Add up the gradients of an effective batch; return its summed loss."""
        total = 0.0
        for positions in micro_batches(part.costs.tolist(), batch, micro_seconds):
            arrays = training_batch(part, positions, self.recipe, rng)
            inputs = as_tensors(arrays, self.accelerator.device)
            targets = torch.from_numpy(part.shares[positions]).to(self.accelerator.device)
            with self.accelerator.autocast():
                output = self.model(**inputs)
            present = (inputs["audio_mask"].any(dim=1), inputs["text_mask"].any(dim=1))
            loss = with_auxiliary(output, targets, present, self._loss, self.recipe.training.auxiliary)
            if output.dimensions is not None:
                wanted = torch.from_numpy(part.dimensions[positions]).to(self.accelerator.device)
                error = summed_squared_error(output.dimensions, wanted, list(self.ranges))
                loss = loss + self.recipe.training.dimension_weight * error
            self.accelerator.backward(loss / len(batch))
            total += float(loss.detach())
        return total

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.recipe.multi_label:
            return summed_binary_cross_entropy(logits, targets, self.class_weights)
        return summed_cross_entropy(logits, targets, self.class_weights, self.recipe.training.label_smoothing)

    def _training_mode(self) -> None:
        """Switch dropout on, but not in frozen encoders: they give the same frames in every epoch."""
        self.model.train()
        for name, module in self.model.named_children():
            if name.endswith("_encoder") and is_frozen(module):
                module.eval()


class _Keeper:
    """Keeps the weights that the selection wants: the best epoch's, or the last epochs' average."""

    def __init__(self, model: EmotionModel, patience: int | None, chooses: bool) -> None:
        self.model, self.patience, self.chooses = model, patience, chooses
        self.kept: list[Weights] = []
        self.best: tuple[float, float] | None = None
        self.best_epoch = 0

    def see(self, record: EpochRecord, epochs: int) -> bool:
        """Look at the epoch that has ended; return whether to stop."""
        if not self.chooses:
            if record.epoch > epochs - AVERAGED_EPOCHS:
                self.kept.append(_copy_of(self.model))
            return False
        score = (record.validation.ua or 0.0, -(record.validation.loss or 0.0))
        if self.best is None or score > self.best:
            self.best, self.best_epoch, self.kept = score, record.epoch, [_copy_of(self.model)]
        return self.patience is not None and record.epoch - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Give the network the weights that were kept."""
        self.model.load_state_dict(self.model.state_dict() | average(self.kept))
        self.model.eval()


def average(weights: list[Weights]) -> Weights:
    """Average weights number by number; what is no float is taken from the last."""
    return {
        name: torch.stack([one[name].double() for one in weights]).mean(dim=0).to(value.dtype)
        if value.is_floating_point() and len(weights) > 1
        else value
        for name, value in weights[-1].items()
    }


def _checkpoint_gradients(model: EmotionModel) -> None:
    try:
        model.gradient_checkpointing_enable()
    except ValueError as error:
        raise RecipeError(
            "training.gradient_checkpointing: these encoders do not offer it; set it to false"
        ) from error


def _copy_of(model: EmotionModel) -> Weights:
    """Copy the weights that may change: not those of frozen encoders."""
    frozen = tuple(
        f"{name}." for name, module in model.named_children() if name.endswith("_encoder") and is_frozen(module)
    )
    return {
        name: value.detach().cpu().clone()
        for name, value in model.state_dict().items()
        if not name.startswith(frozen)
    }


def _class_weights(part: Part, model: EmotionModel, recipe: Recipe) -> Tensor | None:
    if not recipe.training.class_weights:
        return None
    return inverse_frequency_weights(part.targets, len(model.config.task.labels))


def _precision(recipe: Recipe) -> str:
    """Return the precision of the arithmetic: bf16 where a GPU has it and the recipe leaves it open."""
    if recipe.training.precision != "auto":
        return recipe.training.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
