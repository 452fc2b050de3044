"""Train one system on a whole corpus: the model that is kept and used."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from emofuse import layout
from emofuse.config import Recipe, dump_recipe, idle_keys
from emofuse.data.cache import key_of
from emofuse.data.labels import undecided
from emofuse.data.recipe_corpus import only_wanted, recipe_corpus
from emofuse.data.run_hashes import recordings_hash, refuse_changed_recordings
from emofuse.data.splits import corpus_hash
from emofuse.data.validation_split import cut_validation
from emofuse.errors import CorpusError, RunError
from emofuse.experiment.environment import environment, run_threads
from emofuse.experiment.job import JobContext, TrainedSystem, train_system, with_undecided
from emofuse.experiment.relative_measuring import measure_relative
from emofuse.experiment.run_settings import calibration_from_run
from emofuse.model.batch_inference import computing_with
from emofuse.runs.held_folder import holding_folder
from emofuse.training.audio_cache import audio_cache_for
from emofuse.training.trainer import Progress, ProgressCallback
from emofuse.training.training_state import StateFile
from emofuse.types import MODALITIES, Corpus, Skip, SystemName
from emofuse.untrusted.json_text import read_json

logger = logging.getLogger(__name__)


def _no_report(progress: Progress) -> None:
    """Do nothing: the default progress callback."""


def train(
    recipe: Recipe,
    corpus: Corpus,
    out: str | Path,
    system: SystemName = "fusion",
    report: ProgressCallback = _no_report,
    run: str | Path | None = None,
    resume: bool = False,
) -> list[Skip]:
    """Train a system on every labelled utterance of a corpus and put its model into `out/model`.

    With the selection `best`, whole speakers (or, failing that, a stratified share) are held out to select the
    epoch; with `fixed`, the model is trained on everything. A finished cross-validation `run` of the same recipe
    changes nothing of that, so that what was cross-validated is what is trained: its out-of-fold predictions
    calibrate the model.

    The state after each epoch is kept in the folder. With `resume`, an interrupted training continues after the
    last one and gives the same model; one that is complete is left as it is.

    Args:
        recipe: what to train; of its seeds the first is used.
        corpus: labels are brought under the recipe's policy first.
        out: the folder.
        system: which of the paper's systems.
        report: progress callback.
        run: the folder of a finished cross-validation of the same corpus and recipe, to take the calibration from.
        resume: continue an interrupted training.

    Returns:
        The utterances that could not be read, and why.

    Raises:
        RunError: the folder holds a model already or, without `resume`, an unfinished training; it cannot be
            written; the run does not fit, or recipe or corpus differ from those of the interrupted training.
        CorpusError, RecipeError: the corpus or the recipe cannot be used.
    """
    out = Path(out)
    _refuse_complete(out, resume)
    labelled, task = recipe_corpus(recipe, corpus)
    calibration = None if run is None else calibration_from_run(Path(run), system, recipe, labelled, task)
    for sentence in idle_keys(recipe):
        logger.warning(sentence)
    with holding_folder(out) as held:

        def checked(progress: Progress) -> None:
            held.refuse_another()
            report(progress)

        context = JobContext(recipe, task, audio_cache_for(recipe.audio.alter), checked)
        recordings = recordings_hash(labelled)
        state = StateFile(out / layout.STATE, _identity(context, labelled, system, recordings))
        resumed = _begin(out, state.identity, resume)
        if (out / layout.MODEL).exists():
            return []
        parts = _parts(labelled, recipe)
        if recipe.training.no_agreement:
            tied = undecided(only_wanted(recipe, corpus), labelled, task, recipe.agreement)
            parts = (with_undecided(*parts, tied, recipe), parts[1])
        layout.write_text(out / layout.RECIPE, dump_recipe(recipe))
        with computing_with(run_threads(out)):
            layout.write_json(out / layout.ENVIRONMENT, environment())
            if system == "fusion" and recipe.training.start == "unimodal":
                _train_unimodal_systems(context, parts, state, resumed)
            unimodal_folders = {modality: out / modality for modality in MODALITIES}
            trained = train_system(context, system, parts, recipe.seeds[0], unimodal_folders, state)
            trained = _with_relative(trained, recipe)
        if calibration is not None:
            trained = replace(trained, calibration=calibration)
        refuse_changed_recordings(labelled, recordings)
        held.refuse_another()
        layout.write_json_lines(out / layout.HISTORY, (record.as_dict() for record in trained.history))
        trained.save(out / layout.MODEL)
        state.clear()
    return trained.skipped


def _with_relative(trained: TrainedSystem, recipe: Recipe) -> TrainedSystem:
    """Return a system with what relative predictions need."""
    network, seconds = trained.checkpoint.model, recipe.training.micro_seconds
    return replace(trained, relative=measure_relative(network, trained.parts[0], seconds))


def _refuse_complete(out: Path, resume: bool) -> None:
    model = out / layout.MODEL
    if model.exists() and not (resume and (out / layout.TRAINING).is_file()):
        raise RunError(f"{model}: holds a model already; choose another folder")


def _begin(out: Path, identity: str, resume: bool) -> bool:
    """Record what is trained in a folder; return whether an interrupted training of the same is resumed."""
    path = out / layout.TRAINING
    if not path.is_file():
        layout.write_json(path, {"identity": identity})
        return False
    if not resume:
        raise RunError(
            f"{out}: holds a training that was interrupted; continue it with --resume, or choose another folder"
        )
    try:
        stored = read_json(path)["identity"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"{path}: is damaged; choose another folder") from error
    if stored != identity:
        raise RunError(f"{out}: holds a training of another recipe or corpus; choose another folder")
    return True


def _parts(labelled: Corpus, recipe: Recipe) -> tuple[Corpus, Corpus]:
    """Return the training part, and the validation part, which may be empty."""
    utterances = sorted((u for u in labelled if u.label is not None), key=lambda u: u.id)
    held_out: set[str] = set()
    if recipe.selection == "best":
        held_out, _ = cut_validation(utterances, recipe.folds_seed)
    training = labelled.select(lambda u: u.label is not None and u.id not in held_out)
    if not len(training):
        raise CorpusError("nothing is left to train on after the validation part is cut; use the selection fixed")
    return training, labelled.select(held_out)


def _identity(context: JobContext, labelled: Corpus, system: SystemName, recordings: str) -> str:
    """Return a hash of what a training depends on: recipe, system, corpus, recordings, augmentation."""
    rows = [[u.id, u.speaker, u.session, u.gender, u.split, sorted(u.tags.items())] for u in labelled]
    return key_of(
        recipe=context.recipe.as_dict(),
        system=system,
        corpus=corpus_hash(labelled),
        rows=sorted(rows),
        recordings=recordings,
        copies=context.store.identity,
    )


def _train_unimodal_systems(
    context: JobContext, parts: tuple[Corpus, Corpus], fused: StateFile, resumed: bool
) -> None:
    """Train the unimodal systems whose weights the fused one starts from, unless that was done before a resume."""
    for modality in MODALITIES:
        folder = fused.path.parent / modality
        if resumed and (folder / layout.MODEL).exists():
            continue
        state = StateFile(folder / layout.STATE, fused.identity)
        train_system(context, modality, parts, context.recipe.seeds[0], state=state).save(folder / layout.MODEL)
        state.clear()
