"""One job: one system, one fold, one seed; trained, put in place, and only then tested."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config import Recipe, TextSource
from emofuse.data.sources import kinds_of, reading
from emofuse.data.splits import tested_beside
from emofuse.errors import CorpusError
from emofuse.evaluation.calibration import probabilities
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.shelf import Shelf
from emofuse.training.card import write_card
from emofuse.training.features import Cost, frozen_of
from emofuse.training.fit import EpochRecord, Reporter, fit, score_part
from emofuse.training.loader import AudioStore, Part, Reader, load_part, texts_of
from emofuse.training.start import joint_recipe, start_from_unimodal
from emofuse.types import Corpus, Fold, Modality, Prediction, Skip, SystemName, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """What the jobs of a run share: the recipe, the task, prepared audio, and who is told how far things are.

    `undecided` holds the utterances on which raters came to no label: they are learnt from by no job, and
    scored with the test part of their speakers. Frozen encoders stand on the shelf, and what was spent on encoders
    is counted.
    """

    recipe: Recipe
    task: Task
    store: AudioStore
    report: Reporter
    undecided: Corpus = field(default_factory=lambda: Corpus(()))
    shelf: Shelf = field(default_factory=Shelf)
    cost: Cost = field(default_factory=Cost)

    def telling(self, report: Reporter) -> Setting:
        """Return the same, with another one who is told."""
        return replace(self, report=report)


@dataclass(frozen=True)
class Job:
    """What is trained where; `source` is the text that it reads."""

    system: SystemName
    fold: Fold
    seed: int
    folder: Path
    source: TextSource = "given"

    @property
    def beside(self) -> dict[Modality, Path]:
        """The folders of the unimodal systems of the same fold, seed and text."""
        _, _, source = self.folder.name.partition("-")
        text = f"text-{source}" if source else "text"
        return {"audio": self.folder.parent / "audio", "text": self.folder.parent / text}


@dataclass(frozen=True)
class Trained:
    """A trained network, how it went, what could not be read on the way, and what writes its card."""

    checkpoint: Checkpoint
    history: list[EpochRecord]
    skipped: list[Skip]
    card: Callable[[Path], None]

    def save(self, folder: Path) -> None:
        """Put the model, with its card, into its place."""
        save_checkpoint(self.checkpoint, folder, self.card)


def train_system(
    setting: Setting,
    system: SystemName,
    parts: tuple[Corpus, Corpus],
    seed: int,
    beside: Mapping[Modality, Path] | None = None,
) -> Trained:
    """Build and train one system.

    Args:
        setting: recipe, task and the like.
        system: "audio", "text" or "fusion".
        parts: the training part, and the validation part, which may be empty.
        seed: of weights, order, crops and dropout.
        beside: the folders of the unimodal systems of this fold and seed, to start from.

    Raises:
        CorpusError: nothing of the training part can be read.
        RecipeError: an encoder cannot be found or does not fit the recipe.
    """
    recipe = setting.recipe
    texts = texts_of(parts[0], recipe.text.source == "mixed")
    checkpoint = build(recipe, system, setting.task, texts, seed, setting.shelf)
    if system == "fusion" and recipe.training.start == "unimodal" and beside is not None:
        start_from_unimodal(checkpoint.model, beside)
        recipe = joint_recipe(recipe)
    soft = recipe.training.soft_labels
    reader = reader_of(checkpoint, setting, recipe)
    train, skipped = load_part(parts[0], setting.task, reader, soft)
    train = train.to_learn_from()
    _refuse_empty(train, "training", system, skipped)
    validation: Part | None = None
    if len(parts[1]):
        validation, more = load_part(parts[1], setting.task, reader)
        skipped += more
        _refuse_empty(validation, "validation", system, skipped)
    history = fit(checkpoint, train, validation, recipe, seed, setting.report)
    card = partial(write_card, recipe=recipe, system=system, model=checkpoint.model, parts=parts, seed=seed)
    return Trained(checkpoint, history, skipped, card)


def run_job(job: Job, setting: Setting, corpus: Corpus) -> list[Skip]:
    """Train, put the model in place, then open the test part, score it and write the predictions.

    No label and no recording of the test part is touched before the model stands in the run folder.
    `metrics.json` is written last: a job that has it is complete.
    """
    layout.make_folder(job.folder)
    setting = replace(setting, recipe=with_source(setting.recipe, job.source))
    train, validation = corpus.select(job.fold.train), corpus.select(job.fold.validation)
    parts = (reading(train, job.source), reading(validation, job.source))
    trained = train_system(setting, job.system, parts, job.seed, job.beside)
    layout.write_json_lines(job.folder / layout.HISTORY, (record.as_dict() for record in trained.history))
    trained.save(job.folder / layout.MODEL)
    tested = corpus.select(job.fold.test)
    test, unread, predictions = _score(job, setting, trained, reading(tested, job.source), layout.PREDICTIONS)
    if job.system != "audio":
        kinds = kinds_of(corpus)  # not of the test part: every fold has the same files
        for source in sorted(kinds - {job.source}) if len(kinds) > 1 else ():
            other = reading(tested, "gold" if source == "gold" else "asr")
            _score(job, setting, trained, other, layout.OTHER_TEXT.format(source=source))
    beside = tested_beside(job.fold, tested, setting.undecided, setting.recipe.text_independent)
    if len(beside):
        unread += _score(job, setting, trained, reading(beside, job.source), layout.UNDECIDED)[1]
    skipped = trained.skipped + unread
    summary = _summary(test, predictions, skipped)
    layout.write_json(job.folder / layout.MODEL / layout.EVALUATION, {"fold": job.fold.name} | summary)
    layout.write_json(job.folder / layout.METRICS, summary)
    return skipped


def _score(
    job: Job, setting: Setting, trained: Trained, corpus: Corpus, name: str
) -> tuple[Part, list[Skip], list[Prediction]]:
    """Score utterances and write what is said of them; return what was read, what was not, and the predictions."""
    part, unread = load_part(corpus, setting.task, reader_of(trained.checkpoint, setting, setting.recipe))
    predictions = predict_part(trained.checkpoint, part, setting.recipe)
    layout.write_json_lines(job.folder / name, (p.as_dict() for p in predictions))
    return part, unread, predictions


def reader_of(checkpoint: Checkpoint, setting: Setting, recipe: Recipe) -> Reader:
    """Return what reads utterances for a network, its frozen encoders' frames from the cache."""
    frozen = frozen_of(checkpoint, recipe, setting.cost)
    return Reader(checkpoint.preparation, setting.store, frozen, setting.cost)


