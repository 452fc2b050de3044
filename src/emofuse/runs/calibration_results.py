"""How far confidence can be trusted: before and after calibration, by abstaining, in prediction sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.evaluation.calibration import Calibration, pattern_of, probabilities
from emofuse.evaluation.conformal import coverage_by_group
from emofuse.evaluation.metrics import expected_calibration_error, negative_log_likelihood
from emofuse.evaluation.pictures import coverage_risk_picture, reliability_picture
from emofuse.evaluation.reliability import coverage_risk, reliability
from emofuse.evaluation.scored import Scored
from emofuse.runs.run_folder import Rows, Run
from emofuse.types import SystemName
from emofuse.types.arrays import Float64Array


def trust(run: Run, system: SystemName, scored: Scored) -> dict[str, Any] | None:
    """Return, as means over seeds, what calibration did to a system's probabilities; draw it for the first seed.

    None where labels are told each for itself. With the selection `fixed` there is no validation part to calibrate
    on: before and after are the same then, and nothing is said of abstaining and of prediction sets.
    """
    if run.task.multi_label:
        return None
    documents = []
    for number, seed in enumerate(run.recipe.seeds):
        calibrations = run.calibrations(system, seed)
        after = scored.probabilities[number]
        before = _uncalibrated(scored, run.rows(system, seed), calibrations, after)
        if number == 0:
            _draw(run, system, scored, before, after)
        documents.append(
            {
                "calibrated": any(one.temperatures for one in calibrations.values()),
                "ece_before": expected_calibration_error(
                    before.max(axis=1), before.argmax(axis=1) == scored.truth
                ),
                "nll_before": negative_log_likelihood(before, scored.truth),
                "abstention": _abstention(scored, after, calibrations),
                "conformal": _conformal(scored, after, calibrations),
            }
        )
    first = documents[0]
    return first | {key: float(np.mean([one[key] for one in documents])) for key in ("ece_before", "nll_before")}


def _uncalibrated(
    scored: Scored, rows: Rows, calibrations: dict[int, Calibration], after: Float64Array
) -> Float64Array:
    """Undo each utterance's temperature: its probabilities are a softmax of logits over that."""
    scales = []
    for identity, fold in zip(scored.ids, scored.folds.tolist(), strict=True):
        pattern = pattern_of(rows[identity]["modalities"])
        scales.append(calibrations[fold].temperatures.get(pattern, 1.0) if pattern else 1.0)
    return probabilities(np.log(after.clip(1e-30)) * np.array(scales)[:, None])


def _by_fold(scored: Scored, values: Callable[[int], float | None]) -> Float64Array | None:
    """Return a number of each utterance's fold, (utterances,); None where a fold has none."""
    known = {fold: values(fold) for fold in set(scored.folds.tolist())}
    if any(value is None for value in known.values()):
        return None
    return np.array([known[fold] for fold in scored.folds.tolist()], dtype=np.float64)


def _abstention(
    scored: Scored, after: Float64Array, calibrations: dict[int, Calibration]
) -> dict[str, Any] | None:
    """Return which share is answered at each fold's threshold, and which share of that is right."""
    thresholds = _by_fold(scored, lambda fold: calibrations[fold].threshold)
    if thresholds is None:
        return None
    answered = after.max(axis=1) >= thresholds
    right = (after.argmax(axis=1) == scored.truth)[answered]
    wished = next(iter(calibrations.values())).accuracy
    return {
        "wished_accuracy": wished,
        "answered": float(answered.mean()),
        "accuracy": float(right.mean()) if right.size else None,
    }


def _conformal(scored: Scored, after: Float64Array, calibrations: dict[int, Calibration]) -> dict[str, Any] | None:
    """Return how often prediction sets held the truth, and how large they were, by speaker too: no guarantee."""
    levels = sorted({level for one in calibrations.values() for level in one.conformal})
    if not levels:
        return None
    level = levels[0]
    quantiles = _by_fold(scored, lambda fold: calibrations[fold].conformal.get(level))
    if quantiles is None:
        return None
    sets = 1 - after <= quantiles[:, None]
    names = [speaker or "unknown" for speaker in scored.speakers]
    whole = coverage_by_group(sets, scored.truth, ["all"] * len(names))["all"]
    return {"wished_coverage": level} | whole | {"by_speaker": coverage_by_group(sets, scored.truth, names)}


def _draw(run: Run, system: str, scored: Scored, before: Float64Array, after: Float64Array) -> None:
    def bins(chances: Float64Array) -> Any:
        return reliability(chances.max(axis=1), chances.argmax(axis=1) == scored.truth)

    place = run.out / layout.RELIABILITY_PICTURE.format(system=system)
    reliability_picture(bins(before), bins(after), f"{system}: confidence and accuracy", place)
    curve = coverage_risk(after.max(axis=1), after.argmax(axis=1) == scored.truth)
    place = run.out / layout.COVERAGE_PICTURE.format(system=system)
    coverage_risk_picture(curve, f"{system}: what abstaining gains", place)
