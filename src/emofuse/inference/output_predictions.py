"""From the outputs of a network to calibrated predictions; what is no number is no prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emofuse.data.preparation import Outputs
from emofuse.errors import OutputError
from emofuse.evaluation.calibration import Calibration, pattern_of
from emofuse.inference.priors import PriorShift
from emofuse.types import Modality, Prediction, Task, Utterance
from emofuse.types.arrays import Float32Array


def predictions_of(
    outputs: Outputs,
    utterances: Sequence[Utterance],
    modalities: Sequence[tuple[Modality, ...]],
    task: Task,
    calibration: Calibration,
    priors: PriorShift | None = None,
) -> list[Prediction]:
    """Turn the outputs of a network into calibrated predictions.

    Args:
        outputs: a row for each utterance.
        utterances: in the order of the rows.
        modalities: those that the network used of each utterance.
        task: the labels and dimensions of the outputs.
        calibration: from logits to probabilities, and below which confidence a prediction abstains.
        priors: an adaptation to other label frequencies; None for none.

    Raises:
        OutputError: an output is no number.
    """
    for row, utterance in enumerate(utterances):
        for values in (outputs.logits, outputs.dimensions):
            if values is not None:
                refuse_nonsense(utterance, values[row])
    probabilities = calibration.apply(outputs.logits, list(map(pattern_of, modalities)), task.multi_label)
    if priors is not None:
        probabilities = priors.apply(probabilities)
    predictions = []
    for row, utterance in enumerate(utterances):
        dimensions = None
        if outputs.dimensions is not None:
            dimensions = dict(zip(task.dimensions, map(float, outputs.dimensions[row]), strict=True))
        by_label = dict(zip(task.labels, map(float, probabilities[row]), strict=True))
        prediction = Prediction.of(utterance, by_label, modalities[row], dimensions=dimensions)
        abstained = calibration.abstains(max(by_label.values()))
        predictions.append(replace(prediction, abstained=abstained))
    return predictions


def refuse_nonsense(utterance: Utterance, values: Float32Array) -> None:
    """Refuse what a network computed for an utterance where it is no number.

    Raises:
        OutputError: the message names the utterance.
    """
    if not np.isfinite(values).all():
        raise OutputError(
            f"{utterance.id}: the network computed what is no number; its weights are damaged, or the recording "
            "is beyond what it can compute with: copy or train the model again, or leave the utterance out"
        )
