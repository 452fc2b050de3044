"""How well calibrated a system is: before and after calibration, with abstention, and in prediction sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.evaluation.calibration import Calibration, probabilities
from emofuse.evaluation.conformal import coverage_by_group, prediction_sets
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.evaluation.metrics import expected_calibration_error, negative_log_likelihood
from emofuse.evaluation.pictures import coverage_risk_picture, reliability_picture
from emofuse.evaluation.reliability import Bin, coverage_risk, reliability
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.mean_documents import mean_of
from emofuse.runs.system import System
from emofuse.types.arrays import Float64Array, IntArray


def calibration_results(
    run: CompletedRun, system: System, predictions: LabelledPredictions
) -> dict[str, Any] | None:
    """Return what calibration changed, as means over seeds; draw it for the first seed.

    Abstention and prediction sets are means over the seeds that have them, `seeds` of them.

    None for a multi-label task. With the selection `fixed` there is no validation part to calibrate on: before and
    after are the same then, and abstention and prediction sets are null.

    Raises:
        RunError: the predictions were stored without logits.
    """
    if run.task.multi_label:
        return None
    documents: list[dict[str, Any]] = []
    for number, seed in enumerate(run.recipe.seeds):
        calibrations = {fold: job.calibration() for fold, job in run.folder.jobs(system, seed).items()}
        stored = run.folder.predictions(system, seed)
        logits = np.array([stored[i].logits_of(predictions.labels) for i in predictions.ids], dtype=np.float64)
        before, after = probabilities(logits), predictions.probabilities[number]
        if number == 0:
            _draw(run, system, predictions.truth, before, after)
        documents.append(
            {
                "calibrated": any(each.temperatures for each in calibrations.values()),
                "ece_before": expected_calibration_error(
                    before.max(axis=1), before.argmax(axis=1) == predictions.truth
                ),
                "nll_before": negative_log_likelihood(before, predictions.truth),
                "abstention": _abstention(predictions, after, calibrations),
                "conformal": _conformal(predictions, after, calibrations),
            }
        )
    return {
        "calibrated": any(each["calibrated"] for each in documents),
        "ece_before": float(np.mean([each["ece_before"] for each in documents])),
        "nll_before": float(np.mean([each["nll_before"] for each in documents])),
        "abstention": _mean_over_seeds([each["abstention"] for each in documents]),
        "conformal": _mean_over_seeds([each["conformal"] for each in documents]),
    }


def _mean_over_seeds(documents: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return the mean of the documents that there are, and of how many seeds it is; None if there is none."""
    known = [each for each in documents if each is not None]
    return mean_of(known) | {"seeds": len(known)} if known else None


def _by_utterance(folds: IntArray, value_of: Callable[[int], float | None]) -> Float64Array | None:
    """Return the number of each utterance's fold, (utterances,); None if a fold has none."""
    values: dict[int, float] = {}
    for fold in set(folds.tolist()):
        value = value_of(fold)
        if value is None:
            return None
        values[fold] = value
    return np.array([values[fold] for fold in folds.tolist()], dtype=np.float64)


def _abstention(
    predictions: LabelledPredictions, after: Float64Array, calibrations: dict[int, Calibration]
) -> dict[str, Any] | None:
    """Return which share of utterances is above its fold's threshold, and the accuracy over these."""
    thresholds = _by_utterance(predictions.folds, lambda fold: calibrations[fold].threshold)
    if thresholds is None:
        return None
    accepted = after.max(axis=1) >= thresholds
    correct = (after.argmax(axis=1) == predictions.truth)[accepted]
    target = next(iter(calibrations.values())).accuracy
    return {
        "wished_accuracy": target,
        "answered": float(accepted.mean()),
        "accuracy": float(correct.mean()) if correct.size else None,
    }


def _conformal(
    predictions: LabelledPredictions, after: Float64Array, calibrations: dict[int, Calibration]
) -> dict[str, Any] | None:
    """Return how often prediction sets held the true label and how large they were, also by speaker."""
    levels = sorted({level for each in calibrations.values() for level in each.conformal})
    if not levels:
        return None
    level = levels[0]
    quantiles = _by_utterance(predictions.folds, lambda fold: calibrations[fold].conformal.get(level))
    if quantiles is None:
        return None
    sets = prediction_sets(after, quantiles)
    speakers = [speaker or "unknown" for speaker in predictions.speakers]
    whole = coverage_by_group(sets, predictions.truth, ["all"] * len(speakers))["all"]
    by_speaker = coverage_by_group(sets, predictions.truth, speakers)
    return {"wished_coverage": level} | whole | {"by_speaker": by_speaker}


def _draw(run: CompletedRun, system: System, truth: IntArray, before: Float64Array, after: Float64Array) -> None:
    def bins(values: Float64Array) -> Sequence[Bin]:
        return reliability(values.max(axis=1), values.argmax(axis=1) == truth)

    label, out = system.label, run.folder.path
    place = out / layout.RELIABILITY_PICTURE.format(system=label)
    reliability_picture(bins(before), bins(after), f"{label}: confidence and accuracy", place)
    curve = coverage_risk(after.max(axis=1), after.argmax(axis=1) == truth)
    coverage_risk_picture(
        curve, f"{label}: what abstaining gains", out / layout.COVERAGE_PICTURE.format(system=label)
    )
