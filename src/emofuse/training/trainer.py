"""One epoch of training: effective batches, each a step, made of micro-batches that fit into memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
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
from emofuse.model.network import EmotionModel
from emofuse.model.tuning import is_frozen
from emofuse.training.loader import PreparedPart, training_batch
from emofuse.training.losses import (
    inverse_frequency_weights,
    summed_binary_cross_entropy,
    summed_cross_entropy,
    summed_squared_error,
    with_auxiliary,
)
from emofuse.training.memory import retry_with_smaller_batches
from emofuse.training.optimizer import set_learning_rate
from emofuse.training.sampling import drawing_shares, possible_labels


@dataclass(frozen=True)
class Progress:
    """How far training is: the share that is done, the loss so far in this epoch, the last validation UA."""

    epoch: int
    epochs: int
    done: float
    loss: float
    ua: float | None


ProgressCallback: TypeAlias = Callable[[Progress], None]


class Trainer:
    """One epoch of training: what stays the same from step to step."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        class_weights: Tensor | None,
        stepped: Callable[[], None] = lambda: None,
    ) -> None:
        self.accelerator, self.model, self.optimizer, self.recipe = accelerator, model, optimizer, recipe
        self.class_weights = None if class_weights is None else class_weights.to(accelerator.device)
        self.stepped = stepped
        self.micro_seconds = recipe.training.micro_seconds
        self.ranges = recipe.dimensions.values()
        self.possible: npt.NDArray[np.bool_] | None = None
        self.learning = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def run_epoch(
        self, part: PreparedPart, epoch: int, seed: int, report: ProgressCallback, ua: float | None
    ) -> tuple[float, float]:
        """Go once through a part; return the mean loss an utterance and the mean gradient norm."""
        training = self.recipe.training
        rng = np.random.default_rng([seed, epoch])
        shares = drawing_shares(part.utterances, training.balance)
        batches = effective_batches(part.costs.tolist(), training.batch_seconds, rng, shares)
        labels = part.shares.shape[1]
        self.possible = possible_labels(part.utterances, part.targets, labels, training.label_sets)
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

    def _step(self, part: PreparedPart, batch: list[int], rng: np.random.Generator) -> tuple[float, float]:
        """Make one step from an effective batch; return its summed loss and the gradient's norm."""
        drawn = rng.bit_generator.state

        def accumulate(micro_seconds: float) -> float:
            self.optimizer.zero_grad(set_to_none=True)
            rng.bit_generator.state = drawn
            return self._accumulate(part, batch, rng, micro_seconds)

        shortest = float(part.costs[batch].min())
        total, self.micro_seconds = retry_with_smaller_batches(accumulate, self.micro_seconds, shortest)
        norm = self.accelerator.clip_grad_norm_(self.learning, self.recipe.training.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.stepped()
        return total, float(norm)

    def _accumulate(
        self, part: PreparedPart, batch: list[int], rng: np.random.Generator, micro_seconds: float
    ) -> float:
        """Add up the gradients of an effective batch; return its summed loss."""
        total = 0.0
        for positions in micro_batches(part.costs.tolist(), batch, micro_seconds):
            arrays = training_batch(part, positions, self.recipe, rng)
            inputs = as_tensors(arrays, self.accelerator.device)
            targets = torch.from_numpy(part.shares[positions]).to(self.accelerator.device)
            with self.accelerator.autocast():
                output = self.model(**inputs)
            present = (inputs["audio_mask"].any(dim=1), inputs["text_mask"].any(dim=1))
            possible = (
                None if self.possible is None else torch.from_numpy(self.possible[positions]).to(targets.device)
            )
            loss = with_auxiliary(output, targets, present, self._loss, self.recipe.training.auxiliary, possible)
            if output.dimensions is not None:
                wanted = torch.from_numpy(part.dimensions[positions]).to(self.accelerator.device)
                error = summed_squared_error(output.dimensions, wanted, list(self.ranges))
                loss = loss + self.recipe.training.dimension_weight * error
            self.accelerator.backward(loss / len(batch))
            total += float(loss.detach())
        return total

    def _loss(self, logits: Tensor, targets: Tensor, possible: Tensor | None) -> Tensor:
        smoothing = self.recipe.training.label_smoothing
        if self.recipe.multi_label:
            return summed_binary_cross_entropy(logits, targets, self.class_weights, smoothing)
        return summed_cross_entropy(logits, targets, self.class_weights, smoothing, possible)

    def _training_mode(self) -> None:
        """Switch dropout on, but not in frozen encoders: they give the same frames in every epoch."""
        self.model.train()
        for name, module in self.model.named_children():
            if name.endswith("_encoder") and is_frozen(module):
                module.eval()


def class_weights_for(part: PreparedPart, model: EmotionModel, recipe: Recipe) -> Tensor | None:
    """Return a weight a class, (labels,), if the recipe wants classes to count alike."""
    if not recipe.training.class_weights:
        return None
    return inverse_frequency_weights(part.targets, len(model.config.task.labels))
