"""Which weights a training ends with: the best epoch's, an average of the last epochs', or a moving average."""

from __future__ import annotations

from emofuse.config import Recipe
from emofuse.model.network import EmotionModel
from emofuse.training.scoring import Validation
from emofuse.training.training_state import Weights
from emofuse.training.weight_average import MovingAverage, average, copy_of


class WeightSelection:
    """Keeps the weights of a network that training ends with.

    Args:
        model: the network in training.
        by_validation: keep the epoch with the best validation UA; else average the last epochs, or all steps.
        epochs: of the whole training.
        averaged_epochs: how many of the last are averaged.
        patience: epochs without a better one after which training stops; None never stops early.
        ema: share of the moving average that stays at each step; None for none.
    """

    def __init__(
        self,
        model: EmotionModel,
        by_validation: bool,
        epochs: int,
        averaged_epochs: int,
        patience: int | None,
        ema: float | None,
    ) -> None:
        self.model, self.by_validation = model, by_validation
        self.patience, self.epochs, self.averaged = patience, epochs, averaged_epochs
        self.moving = None if ema is None else MovingAverage(model, ema)
        self.kept: list[Weights] = []
        self.best: tuple[float, float] | None = None
        self.best_epoch = 0

    @classmethod
    def of_recipe(cls, model: EmotionModel, recipe: Recipe, by_validation: bool) -> WeightSelection:
        """Return the selection that a recipe describes."""
        training = recipe.training
        return cls(
            model, by_validation, training.epochs, training.averaged_epochs, training.patience, training.ema
        )

    def after_step(self) -> None:
        """Update the moving average after a step of the optimiser."""
        if self.moving is not None:
            self.moving.follow()

    def after_epoch(self, epoch: int, validation: Validation) -> bool:
        """Keep the weights of an epoch if they are selected; return whether to stop."""
        if self.moving is not None:
            self.kept = [self.moving.weights]
            return False
        if not self.by_validation:
            if epoch > self.epochs - self.averaged:
                self.kept.append(copy_of(self.model))
            return False
        score = (validation.ua or 0.0, -(validation.loss or 0.0))
        if self.best is None or score > self.best:
            self.best, self.best_epoch, self.kept = score, epoch, [copy_of(self.model)]
        return self.patience is not None and epoch - self.best_epoch >= self.patience

    @property
    def averages(self) -> bool:
        """Whether the weights that were kept are an average, and so those of no single step."""
        return self.moving is not None or len(self.kept) > 1

    def restore(self) -> None:
        """Load the weights that were kept into the network."""
        self.model.load_state_dict(self.model.state_dict() | average(self.kept))
        self.model.eval()
