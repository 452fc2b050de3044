"""What predictions of corpora that nothing was trained on show: sinks, confidence, and a calibration for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpus import EMOTIONAL

from emofuse.evaluation.calibration import Calibration, fit_temperature, probabilities
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import AUDIO
from emofuse.types.arrays import Float64Array, IntArray

# The confidence at which a prediction should be right so often.
HIGH, RIGHT = 0.9, 0.8
# The share of predictions of left-out corpora that are not abstained from.
ACCEPTED = 0.6
# Of a corpus as many utterances count as of any other.
DRAWN = 2000


def shift_figures(runs: Mapping[str, Path]) -> dict[str, Any]:
    """Return model -> left-out corpus -> what its predictions look like before and after calibration.

    The calibration is fitted on the other left-out corpora, where there are any.
    """
    found: dict[str, Any] = {}
    for model, folder in runs.items():
        logits = left_out_logits(folder)
        found[model] = {}
        for name, (scores, truth, labels) in logits.items():
            others = {other: one for other, one in logits.items() if other != name}
            temperature = _temperature(others or logits)
            found[model][name] = {
                "temperature": temperature,
                "raw": _shares(probabilities(scores), truth, labels),
                "calibrated": _shares(probabilities(scores / temperature), truth, labels),
            }
    return found


def calibration_for_shift(folder: Path, priors: Mapping[str, float]) -> Calibration:
    """Return the highest temperature that a left-out corpus asks for, and a threshold for all of them alike.

    What confidence is worth differs from corpus to corpus, and nobody knows the next one.
    """
    logits = left_out_logits(folder)
    temperature = _temperature(logits)
    drawn = _drawn(logits)
    confidence = probabilities(drawn[0] / temperature).max(axis=1)
    threshold = float(np.quantile(confidence, 1 - ACCEPTED))
    return Calibration({"audio": temperature}, threshold=threshold, priors=priors)


def left_out_logits(folder: Path) -> dict[str, tuple[Float64Array, IntArray, tuple[str, ...]]]:
    """Return corpus -> logits, (utterances, labels), true labels by index, and labels."""
    run = RunFolder.open(folder)
    predicted, labels = run.predictions(AUDIO, 0), tuple(run.results["labels"])
    found = {}
    for name in EMOTIONAL:
        tested = [one for one in run.truth if one.session == name and one.id in predicted]
        if tested:
            rows = np.array([predicted[one.id].logits_of(labels) for one in tested], dtype=np.float64)
            truth = np.array([labels.index(str(one.label)) for one in tested])
            found[name] = (rows, truth, labels)
    return found


def _drawn(logits: Mapping[str, tuple[Float64Array, IntArray, Sequence[str]]]) -> tuple[Float64Array, IntArray]:
    """Return as many utterances of each corpus, some of them more than once."""
    rng = np.random.default_rng(0)
    chosen = {name: rng.integers(len(truth), size=DRAWN) for name, (_, truth, _) in logits.items()}
    scores = np.concatenate([logits[name][0][rows] for name, rows in chosen.items()])
    return scores, np.concatenate([logits[name][1][rows] for name, rows in chosen.items()])


def _temperature(logits: Mapping[str, tuple[Float64Array, IntArray, Sequence[str]]]) -> float:
    return max(fit_temperature(scores, truth) for scores, truth, _ in logits.values())


def _shares(found: Float64Array, truth: IntArray, labels: Sequence[str]) -> dict[str, Any]:
    """Return what is predicted how often, how often it is right, and that of the confident predictions."""
    predicted, confidence = found.argmax(axis=1), found.max(axis=1)
    right, high = predicted == truth, confidence >= HIGH
    accepted = confidence >= np.quantile(confidence, 1 - ACCEPTED)
    return {
        "labels": {
            label: {"predicted": float((predicted == number).mean()), "true": float((truth == number).mean())}
            for number, label in enumerate(labels)
        },
        "accuracy": float(right.mean()),
        "accuracy_accepted": float(right[accepted].mean()),
        "confident": float(high.mean()),
        "accuracy_confident": float(right[high].mean()) if high.any() else None,
    }