def with_source(recipe: Recipe, source: TextSource) -> Recipe:
    """Return a recipe that reads another text."""
    return recipe.model_copy(update={"text": recipe.text.model_copy(update={"source": source})})


def predict_part(checkpoint: Checkpoint, part: Part, recipe: Recipe) -> list[Prediction]:
    """Predict every utterance of a part, in its order."""
    if not len(part):
        return []
    said, positions = score_part(checkpoint.model, part, recipe)
    task = checkpoint.model.config.task
    chances = probabilities(said.logits, task.multi_label)
    row_of = {position: row for row, position in enumerate(positions)}
    predictions = []
    for position, utterance in enumerate(part.utterances):
        row = row_of[position]
        told = None if said.dimensions is None else map(float, said.dimensions[row])
        predictions.append(
            Prediction.of(
                utterance,
                dict(zip(task.labels, map(float, chances[row]), strict=True)),
                part.modalities[position],
                dimensions=None if told is None else dict(zip(task.dimensions, told, strict=True)),
            )
        )
    return predictions


def is_complete(folder: Path) -> bool:
    """Tell whether a job has ended and its files can be read; a damaged one is done again."""
    try:
        read_predictions(folder)
        read_skips(folder)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


def read_predictions(folder: Path, name: str = layout.PREDICTIONS) -> dict[str, dict[str, Any]]:
    """Return a job's predictions by id, each as `Prediction.as_dict` wrote it."""
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines) if row["label"] in row["probabilities"]}


def read_skips(folder: Path) -> list[Skip]:
    """Return what a complete job left out."""
    document = json.loads((folder / layout.METRICS).read_text(encoding="utf-8"))
    return [Skip(**skip) for skip in document["skipped"]]


def _refuse_empty(part: Part, name: str, system: SystemName, skipped: Sequence[Skip]) -> None:
    if not len(part):
        reason = f"; the first that was skipped: {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"the {name} part has no utterance that the {system} system can use{reason}")


def _summary(test: Part, predictions: Sequence[Prediction], skipped: Sequence[Skip]) -> dict[str, Any]:
    right = sum(p.label == u.label for p, u in zip(predictions, test.utterances, strict=True))
    return {
        "n": len(predictions),
        "wa": right / len(predictions) if predictions else None,
        "without_modality": sum(not modalities for modalities in test.modalities),
        "skipped": [{"id": skip.id, "reason": skip.reason} for skip in skipped],
    }
