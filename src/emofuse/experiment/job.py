"""One job: one system, one fold, one seed; trained, put in place, and only then tested."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from emofuse import layout
from emofuse.config import Recipe, TextSource
from emofuse.data.splits import tested_beside
from emofuse.data.text_sources import kinds_of, reading
from emofuse.errors import CorpusError
from emofuse.evaluation.calibration import Calibration
from emofuse.experiment.speaker_norm import give_adapted
from emofuse.experiment.test_predictions import Answers
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.forward import computing_with
from emofuse.model.frozen_encoders import Shelf
from emofuse.model.network import EmotionModel
from emofuse.model.tuning import is_frozen
from emofuse.training.audio_store import AudioStore
from emofuse.training.epoch import Reporter
from emofuse.training.fit import EpochRecord, fit
from emofuse.training.fit_calibration import calibrate
from emofuse.training.frozen_features import Cost, frozen_of
from emofuse.training.loader import Part, Reader, load_part, texts_of
from emofuse.training.model_card import write_card
from emofuse.training.state import StateFile
from emofuse.training.warm_start import joint_recipe, start_from_unimodal
from emofuse.types import MODALITIES, Corpus, Fold, Modality, Skip, SystemName, Task

# In so large a share of a training part each modality stands alone where a network learns to do without the other.
OFTEN = 0.05

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
    """A trained network, how it went, what was not read, what writes its card, and the parts it learnt from."""

    checkpoint: Checkpoint
    history: list[EpochRecord]
    skipped: list[Skip]
    card: Callable[[Path], None]
    calibration: Calibration
    parts: tuple[Part, Part | None]

    def save(self, folder: Path) -> None:
        """Put the model, with its card and calibration, into its place."""

        def complete(place: Path) -> None:
            self.card(place)
            layout.write_json(place / layout.CALIBRATION, self.calibration.as_dict())

        save_checkpoint(self.checkpoint, folder, complete)


def train_system(
    setting: Setting,
    system: SystemName,
    parts: tuple[Corpus, Corpus],
    seed: int,
    beside: Mapping[Modality, Path] | None = None,
    state: StateFile | None = None,
) -> Trained:
    """Build and train one system.

    Args:
        setting: recipe, task and the like.
        system: "audio", "text" or "fusion".
        parts: the training part, and the validation part, which may be empty.
        seed: of weights, order, crops and dropout.
        beside: the folders of the unimodal systems of this fold and seed, to start from.
        state: where each epoch is kept, to go on from; None keeps none.

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
    checkpoint.model.config.missing_modalities |= _either_alone(train)
    validation: Part | None = None
    if len(parts[1]):
        validation, more = load_part(parts[1], setting.task, reader)
        skipped += more
        _refuse_empty(validation, "validation", system, skipped)
    with computing_with(_fit_threads(checkpoint.model)):
        history = fit(checkpoint, train, validation, recipe, seed, setting.report, state)
        calibration = calibrate(checkpoint.model, train, validation, recipe)
    card = partial(write_card, recipe=recipe, system=system, model=checkpoint.model, parts=parts, seed=seed)
    return Trained(checkpoint, history, skipped, card, calibration, (train, validation))


def _fit_threads(model: EmotionModel) -> int:
    """Return how many threads train a network: one where every encoder is frozen.

    What learns then is small: more threads make it no faster, and give it other last digits on other machines.
    """
    encoders = [getattr(model, f"{modality}_encoder") for modality in model.config.modalities]
    return 1 if all(is_frozen(encoder) for encoder in encoders) else torch.get_num_threads()


def _either_alone(part: Part) -> bool:
    """Tell whether a part has each modality alone so often that a network learns to do without the other."""
    return all(part.modalities.count((modality,)) >= OFTEN * len(part) for modality in MODALITIES)


def run_job(job: Job, setting: Setting, corpus: Corpus) -> list[Skip]:
    """Train, put the model in place, then open the test part, score it and write the predictions.

    No label and no recording of the test part is touched before the model stands in the run folder.
    `metrics.json` is written last: a job that has it is complete. What an interrupted job left is removed.
    """
    shutil.rmtree(job.folder, ignore_errors=True)
    layout.make_folder(job.folder)
    setting = replace(setting, recipe=with_source(setting.recipe, job.source))
    train, validation = corpus.select(job.fold.train), corpus.select(job.fold.validation)
    parts = (reading(train, job.source), reading(validation, job.source))
    trained = train_system(setting, job.system, parts, job.seed, job.beside)
    layout.write_json_lines(job.folder / layout.HISTORY, (record.as_dict() for record in trained.history))
    trained.save(job.folder / layout.MODEL)
    answers = Answers(
        job.folder,
        trained.checkpoint,
        trained.calibration,
        setting.task,
        reader_of(trained.checkpoint, setting, setting.recipe),
        setting.recipe.training.micro_seconds,
    )
    tested = corpus.select(job.fold.test)
    test, skipped = answers.give(reading(tested, job.source), layout.PREDICTIONS)
    if setting.recipe.speaker_norm:
        give_adapted(answers, trained.parts, test, setting.recipe)
    if job.system == "fusion":
        answers.give_without(test)
    if job.system != "audio":
        answers.give_of_other_texts(tested, kinds_of(corpus), job.source)
    beside = tested_beside(job.fold, tested, setting.undecided, setting.recipe.text_independent)
    if len(beside):
        skipped += answers.give(reading(beside, job.source), layout.UNDECIDED)[1]
    return answers.complete(job.fold.name, test, trained.skipped + skipped)


def reader_of(checkpoint: Checkpoint, setting: Setting, recipe: Recipe) -> Reader:
    """Return what reads utterances for a network, its frozen encoders' frames from the cache."""
    frozen = frozen_of(checkpoint, recipe, setting.cost)
    return Reader(checkpoint.preparation, setting.store, frozen, setting.cost)


def with_source(recipe: Recipe, source: TextSource) -> Recipe:
    """Return a recipe that reads another text."""
    return recipe.model_copy(update={"text": recipe.text.model_copy(update={"source": source})})


def _refuse_empty(part: Part, name: str, system: SystemName, skipped: Sequence[Skip]) -> None:
    if not len(part):
        reason = f"; the first that was skipped: {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"the {name} part has no utterance that the {system} system can use{reason}")
