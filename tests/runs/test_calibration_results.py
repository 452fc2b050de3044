"""Calibration in results: before and after, from stored logits, also where a model is very confident."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss
from small_run import CORPUS, LABELS, TRUTH, WRONG, make_run, small_recipe

from emofuse import layout
from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration
from emofuse.evaluation.conformal import prediction_sets
from emofuse.runs import calibration_results as module
from emofuse.runs.calibration_results import calibration_results
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.system import TEXT


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
    found = results(make_run(tmp_path / "run", gap=gap, calibrations=[Calibration({"text": temperature})] * 2))
    wrong = 1 / (1 + np.exp(gap))  # the probability of the other label
    truth = [LABELS.index(TRUTH[u.id]) for u in CORPUS]
    rows = [
        [wrong if (LABELS[k] == TRUTH[u.id]) == (u.id in WRONG) else 1 - wrong for k in (0, 1)] for u in CORPUS
    ]
    assert found["nll_before"] == pytest.approx(log_loss(truth, rows, labels=[0, 1]), rel=1e-9)
    assert found["ece_before"] == pytest.approx(abs((1 - wrong) - 0.9), abs=1e-9)


def test_predictions_without_logits_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", with_logits=False)
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
    found = results(make_run(tmp_path / "run", calibrations=[wide, narrow]))
    assert sorted(calls[0].tolist()) == [0.3] * 10 + [1.0] * 10
    conformal, abstention = found["conformal"], found["abstention"]
    assert isinstance(conformal, dict)
    assert isinstance(abstention, dict)
    # The first fold lets both labels in; in the second, one of ten has the wrong one.
    assert (conformal["wished_coverage"], conformal["n"]) == (0.9, 20)
    assert (conformal["coverage"], conformal["mean_size"]) == (pytest.approx(0.95), pytest.approx(1.5))
    assert abstention == {"wished_accuracy": 0.8, "answered": 1.0, "accuracy": pytest.approx(0.9), "seeds": 1}


def test_figures_of_trust_are_means_over_seeds(tmp_path: Path) -> None:
    """The second seed has other thresholds and quantiles than the first: the results are of neither alone."""
    run = make_run(tmp_path / "run", recipe=small_recipe(tmp_path, "seeds=[0, 1]"))
    by_seed = [Calibration(accuracy=0.8, threshold=t, conformal={0.9: q}) for t, q in ((0.5, 1.0), (0.99, 0.3))]
    for seed, calibration in enumerate(by_seed):
        for job in run.folder.jobs(TEXT, seed).values():
            metrics = {"calibration": calibration.as_dict(), "skipped": [], "without_modality": 0}
            layout.write_json(job.path / layout.METRICS, metrics)
    found = results(run)
    conformal, abstention = found["conformal"], found["abstention"]
    assert isinstance(conformal, dict)
    assert isinstance(abstention, dict)
    # Seed 0 accepts all and lets both labels in; seed 1 accepts nothing, and its sets hold the predicted label.
    assert abstention == {"wished_accuracy": 0.8, "answered": 0.5, "accuracy": pytest.approx(0.9), "seeds": 2}
    assert (conformal["n"], conformal["seeds"]) == (20, 2)
    assert (conformal["coverage"], conformal["mean_size"]) == (pytest.approx((1.0 + 0.9) / 2), 1.5)
    assert conformal["by_speaker"]["s3"] == {"n": 5, "coverage": pytest.approx((1.0 + 0.6) / 2), "mean_size": 1.5}


def test_a_seed_without_a_threshold_does_not_count_for_abstention(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", recipe=small_recipe(tmp_path, "seeds=[0, 1]"))
    for job in run.folder.jobs(TEXT, 1).values():
        calibration = Calibration(accuracy=0.8, threshold=0.5).as_dict()
        layout.write_json(job.path / layout.METRICS, {"calibration": calibration, "skipped": []})
    found = results(run)
    assert found["abstention"] == {
        "wished_accuracy": 0.8,
        "answered": 1.0,
        "accuracy": pytest.approx(0.9),
        "seeds": 1,
    }
    assert found["conformal"] is None


def test_without_validation_there_is_nothing_to_abstain_by(tmp_path: Path) -> None:
    found = results(make_run(tmp_path / "run"))
    assert (found["calibrated"], found["abstention"], found["conformal"]) == (False, None, None)
    assert (tmp_path / "run" / "reliability-text.png").is_file()
    assert (tmp_path / "run" / "coverage-text.png").is_file()
