"""Averages of weights: of some epochs, or of all steps, the latest weighted most."""

from __future__ import annotations

import torch

from emofuse.model.network import EmotionModel
from emofuse.model.tuning import is_frozen
from emofuse.training.training_state import Weights


class MovingAverage:
    """An exponential mean of a network's weights over its steps (Polyak and Juditsky 1992).

    Args:
        model: whose weights are followed; those of frozen encoders are not.
        share: of the mean that stays at each step. The first steps weigh more, so that the weights from which
            training began are soon forgotten.
    """

    def __init__(self, model: EmotionModel, share: float) -> None:
        self.model, self.share, self.steps = model, share, 0
        self.weights = copy_of(model, on_cpu=False)

    def resume(self, weights: Weights, steps: int) -> None:
        """Continue from a mean that was saved after so many steps."""
        self.steps = steps
        self.weights = {name: value.to(self.weights[name].device) for name, value in weights.items()}

    def follow(self) -> None:
        """Update the mean with the weights after a step."""
        self.steps += 1
        stays = min(self.share, (self.steps + 1) / (self.steps + 10))
        now = self.model.state_dict()
        with torch.no_grad():
            for name, mean in self.weights.items():
                value = now[name]
                if mean.is_floating_point():
                    mean.lerp_(value, 1.0 - stays)
                else:
                    mean.copy_(value)


def average(weights: list[Weights]) -> Weights:
    """Average weights number by number; integers are taken from the last."""
    return {
        name: torch.stack([one[name].double() for one in weights]).mean(dim=0).to(value.dtype)
        if value.is_floating_point() and len(weights) > 1
        else value
        for name, value in weights[-1].items()
    }


def copy_of(model: EmotionModel, on_cpu: bool = True) -> Weights:
    """Copy the weights that may change, not those of frozen encoders, into main memory or where they are."""
    frozen = tuple(
        f"{name}." for name, module in model.named_children() if name.endswith("_encoder") and is_frozen(module)
    )
    return {
        name: value.detach().to("cpu" if on_cpu else value.device).clone()
        for name, value in model.state_dict().items()
        if not name.startswith(frozen)
    }
