"""One job: one system, one fold, one seed; trained, put in place, and only then tested."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from emofuse import layout
from emofuse.config import Recipe, TextSource
from emofuse.data.relative_parts import RelativeParts
from emofuse.data.splits import tested_beside, trained_beside
from emofuse.data.text_sources import kinds_of, use_text_source
from emofuse.errors import CorpusError
from emofuse.evaluation.calibration import Calibration
from emofuse.experiment.prediction_writer import PredictionWriter
from emofuse.experiment.speaker_norm import write_adapted
from emofuse.model.batch_inference import computing_with
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.encoder_cache import FrozenEncoderCache
from emofuse.model.network import EmotionModel
from emofuse.model.tuning import is_frozen
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import System
from emofuse.training.audio_cache import AudioCache
from emofuse.training.fit import EpochRecord
from emofuse.training.fit_calibration import calibrate
from emofuse.training.frozen_features import EncoderCost, frozen_feature_sources
from emofuse.training.loader import InputReader, PreparedPart, prepare_part, texts_in
from emofuse.training.model_card import write_card
from emofuse.training.soup import fit_soup
from emofuse.training.trainer import ProgressCallback
from emofuse.training.training_state import StateFile
from emofuse.training.warm_start import initialise_from_unimodal, joint_training_recipe
from emofuse.types import MODALITIES, Corpus, Fold, Modality, Skip, SystemName, Task

# A network learns to do without a modality if at least this share of its training part has only the other one,
# and this share only that one.
MIN_UNIMODAL_SHARE = 0.05


@dataclass(frozen=True)
class JobContext:
    """What the jobs of a run share.

    Attributes:
        recipe: of the run.
        task: the labels and dimensions.
        store: of prepared audio.
        report: progress callback.
        undecided: utterances on which raters agreed on no label: a job trains on those of its training speakers
            where `training.no_agreement` says so, and predicts those of its test speakers, apart from all scores.
        encoders: frozen encoders, loaded once.
        cost: what is spent on encoders.
    """

    recipe: Recipe
    task: Task
    store: AudioCache
    report: ProgressCallback
    undecided: Corpus = field(default_factory=lambda: Corpus(()))
    encoders: FrozenEncoderCache = field(default_factory=FrozenEncoderCache)
    cost: EncoderCost = field(default_factory=EncoderCost)

    def cost_figures(self) -> dict[str, int]:
        """Return what the jobs spent on encoders, as results hold it."""
        return {"encoder_forwards": self.cost.encoder_forwards, "cache_hits": self.cost.features.hits}


@dataclass(frozen=True)
class Job:
    """One system, fold and seed.

    Attributes:
        run: the folder of the run.
        name: of the system.
        source: the text that the system takes.
        text: see `System`.
    """

    run: RunFolder
    name: SystemName
    fold: Fold
    seed: int
    source: TextSource = "given"
    text: Literal["asr"] | None = None

    @property
    def system(self) -> System:
        """The system that is trained."""
        return System(self.name, self.text)

    @property
    def folder(self) -> JobFolder:
        """Where the job writes."""
        return self.run.job(self.system, self.fold.index, self.seed)

    @property
    def unimodal_folders(self) -> dict[Modality, Path]:
        """The folders of the unimodal systems of the same fold, seed and text."""
        return {
            modality: self.run.job(self.system.unimodal(modality), self.fold.index, self.seed).path
            for modality in MODALITIES
        }


@dataclass(frozen=True)
class TrainedSystem:
    """A trained network.

    Attributes:
        checkpoint: the network.
        history: a record of each epoch.
        skipped: utterances that could not be read.
        card: writes the model card into a folder.
        calibration: fitted on the validation part.
        parts: the training part, and the validation part if there is one.
        relative: what relative predictions need; None where it was not measured, or cannot be.
    """

    checkpoint: Checkpoint
    history: list[EpochRecord]
    skipped: list[Skip]
    card: Callable[[Path], None]
    calibration: Calibration
    parts: tuple[PreparedPart, PreparedPart | None]
    relative: RelativeParts | None = None

    def save(self, folder: Path) -> None:
        """Save the model with its card and calibration, whole or not at all."""

        def complete(place: Path) -> None:
            self.card(place)
            layout.write_json(place / layout.CALIBRATION, self.calibration.as_dict())
            if self.relative is not None:
                self.relative.save(place)

        save_checkpoint(self.checkpoint, folder, complete)


def train_system(
    context: JobContext,
    system: SystemName,
    parts: tuple[Corpus, Corpus],
    seed: int,
    unimodal_folders: Mapping[Modality, Path] | None = None,
    state: StateFile | None = None,
) -> TrainedSystem:
    """Build and train one system.

    Args:
        context: recipe, task and the like.
        system: "audio", "text" or "fusion".
        parts: the training part, and the validation part, which may be empty.
        seed: of weights, order, crops and dropout.
        unimodal_folders: the folders of the unimodal systems of this fold and seed, to start from.
        state: where the state after each epoch is kept, to resume from; None keeps none.

    Raises:
        CorpusError: nothing of the training part can be read.
        RecipeError: an encoder cannot be found or does not fit the recipe.
    """
    recipe = context.recipe
    texts = texts_in(parts[0], recipe.text.source == "mixed")
    checkpoint = build(recipe, system, context.task, texts, seed, context.encoders)
    if system == "fusion" and recipe.training.start == "unimodal" and unimodal_folders is not None:
        initialise_from_unimodal(checkpoint.model, unimodal_folders)
        recipe = joint_training_recipe(recipe)
    soft = recipe.training.soft_labels
    reader = reader_of(checkpoint, context, recipe)
    train, skipped = prepare_part(parts[0], context.task, reader, soft)
    train = train.with_inputs()
    _refuse_empty(train, "training", system, skipped)
    # The configuration is that of the network which was just built, nobody else's.
    checkpoint.model.config.missing_modalities |= _has_unimodal_utterances(train)
    validation: PreparedPart | None = None
    if len(parts[1]):
        validation, more = prepare_part(parts[1], context.task, reader)
        skipped += more
        _refuse_empty(validation, "validation", system, skipped)
    with computing_with(_fit_threads(checkpoint.model)):
        history = fit_soup(checkpoint, train, validation, recipe, seed, context.report, state)
        calibration = calibrate(checkpoint.model, train, validation, recipe)
    card = partial(write_card, recipe=recipe, system=system, model=checkpoint.model, parts=parts, seed=seed)
    return TrainedSystem(checkpoint, history, skipped, card, calibration, (train, validation))


def _fit_threads(model: EmotionModel) -> int:
    """Return how many threads train a network: one if every encoder is frozen.

    What is trained then is small: more threads make it no faster, and change its last digits between machines.
    """
    encoders = (model.get_submodule(f"{modality}_encoder") for modality in model.config.modalities)
    return 1 if all(map(is_frozen, encoders)) else torch.get_num_threads()


def _has_unimodal_utterances(part: PreparedPart) -> bool:
    """Tell whether enough utterances have each modality alone for a network to learn to do without the other."""
    return all(part.modalities.count((modality,)) >= MIN_UNIMODAL_SHARE * len(part) for modality in MODALITIES)


def run_job(job: Job, context: JobContext, corpus: Corpus) -> list[Skip]:
    """Train, put the model in place, then open the test part, predict it and write the predictions.

    No label and no recording of the test part is opened before the model is in the run folder. `metrics.json` is
    written last: a job that has it is complete. What an interrupted job left is removed.
    """
    folder = job.folder.path
    shutil.rmtree(folder, ignore_errors=True)
    layout.make_folder(folder)
    context = replace(context, recipe=with_source(context.recipe, job.source))
    recipe = context.recipe
    train, validation = corpus.select(job.fold.train), corpus.select(job.fold.validation)
    if recipe.training.no_agreement:
        train = with_undecided(train, corpus.select(job.fold.test), context.undecided, recipe)
    parts = (use_text_source(train, job.source), use_text_source(validation, job.source))
    trained = train_system(context, job.name, parts, job.seed, job.unimodal_folders)
    layout.write_json_lines(folder / layout.HISTORY, (record.as_dict() for record in trained.history))
    trained.save(folder / layout.MODEL)
    writer = PredictionWriter(
        folder,
        trained.checkpoint,
        trained.calibration,
        context.task,
        reader_of(trained.checkpoint, context, recipe),
        recipe.training.micro_seconds,
    )
    tested = corpus.select(job.fold.test)
    test, skipped = writer.write_corpus(use_text_source(tested, job.source), job.system.predictions_file)
    if recipe.speaker_norm:
        write_adapted(writer, job.system.with_speaker_norm().predictions_file, trained.parts, test, recipe)
    if job.name == "fusion":
        writer.write_single_modalities(test)
    if job.system.reads_text:
        writer.write_other_texts(tested, kinds_of(corpus), job.source)
    undecided = tested_beside(job.fold, tested, context.undecided, recipe.text_independent)
    if len(undecided):
        skipped += writer.write_corpus(use_text_source(undecided, job.source), layout.UNDECIDED)[1]
    return writer.complete(job.fold.name, test, trained.skipped + skipped)


def with_undecided(train: Corpus, tested: Corpus, undecided: Corpus, recipe: Recipe) -> Corpus:
    """Return a training part with the utterances on which its speakers' raters agreed on no label."""
    beside = trained_beside(train, tested, undecided, recipe.text_independent)
    return replace(train, utterances=train.utterances + beside.utterances)


def reader_of(checkpoint: Checkpoint, context: JobContext, recipe: Recipe) -> InputReader:
    """Return a reader of utterances for a network; the outputs of its frozen encoders come from the cache."""
    frozen = frozen_feature_sources(checkpoint, recipe, context.cost)
    return InputReader(checkpoint.preparation, context.store, frozen, context.cost)


def with_source(recipe: Recipe, source: TextSource) -> Recipe:
    """Return the recipe with another text source."""
    return recipe.model_copy(update={"text": recipe.text.model_copy(update={"source": source})})


def _refuse_empty(part: PreparedPart, name: str, system: SystemName, skipped: Sequence[Skip]) -> None:
    if not len(part):
        reason = f"; the first that was skipped: {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"the {name} part has no utterance that the {system} system can use{reason}")
