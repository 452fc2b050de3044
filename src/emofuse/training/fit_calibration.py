"""What is learnt of a network's confidence on its validation part: temperatures, a threshold, prediction sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emofuse.config import Recipe
from emofuse.evaluation.calibration import (
    PATTERNS,
    Calibration,
    Pattern,
    fit_temperature,
    pattern_of,
    probabilities,
)
from emofuse.evaluation.conformal import conformal_quantile
from emofuse.evaluation.reliability import abstention_threshold
from emofuse.model.network import EmotionModel
from emofuse.training.loader import PreparedPart
from emofuse.training.sampling import drawing_shares
from emofuse.training.scoring import predict_part
from emofuse.types import Modality, Utterance
from emofuse.types.arrays import Float64Array, IntArray


def calibrate(
    model: EmotionModel, train: PreparedPart, validation: PreparedPart | None, recipe: Recipe
) -> Calibration:
    """Fit a calibration on a validation part, each modality pattern by itself; without one, only note the priors.

    A network that hears and reads, and was trained to do without one of them, is scored on the whole part with
    that modality taken away.
    """
    priors = priors_of(train.utterances, recipe.training.balance)
    if validation is None or recipe.multi_label:
        return Calibration(priors=priors)
    temperatures: dict[Pattern, float] = {}
    for pattern, part in patterns_of(model, validation).items():
        said, positions = predict_part(model, part, recipe.training.micro_seconds)
        temperatures[pattern] = fit_temperature(said.logits, part.targets[positions])
    said, positions = predict_part(model, validation, recipe.training.micro_seconds)
    used = [pattern_of(validation.modalities[position]) for position in positions]
    scales = np.array([temperatures.get(pattern, 1.0) if pattern else 1.0 for pattern in used])
    chances = probabilities(said.logits / scales[:, None])
    return decide(Calibration(temperatures, priors=priors), chances, validation.targets[positions], recipe)


def decide(calibration: Calibration, chances: Float64Array, truth: IntArray, recipe: Recipe) -> Calibration:
    """Add the abstention threshold and the conformal quantile that a recipe wishes for.

    Args:
        calibration: temperatures and priors.
        chances: calibrated probabilities, (utterances, labels).
        truth: true labels, (utterances,).
        recipe: its `calibration`.
    """
    wished = recipe.calibration
    threshold = None
    if wished.accuracy is not None:
        threshold = abstention_threshold(chances.max(axis=1), chances.argmax(axis=1) == truth, wished.accuracy)
    quantile = conformal_quantile(chances, truth, wished.coverage)
    return replace(
        calibration, accuracy=wished.accuracy, threshold=threshold, conformal={wished.coverage: quantile}
    )


def patterns_of(model: EmotionModel, part: PreparedPart) -> dict[Pattern, PreparedPart]:
    """Return a part as the network would get it under each modality pattern that it may meet."""
    modalities: tuple[Modality, ...] = model.config.modalities
    full = pattern_of(modalities)
    assert full is not None  # a network takes something
    found = {full: part.of_pattern(modalities)}
    if model.config.missing_modalities:
        found |= {pattern: part.only(pattern) for pattern in PATTERNS if pattern in modalities}
    return {pattern: chosen for pattern, chosen in found.items() if len(chosen)}


def priors_of(utterances: Sequence[Utterance], balance: Sequence[str] = ()) -> dict[str, float]:
    """Return each label's share of what training draws of utterances, (utterances,), under `training.balance`."""
    shares = drawing_shares(utterances, balance)
    found: dict[str, float] = {}
    for number, utterance in enumerate(utterances):
        share = 1 / len(utterances) if shares is None else float(shares[number])
        found[str(utterance.label)] = found.get(str(utterance.label), 0.0) + share
    return dict(sorted(found.items()))
