"""Train one system on a whole corpus: the model that is kept and used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.cache import key_of
from emofuse.data.splits import corpus_hash
from emofuse.data.validation import cut_validation
from emofuse.errors import CorpusError, RunError
from emofuse.experiment.from_crossval import Lessons, learn_from
from emofuse.experiment.job import Setting, train_system
from emofuse.experiment.setup import environment, recipe_corpus, run_threads
from emofuse.model.forward import computing_with
from emofuse.training.audio_store import store_of
from emofuse.training.epoch import Progress, Reporter
from emofuse.training.state import StateFile
from emofuse.types import MODALITIES, Corpus, Modality, Skip, SystemName


def _silent(progress: Progress) -> None:
    """Tell nobody."""


def train(
    recipe: Recipe,
    corpus: Corpus,
    out: str | Path,
    system: SystemName = "fusion",
    report: Reporter = _silent,
    run: str | Path | None = None,
    resume: bool = False,
) -> list[Skip]:
    """Train a system on every labelled utterance of a corpus and put its model into `out/model`.

    With the selection `best`, whole speakers (or, failing that, a stratified share) are kept aside to choose
    the epoch; with `fixed`, everything is learnt from. With a finished cross-validation `run`, everything is
    learnt from too: its folds have chosen the epochs, and its out-of-fold predictions calibrate the model.

    Each epoch is kept in the folder. With `resume`, a training that was interrupted goes on behind the last one,
    to the same model; one that is complete is left as it is.

    Returns:
        What could not be read, and why.

    Raises:
        RunError: the folder holds a model already or, without `resume`, an unfinished training; it cannot be
            written; the run does not fit, or recipe and corpus do not fit what is to be gone on with.
        CorpusError, RecipeError: the corpus or the recipe cannot be used.
    """
    out = Path(out)
    _refuse_complete(out, resume)
    labelled, task = recipe_corpus(recipe, corpus)
    lessons = None
    if run is not None:
        lessons = learn_from(Path(run), system, recipe, labelled, task)
        recipe = _taught(recipe, lessons)
    setting = Setting(recipe, task, store_of(recipe.audio.alter), report)
    identity = _identity(setting, labelled, system)
    going_on = _begin(layout.make_folder(out), identity, resume)
    if (out / layout.MODEL).exists():
        return []
    parts = _parts(labelled, recipe)
    layout.write_text(out / layout.RECIPE, dump_recipe(recipe))
    with computing_with(run_threads(out)):
        layout.write_json(out / layout.ENVIRONMENT, environment())
        if system == "fusion" and recipe.training.start == "unimodal":
            for modality in MODALITIES:
                alone = setting
                if run is not None:
                    taught = _taught(recipe, learn_from(Path(run), modality, recipe, labelled, task))
                    alone = replace(setting, recipe=taught)
                _train_beside(alone, modality, parts, StateFile(out / modality / layout.STATE, identity), going_on)
        beside = {modality: out / modality for modality in MODALITIES}
        state = StateFile(out / layout.STATE, identity)
        trained = train_system(setting, system, parts, recipe.seeds[0], beside, state)
    if lessons is not None:
        trained = replace(trained, calibration=lessons.calibration)
    layout.write_json_lines(out / layout.HISTORY, (record.as_dict() for record in trained.history))
    trained.save(out / layout.MODEL)
    state.clear()
    return trained.skipped


def _refuse_complete(out: Path, resume: bool) -> None:
    model = out / layout.MODEL
    if model.exists() and not (resume and (out / layout.TRAINING).is_file()):
        raise RunError(f"{model}: holds a model already; choose another folder")


def _begin(out: Path, identity: str, resume: bool) -> bool:
    """Write down what is trained in a folder; return whether a training of the same is gone on with there."""
    path = out / layout.TRAINING
    if not path.is_file():
        layout.write_json(path, {"identity": identity})
        return False
    if not resume:
        raise RunError(
            f"{out}: holds a training that was interrupted; go on with --resume, or choose another folder"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"{path}: is damaged; choose another folder") from error
    if found != identity:
        raise RunError(f"{out}: holds a training of another recipe or corpus; choose another folder")
    return True


def _parts(labelled: Corpus, recipe: Recipe) -> tuple[Corpus, Corpus]:
    """Return what is learnt from, and what is kept aside to choose the epoch; the latter may be empty."""
    utterances = sorted((u for u in labelled if u.label is not None), key=lambda u: u.id)
    kept_aside: set[str] = set()
    if recipe.selection == "best":
        kept_aside, _ = cut_validation(utterances, recipe.folds_seed)
    learnt = labelled.select(lambda u: u.label is not None and u.id not in kept_aside)
    if not len(learnt):
        raise CorpusError("nothing is left to train on beside the validation part; use the selection fixed")
    return learnt, labelled.select(kept_aside)


def _identity(setting: Setting, labelled: Corpus, system: SystemName) -> str:
    """Return what a training depends on, as one word: recipe, system, corpus, what its copies are made with."""
    rows = [[u.id, u.speaker, u.session, u.gender, u.split, sorted(u.tags.items())] for u in labelled]
    return key_of(
        recipe=setting.recipe.as_dict(),
        system=system,
        corpus=corpus_hash(labelled),
        rows=sorted(rows),
        copies=setting.store.identity,
    )


def _train_beside(
    setting: Setting, modality: Modality, parts: tuple[Corpus, Corpus], state: StateFile, going_on: bool
) -> None:
    """Train a unimodal system to start the fused one from, unless this training has done so before."""
    model = state.path.parent / layout.MODEL
    if not (going_on and model.exists()):
        train_system(setting, modality, parts, setting.recipe.seeds[0], state=state).save(model)
        state.clear()


def _taught(recipe: Recipe, lessons: Lessons) -> Recipe:
    """Return the recipe with the epochs that a run has chosen for a system, and nothing kept aside."""
    training = recipe.training.model_copy(update={"epochs": lessons.epochs, "joint_epochs": None})
    return recipe.model_copy(update={"selection": "fixed", "training": training})
