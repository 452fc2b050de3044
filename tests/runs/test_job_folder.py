"""The folder of a job: when it is complete, and what it says when it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.stored_predictions import StoredPrediction, write_predictions
from emofuse.types import Prediction, Skip, Utterance

PREDICTION = Prediction.of(Utterance("a", text="well"), {"sad": 0.9, "happy": 0.1}, ("text",))


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path)
    write_predictions(tmp_path / "predictions.jsonl", [StoredPrediction(PREDICTION, {"sad": 2.0, "happy": 0.0})])
    metrics = {
        "calibration": Calibration({"text": 2.0}).as_dict(),
        "skipped": [{"id": "b", "reason": "broken"}],
        "without_modality": 3,
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_a_complete_job_is_read_as_records(job: JobFolder) -> None:
    assert (job.is_complete(), job.fault()) == (True, None)
    assert job.predictions()["a"].prediction == PREDICTION
    assert job.calibration() == Calibration({"text": 2.0})
    assert job.skips() == [Skip("b", "broken")]
    assert job.without_modality() == 3
    assert (job.has("predictions.jsonl"), job.has("undecided.jsonl")) == (True, False)


def test_a_job_that_was_run_before_logits_were_stored_is_not_complete(job: JobFolder) -> None:
    write_predictions(job.path / "predictions.jsonl", [StoredPrediction(PREDICTION)])
    assert not job.is_complete()
    assert job.fault() == "predictions were stored without logits, by an earlier version"


@pytest.mark.parametrize("file", ["predictions.jsonl", "metrics.json"])
@pytest.mark.parametrize("content", [None, "{", "{}\n", "[]\n"])
def test_a_missing_or_damaged_file_is_one_refusal(job: JobFolder, file: str, content: str | None) -> None:
    (job.path / file).unlink()
    if content is not None:
        (job.path / file).write_text(content)
    assert not job.is_complete()
    ended = file != "metrics.json" or content is not None
    assert job.fault() == ("files are missing or damaged" if ended else None)
    with pytest.raises(RunError, match=f"{file}: is missing or damaged; run it again with --resume"):
        job.predictions() if file == "predictions.jsonl" else job.skips()


def test_a_damaged_calibration_is_refused_too(job: JobFolder) -> None:
    metrics = job.metrics()
    metrics["calibration"]["temperatures"] = {"text": -1.0}
    (job.path / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(RunError, match=r"metrics\.json: is missing or damaged"):
        job.calibration()
