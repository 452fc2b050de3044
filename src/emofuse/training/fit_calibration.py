"""The calibration of one network, fitted on its validation part: temperatures, a threshold, prediction sets."""

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
from emofuse.evaluation.reliability import cross_fitted_threshold
from emofuse.model.network import EmotionModel
from emofuse.training.loader import PreparedPart
from emofuse.training.sampling import drawing_shares
from emofuse.training.scoring import predict_part
from emofuse.types import Modality, Utterance
from emofuse.types.arrays import Float64Array, IntArray


def calibrate(
    model: EmotionModel, train: PreparedPart, validation: PreparedPart | None, recipe: Recipe
) -> Calibration:
    """Fit a calibration on a validation part for each modality pattern; without one, only record the priors.

    A network with both modalities that was trained to do without one of them is also scored with that modality
    removed.
    """
    priors = priors_of(train.utterances, recipe.training.balance)
    if validation is None or recipe.multi_label:
        return Calibration(priors=priors)
    temperatures: dict[Pattern, float] = {}
    for pattern, part in patterns_of(model, validation).items():
        outputs, positions = predict_part(model, part, recipe.training.micro_seconds)
        temperatures[pattern] = fit_temperature(outputs.logits, part.targets[positions])
    outputs, positions = predict_part(model, validation, recipe.training.micro_seconds)
    used = [pattern_of(validation.modalities[position]) for position in positions]
    scales = np.array([temperatures.get(pattern, 1.0) if pattern else 1.0 for pattern in used])
    calibrated = probabilities(outputs.logits / scales[:, None])
    return with_thresholds(
        Calibration(temperatures, priors=priors), calibrated, validation.targets[positions], recipe
    )


def with_thresholds(
    calibration: Calibration, calibrated: Float64Array, truth: IntArray, recipe: Recipe
) -> Calibration:
    """Add the abstention threshold and the conformal quantile that a recipe asks for.

    One part serves the epoch, temperatures, threshold and quantile. Decision 26 has what that costs, by
    simulation: only thresholds fell short of what was asked for, and they are cross-fitted.

    Args:
        calibration: temperatures and priors.
        calibrated: probabilities, (utterances, labels).
        truth: true labels, (utterances,).
        recipe: its `calibration`.
    """
    wanted = recipe.calibration
    threshold = None
    if wanted.accuracy is not None:
        threshold = cross_fitted_threshold(
            calibrated.max(axis=1), calibrated.argmax(axis=1) == truth, wanted.accuracy
        )
    quantile = conformal_quantile(calibrated, truth, wanted.coverage)
    return replace(
        calibration, accuracy=wanted.accuracy, threshold=threshold, conformal={wanted.coverage: quantile}
    )


def patterns_of(model: EmotionModel, part: PreparedPart) -> dict[Pattern, PreparedPart]:
    """Return a part as the network gets it, for each modality pattern that it supports."""
    modalities: tuple[Modality, ...] = model.config.modalities
    full = pattern_of(modalities)
    assert full is not None  # a network has a modality
    parts = {full: part.of_pattern(modalities)}
    if model.config.missing_modalities:
        parts |= {pattern: part.only(pattern) for pattern in PATTERNS if pattern in modalities}
    return {pattern: chosen for pattern, chosen in parts.items() if len(chosen)}


def priors_of(utterances: Sequence[Utterance], balance: Sequence[str] = ()) -> dict[str, float]:
    """Return each label's share of what training draws of utterances, (utterances,), under `training.balance`.

    Those without a label do not count.
    """
    utterances = [utterance for utterance in utterances if utterance.label is not None]
    shares = drawing_shares(utterances, balance)
    priors: dict[str, float] = {}
    for number, utterance in enumerate(utterances):
        share = 1 / len(utterances) if shares is None else float(shares[number])
        priors[str(utterance.label)] = priors.get(str(utterance.label), 0.0) + share
    return dict(sorted(priors.items()))
