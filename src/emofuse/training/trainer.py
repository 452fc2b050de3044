"""One epoch of training: a step for each effective batch, in micro-batches that fit into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from emofuse.config import Recipe
from emofuse.data.batching import effective_batches, micro_batches
from emofuse.errors import RunError
from emofuse.model.masked_streams import as_tensors
from emofuse.model.tuning import is_frozen
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import PreparedPart
from emofuse.training.losses import Targets, TrainingLoss, inverse_frequency_weights
from emofuse.training.memory import retry_with_smaller_batches
from emofuse.training.optimizer import LearningRateSchedule
from emofuse.training.sampling import drawing_shares, possible_labels

# How many utterances of a batch a message names.
NAMED_UTTERANCES = 20


@dataclass(frozen=True)
class Progress:
    """How far training is: the share that is done, the mean loss of this epoch so far, the last validation UA."""

    epoch: int
    epochs: int
    done: float
    loss: float
    ua: float | None


ProgressCallback: TypeAlias = Callable[[Progress], None]


def within(report: ProgressCallback, begin: float, share: float) -> ProgressCallback:
    """Return a callback for a part of a training: one that begins at a share of the whole and makes up another."""
    return lambda progress: report(replace(progress, done=begin + share * progress.done))


@dataclass(frozen=True)
class EpochSettings:
    """The numbers of a training that are the same in every epoch.

    Attributes:
        schedule: of the learning rate.
        batch_seconds: seconds of sound in an effective batch, after which the optimiser makes a step.
        micro_seconds: seconds of sound that go through the network at once.
        clip: largest norm of the gradient.
        balance: fields or tags whose values are drawn equally often.
        label_sets: the field or tag whose values have labels of their own; None for none.
    """

    schedule: LearningRateSchedule
    batch_seconds: float
    micro_seconds: float
    clip: float
    balance: tuple[str, ...] = ()
    label_sets: str | None = None

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> EpochSettings:
        """Return the settings that a recipe holds."""
        training = recipe.training
        return cls(
            LearningRateSchedule.of_recipe(recipe),
            training.batch_seconds,
            training.micro_seconds,
            training.clip,
            tuple(training.balance),
            training.label_sets,
        )


class Trainer:
    """Trains a network for one epoch at a time.

    Args:
        accelerator: which has prepared network and optimiser.
        model: the network.
        optimizer: with the groups of `make_optimizer`.
        settings: sizes of batches, learning rates and the like.
        loss: of a batch.
        augmentation: of the inputs.
        after_step: called after every step of the optimiser.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        settings: EpochSettings,
        loss: TrainingLoss,
        augmentation: InputAugmentation,
        after_step: Callable[[], None] = lambda: None,
    ) -> None:
        self.accelerator, self.model, self.optimizer = accelerator, model, optimizer
        self.settings, self.augmentation = settings, augmentation
        weights = loss.class_weights
        self.loss = loss if weights is None else replace(loss, class_weights=weights.to(accelerator.device))
        self.after_step = after_step
        self.micro_seconds = settings.micro_seconds
        self.possible: npt.NDArray[np.bool_] | None = None
        self.trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.encoders = [
            parameter
            for name, parameter in accelerator.unwrap_model(model).named_parameters()
            if parameter.requires_grad and name.split(".")[0].endswith("_encoder")
        ]

    def run_epoch(
        self, part: PreparedPart, epoch: int, seed: int, report: ProgressCallback, ua: float | None
    ) -> tuple[float, float]:
        """Train on a part once; return the mean loss of an utterance and the mean gradient norm."""
        schedule = self.settings.schedule
        epochs = schedule.epochs
        rng = np.random.default_rng([seed, epoch])
        shares = drawing_shares(part.utterances, self.settings.balance)
        batches = effective_batches(part.costs.tolist(), self.settings.batch_seconds, rng, shares)
        labels = part.shares.shape[1]
        self.possible = possible_labels(part.utterances, part.targets, labels, self.settings.label_sets)
        total, seen, norms = 0.0, 0, 0.0
        training_mode(self.model)
        with _held(self.encoders if epoch <= schedule.encoders_held else ()):
            for number, batch in enumerate(batches, start=1):
                done = (epoch - 1 + number / len(batches)) / epochs
                schedule.set(self.optimizer, done - 0.5 / len(batches) / epochs)
                loss, norm = self._step(part, batch, rng, epoch)
                total, seen, norms = total + loss, seen + len(batch), norms + norm
                report(Progress(epoch, epochs, done, total / seen, ua))
        return total / seen, norms / len(batches)

    def _step(
        self, part: PreparedPart, batch: list[int], rng: np.random.Generator, epoch: int
    ) -> tuple[float, float]:
        """Make one step from an effective batch; return its summed loss and the gradient's norm.

        Raises:
            RunError: one of the two is no number; the message names the batch.
        """
        random_state = rng.bit_generator.state

        def accumulate(micro_seconds: float) -> float:
            self.optimizer.zero_grad(set_to_none=True)
            rng.bit_generator.state = random_state
            return self._accumulate(part, batch, rng, micro_seconds)

        shortest = float(part.costs[batch].min())
        total, self.micro_seconds = retry_with_smaller_batches(accumulate, self.micro_seconds, shortest)
        norm = float(self.accelerator.clip_grad_norm_(self.trainable, self.settings.clip))
        # With fp16, gradients overflow now and then: such a step is passed over.
        if not math.isfinite(total) or (not math.isfinite(norm) and self.accelerator.scaler is None):
            raise RunError(_of_no_number(epoch, [part.utterances[position].id for position in batch]))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.after_step()
        return total, norm

    def _accumulate(
        self, part: PreparedPart, batch: list[int], rng: np.random.Generator, micro_seconds: float
    ) -> float:
        """Add up the gradients of an effective batch; return its summed loss."""
        total = 0.0
        for positions in micro_batches(part.costs.tolist(), batch, micro_seconds):
            inputs = as_tensors(self.augmentation.batch(part, positions, rng), self.accelerator.device)
            with self.accelerator.autocast():
                output = self.model(**inputs)
            present = (inputs["audio_mask"].any(dim=1), inputs["text_mask"].any(dim=1))
            loss = self.loss(output, self._targets(part, positions), present)
            self.accelerator.backward(loss / len(batch))
            total += float(loss.detach())
        return total

    def _targets(self, part: PreparedPart, positions: list[int]) -> Targets:
        """Return the targets of some utterances, on the device of the network."""
        device = self.accelerator.device
        possible = None if self.possible is None else torch.from_numpy(self.possible[positions]).to(device)
        shares, dimensions = (torch.from_numpy(v[positions]).to(device) for v in (part.shares, part.dimensions))
        return Targets(shares, dimensions, possible)


def training_mode(model: nn.Module) -> None:
    """Switch dropout on, but not in frozen encoders: their frames are the same in every epoch."""
    model.train()
    for name, module in model.named_children():
        if name.endswith("_encoder") and is_frozen(module):
            module.eval()


@contextmanager
def _held(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Compute no gradient of some parameters: they do not move, nor do they count for the gradient's norm."""
    parameters = list(parameters)
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _of_no_number(epoch: int, ids: list[str]) -> str:
    """Return what is said of a batch whose loss or gradient is no number."""
    more = f" and {len(ids) - NAMED_UTTERANCES} more" if len(ids) > NAMED_UTTERANCES else ""
    return (
        f"the loss or its gradient is no longer a number in epoch {epoch}, in the batch of "
        f"{', '.join(ids[:NAMED_UTTERANCES])}{more}; lower training.lr or the encoders' lr, or look at these "
        "utterances"
    )


def class_weights_for(part: PreparedPart, recipe: Recipe) -> Tensor | None:
    """Return the weight of each class, (labels,), if the recipe asks for equal classes; else None."""
    if not recipe.training.class_weights:
        return None
    return inverse_frequency_weights(part.shares)
