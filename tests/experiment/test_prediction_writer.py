"""Predictions of a job: written with the logits of the network, from which their probabilities follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_run import small_recipe

from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.evaluation.calibration import Calibration, probabilities
from emofuse.experiment.job import JobContext, reader_of
from emofuse.experiment.prediction_writer import PredictionWriter
from emofuse.model.build import build
from emofuse.runs.job_folder import JobFolder
from emofuse.training.audio_cache import AudioCache
from emofuse.training.scoring import predict_part
from emofuse.types import Corpus

CALIBRATION = Calibration({"text": 0.5}, accuracy=0.9, threshold=0.99)


def writer_of(corpus: Corpus, out: Path, *overrides: str) -> tuple[PredictionWriter, Corpus]:
    """Return a writer of an untrained text system, and the labelled corpus."""
    recipe = small_recipe(out.parent, *overrides)
    labelled, task = recipe_corpus(recipe, corpus)
    checkpoint = build(recipe, "text", task, [str(u.text) for u in corpus], 0)
    reader = reader_of(checkpoint, JobContext(recipe, task, AudioCache(), lambda progress: None), recipe)
    return PredictionWriter(out, checkpoint, CALIBRATION, task, reader, 4.0), labelled


@pytest.mark.parametrize("overrides", [(), ("multi_label=true",)])
def test_logits_are_those_of_the_network_and_probabilities_follow_from_them(
    corpus: Corpus, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    writer, labelled = writer_of(corpus, tmp_path / "job", *overrides)
    part, skipped = writer.write_corpus(labelled, "predictions.jsonl")
    assert skipped == []
    stored = JobFolder(tmp_path / "job").predictions()
    assert list(stored) == [u.id for u in corpus]
    outputs, positions = predict_part(writer.checkpoint.model, part, 4.0)
    labels = writer.task.labels
    for row, position in enumerate(positions):
        one = stored[part.utterances[position].id]
        logits = np.array(one.logits_of(labels))
        assert logits.tolist() == outputs.logits[row].tolist()
        expected = probabilities(logits[None] / 0.5, writer.task.multi_label)[0]
        assert [one.prediction.probabilities[label] for label in labels] == pytest.approx(expected.tolist())


def test_no_prediction_of_a_run_abstains(corpus: Corpus, tmp_path: Path) -> None:
    """The threshold is for use: a run scores every utterance, and results say what abstaining would change."""
    writer, labelled = writer_of(corpus, tmp_path / "job")
    writer.write_corpus(labelled, "predictions.jsonl")
    predictions = [each.prediction for each in JobFolder(tmp_path / "job").predictions().values()]
    assert min(each.confidence for each in predictions) < 0.99
    assert not any(each.abstained for each in predictions)


def test_a_job_is_complete_when_its_metrics_are_written(corpus: Corpus, tmp_path: Path) -> None:
    writer, labelled = writer_of(corpus, tmp_path / "job")
    part, skipped = writer.write_corpus(labelled, "predictions.jsonl")
    assert not JobFolder(tmp_path / "job").is_complete()
    (tmp_path / "job" / "model").mkdir()
    writer.complete("fold 1", part, skipped)
    job = JobFolder(tmp_path / "job")
    assert job.is_complete()
    assert (job.metrics()["n"], job.calibration()) == (len(corpus), CALIBRATION)
