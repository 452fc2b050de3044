"""The outputs of a network for a part, in evaluation mode: every utterance once, uncropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from emofuse.config import Recipe
from emofuse.data.preparation import Outputs
from emofuse.evaluation.calibration import probabilities
from emofuse.evaluation.metrics import confusion_matrix, unweighted_accuracy, weighted_accuracy
from emofuse.model.batch_inference import run_batches
from emofuse.model.network import EmotionModel
from emofuse.training.loader import PreparedPart, scoring_batches
from emofuse.training.memory import retry_with_smaller_batches


@dataclass(frozen=True)
class Validation:
    """The scores of a network on a validation part; None without one."""

    loss: float | None = None
    wa: float | None = None
    ua: float | None = None


def validate(model: EmotionModel, part: PreparedPart, recipe: Recipe) -> Validation:
    """Score a part with the network as it is."""
    outputs, positions = predict_part(model, part, recipe.training.micro_seconds)
    logits = outputs.logits
    predicted = probabilities(logits)
    targets = part.targets[positions]
    loss = float(-np.log(predicted[np.arange(len(targets)), targets].clip(min=1e-12)).mean())
    confusion = confusion_matrix(targets, logits.argmax(axis=1), logits.shape[1])
    return Validation(loss, weighted_accuracy(confusion), unweighted_accuracy(confusion))


def predict_part(model: EmotionModel, part: PreparedPart, micro_seconds: float) -> tuple[Outputs, list[int]]:
    """Return the outputs for every utterance of a part, and the position of each row.

    Raises:
        RunError: an utterance alone does not fit into memory.
    """
    return retry_with_smaller_batches(partial(_score, model, part), micro_seconds, float(part.costs.min()))[0]


def _score(model: EmotionModel, part: PreparedPart, micro_seconds: float) -> tuple[Outputs, list[int]]:
    positions: list[int] = []

    def batches() -> Iterator[Any]:
        for chosen, batch in scoring_batches(part, micro_seconds):
            positions.extend(chosen)
            yield batch

    outputs = list(run_batches(model, batches()))
    dimensions = [one.dimensions for one in outputs if one.dimensions is not None]
    logits = np.concatenate([one.logits for one in outputs])
    return Outputs(logits, np.concatenate(dimensions) if dimensions else None), positions
