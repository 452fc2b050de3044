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
    """Linear warm-up, then linear decay to zero.

    Attributes:
        epochs: of the whole training.
        warmup: share of training with a rising learning rate.
        encoders_held: first epochs in which the learning rate of the encoders is 0.
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
        held = done * self.epochs < self.encoders_held
        for group in optimizer.param_groups:
            group["lr"] = 0.0 if held and group["part"].endswith("_encoder") else group["peak_lr"] * scale
