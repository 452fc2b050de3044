"""The parameter groups of the optimiser, and the learning rate schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from emofuse.config import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW with a learning rate for each encoder, for a learned layer mix, and for the rest.

    Biases and norms do not decay, nor do the weights of a layer mix.
    """
    rates = {
        "audio_encoder": recipe.audio.lr,
        "text_encoder": recipe.text.lr,
        "mix": recipe.training.mix_lr or recipe.training.lr,
        "rest": recipe.training.lr,
    }
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((_part_of(name), parameter.dim() > 1), []).append(parameter)
    described: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": rates[part],
            "peak_lr": rates[part],
            "part": part,
            "weight_decay": recipe.training.weight_decay if decays else 0.0,
        }
        for (part, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(described, betas=recipe.training.betas)


def _part_of(name: str) -> str:
    """Return which learning rate a parameter has."""
    first = name.split(".")[0]
    if first.endswith("_mix"):
        return "mix"
    return first if first.endswith("_encoder") else "rest"


@dataclass(frozen=True)
class LearningRateSchedule:
    """Linear warm-up, then linear decay to zero; encoders that were held warm up once more after their release.

    Attributes:
        epochs: of the whole training.
        warmup: share of training with a rising learning rate.
        encoders_held: first epochs in which the encoders are not trained.
    """

    epochs: int
    warmup: float
    encoders_held: int = 0

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> LearningRateSchedule:
        """Return the schedule that a recipe describes."""
        return cls(recipe.training.epochs, recipe.training.warmup, recipe.training.encoders_held)

    def set(self, optimizer: torch.optim.Optimizer, done: float) -> None:
        """Set the learning rate of every group for the share of training that is done, from 0 to 1."""
        scale = done / self.warmup if done < self.warmup else (1.0 - done) / (1.0 - self.warmup)
        for group in optimizer.param_groups:
            released = self._released(done) if group["part"].endswith("_encoder") else 1.0
            group["lr"] = group["peak_lr"] * scale * released

    def _released(self, done: float) -> float:
        """Return the share of the scheduled rate that encoders learn with: 0 while held, then rising to 1."""
        if not self.encoders_held:
            return 1.0
        since = done - self.encoders_held / self.epochs
        if since < 0 or not self.warmup:
            return float(since >= 0)
        return min(1.0, since / self.warmup)
