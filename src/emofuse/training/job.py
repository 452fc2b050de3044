"""One job: one system, one fold, one seed; trained, put in place, and only then tested."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config import Recipe
from emofuse.errors import CorpusError
from emofuse.evaluation.calibration import probabilities
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.training.fit import EpochRecord, Reporter, fit, score_part
from emofuse.training.loader import AudioStore, Part, load_part, texts_of
from emofuse.types import Corpus, Fold, Prediction, Skip, SystemName, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is trained where."""

    system: SystemName
    fold: Fold
    seed: int
    folder: Path


@dataclass(frozen=True)
class Trained:
    """A trained network, how it went, and what could not be read on the way."""

    checkpoint: Checkpoint
    history: list[EpochRecord]
    skipped: list[Skip]


def train_system(
    recipe: Recipe,
    system: SystemName,
    task: Task,
    parts: tuple[Corpus, Corpus],
    seed: int,
    store: AudioStore,
    report: Reporter,
) -> Trained:
    """Build and train one system on a training part; the second part, which may be empty, is for validation.

    Raises:
        CorpusError: nothing of the training part can be read.
        RecipeError: an encoder cannot be found or does not fit the recipe.
    """
    train_corpus, validation_corpus = parts
    checkpoint = build(recipe, system, task, texts_of(train_corpus), seed)
    train, skipped = load_part(train_corpus, task, checkpoint.preparation, store)
    if not len(train):
        raise CorpusError(f"no utterance of the training part can be read; the first: {skipped[0].reason}")
    validation: Part | None = None
    if len(validation_corpus):
        validation, more = load_part(validation_corpus, task, checkpoint.preparation, store)
        skipped += more
    history = fit(checkpoint, train, validation, recipe, seed, report)
    return Trained(checkpoint, history, skipped)


def run_job(
    job: Job, recipe: Recipe, task: Task, corpus: Corpus, store: AudioStore, report: Reporter
) -> list[Skip]:
    """Train, put the model in place, then open the test part, score it and write the predictions.

    No label and no recording of the test part is touched before the model stands in the run folder.
    `metrics.json` is written last: a job that has it is complete.
    """
    layout.make_folder(job.folder)
    parts = (corpus.select(job.fold.train), corpus.select(job.fold.validation))
    trained = train_system(recipe, job.system, task, parts, job.seed, store, report)
    layout.write_json_lines(job.folder / layout.HISTORY, (record.as_dict() for record in trained.history))
    save_checkpoint(trained.checkpoint, job.folder / layout.MODEL)
    test, unread = load_part(corpus.select(job.fold.test), task, trained.checkpoint.preparation, store)
    predictions = predict_part(trained.checkpoint, test, recipe)
    layout.write_json_lines(job.folder / layout.PREDICTIONS, (p.as_dict() for p in predictions))
    skipped = trained.skipped + unread
    layout.write_json(job.folder / layout.METRICS, _summary(test, predictions, skipped))
    return skipped


def predict_part(checkpoint: Checkpoint, part: Part, recipe: Recipe) -> list[Prediction]:
    """Predict every utterance of a part, in its order."""
    if not len(part):
        return []
    logits, positions = score_part(checkpoint.model, part, recipe)
    rows = dict(zip(positions, probabilities(logits), strict=True))
    labels, taken = checkpoint.model.config.task.labels, checkpoint.model.config.modalities
    return [
        Prediction.of(
            utterance,
            dict(zip(labels, map(float, rows[position]), strict=True)),
            tuple(modality for modality in utterance.modalities if modality in taken),
        )
        for position, utterance in enumerate(part.utterances)
    ]


def read_predictions(folder: Path) -> dict[str, str]:
    """Return id -> label of a job's predictions."""
    lines = (folder / layout.PREDICTIONS).read_text(encoding="utf-8").splitlines()
    rows = (json.loads(line) for line in lines)
    return {row["id"]: row["label"] for row in rows}


def read_skips(folder: Path) -> list[Skip]:
    """Return what a complete job left out."""
    document = json.loads((folder / layout.METRICS).read_text(encoding="utf-8"))
    return [Skip(**skip) for skip in document["skipped"]]


def _summary(test: Part, predictions: Sequence[Prediction], skipped: Sequence[Skip]) -> dict[str, Any]:
    right = sum(p.label == u.label for p, u in zip(predictions, test.utterances, strict=True))
    return {
        "n": len(predictions),
        "wa": right / len(predictions) if predictions else None,
        "skipped": [{"id": skip.id, "reason": skip.reason} for skip in skipped],
    }
