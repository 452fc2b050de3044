"""Calibration in results: before and after, from stored logits, also where a model is very confident."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss
from tiny import write_recipe

from emofuse import layout
from emofuse.config import load_recipe
from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration
from emofuse.evaluation.conformal import prediction_sets
from emofuse.runs import calibration_results as module
from emofuse.runs.calibration_results import calibration_results
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.stored_predictions import StoredPrediction, write_predictions
from emofuse.runs.system import TEXT
from emofuse.types import Corpus, Fold, Prediction, Task, Utterance

LABELS = ("angry", "sad")
N = 20
CORPUS = Corpus(
    tuple(
        Utterance(f"u{n}", text="well", label=LABELS[n % 2], speaker=f"s{n % 4}", session=f"{n % 2}")
        for n in range(N)
    )
)
FOLDS = tuple(
    Fold(number + 1, f"fold {number + 1}", (), (), tuple(f"u{n}" for n in range(N) if n // (N // 2) == number))
    for number in (0, 1)
)
TRUTH = {u.id: str(u.label) for u in CORPUS}
WRONG = {"u3", "u15"}


def made(folder: Path, gap: float, calibrations: Sequence[Calibration], logits: bool = True) -> CompletedRun:
    """Return a run of two folds in which two of twenty are wrong, all by the same difference of logits."""
    recipe = load_recipe(write_recipe(folder.with_suffix(".yaml")), ["seeds=[0]"])
    run = RunFolder.begin(folder, recipe, FOLDS, "hash", {}, resume=False)
    for fold, calibration in zip(FOLDS, calibrations, strict=True):
        job = run.job(TEXT, fold.index, 0)
        rows = [row(utterance, gap, calibration, logits) for utterance in CORPUS if utterance.id in fold.test]
        write_predictions(job.path / layout.PREDICTIONS, rows)
        metrics = {"calibration": calibration.as_dict(), "skipped": [], "without_modality": 0}
        layout.write_json(job.path / layout.METRICS, metrics)
    return CompletedRun(run, recipe, CORPUS, CORPUS, Task(LABELS), FOLDS, ("text",))


def row(utterance: Utterance, gap: float, calibration: Calibration, with_logits: bool) -> StoredPrediction:
    label = str(utterance.label)
    if utterance.id in WRONG:
        label = next(other for other in LABELS if other != label)
    logits = {name: gap if name == label else 0.0 for name in LABELS}
    probabilities = calibration.apply(np.array([list(logits.values())]), ["text"])[0]
    prediction = Prediction.of(utterance, dict(zip(LABELS, probabilities.tolist(), strict=True)), ("text",))
    return StoredPrediction(prediction, logits if with_logits else None)


def results(run: CompletedRun) -> dict[str, object]:
    found = calibration_results(run, TEXT, run.to_arrays(run.seeds(TEXT), TRUTH))
    assert found is not None
    return found


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("gap", [3.0, 200.0])
def test_figures_before_calibration_are_those_of_the_raw_logits(
    tmp_path: Path, temperature: float, gap: float
) -> None:
    """At 200 and a temperature of 0.1 probabilities are 0: logits cannot be recovered from them."""
    found = results(made(tmp_path / "run", gap, [Calibration({"text": temperature})] * 2))
    wrong = 1 / (1 + np.exp(gap))  # the probability of the other label
    truth = [LABELS.index(TRUTH[u.id]) for u in CORPUS]
    rows = [
        [wrong if (LABELS[k] == TRUTH[u.id]) == (u.id in WRONG) else 1 - wrong for k in (0, 1)] for u in CORPUS
    ]
    assert found["nll_before"] == pytest.approx(log_loss(truth, rows, labels=[0, 1]), rel=1e-9)
    assert found["ece_before"] == pytest.approx(abs((1 - wrong) - 0.9), abs=1e-9)


def test_predictions_without_logits_are_refused(tmp_path: Path) -> None:
    run = made(tmp_path / "run", 3.0, [Calibration()] * 2, logits=False)
    with pytest.raises(RunError, match="stored without logits by an earlier version; make the run again"):
        results(run)


def test_prediction_sets_are_made_by_the_tested_function_with_the_quantile_of_each_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def record(probabilities: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
        calls.append(quantiles)
        return prediction_sets(probabilities, quantiles)

    monkeypatch.setattr(module, "prediction_sets", record)
    wide, narrow = (Calibration(accuracy=0.8, threshold=0.5, conformal={0.9: q}) for q in (1.0, 0.3))
    found = results(made(tmp_path / "run", 3.0, [wide, narrow]))
    assert calls[0].tolist() == [1.0] * 10 + [0.3] * 10
    conformal, abstention = found["conformal"], found["abstention"]
    assert isinstance(conformal, dict)
    assert isinstance(abstention, dict)
    # The first fold lets both labels in; in the second, one of ten has the wrong one.
    assert (conformal["wished_coverage"], conformal["n"]) == (0.9, 20)
    assert (conformal["coverage"], conformal["mean_size"]) == (pytest.approx(0.95), pytest.approx(1.5))
    assert abstention == {"wished_accuracy": 0.8, "answered": 1.0, "accuracy": pytest.approx(0.9)}


def test_without_validation_there_is_nothing_to_abstain_by(tmp_path: Path) -> None:
    found = results(made(tmp_path / "run", 3.0, [Calibration()] * 2))
    assert (found["calibrated"], found["abstention"], found["conformal"]) == (False, None, None)
    assert (tmp_path / "run" / "reliability-text.png").is_file()
    assert (tmp_path / "run" / "coverage-text.png").is_file()
