"""Train one system on a whole corpus: the model that is kept and used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.validation import cut_validation
from emofuse.errors import CorpusError, RunError
from emofuse.training.epoch import Progress, Reporter
from emofuse.training.job import Setting, train_system
from emofuse.training.lessons import Lessons, learn_from
from emofuse.training.run import environment, recipe_corpus
from emofuse.training.store import store_of
from emofuse.types import MODALITIES, Corpus, Skip, SystemName


def _silent(progress: Progress) -> None:
    """Tell nobody."""


def train(
    recipe: Recipe,
    corpus: Corpus,
    out: str | Path,
    system: SystemName = "fusion",
    report: Reporter = _silent,
    run: str | Path | None = None,
) -> list[Skip]:
    """Train a system on every labelled utterance of a corpus and put its model into `out/model`.

    With the selection `best`, whole speakers (or, failing that, a stratified share) are kept aside to choose
    the epoch; with `fixed`, everything is learnt from. With a finished cross-validation `run`, everything is
    learnt from too: its folds have chosen the epochs, and its out-of-fold predictions calibrate the model.

    Returns:
        What could not be read, and why.

    Raises:
        RunError: the folder holds a model already, or cannot be written; or the run does not fit.
        CorpusError, RecipeError: the corpus or the recipe cannot be used.
    """
    out = Path(out)
    if (out / layout.MODEL).exists():
        raise RunError(f"{out / layout.MODEL}: holds a model already; choose another folder")
    labelled, task = recipe_corpus(recipe, corpus)
    lessons = None
    if run is not None:
        lessons = learn_from(Path(run), system, recipe, labelled, task)
        recipe = _taught(recipe, lessons)
    layout.make_folder(out)
    utterances = sorted((u for u in labelled if u.label is not None), key=lambda u: u.id)
    kept_aside: set[str] = set()
    if recipe.selection == "best":
        kept_aside, _ = cut_validation(utterances, recipe.folds_seed)
    parts = (
        labelled.select(lambda u: u.label is not None and u.id not in kept_aside),
        labelled.select(kept_aside),
    )
    if not len(parts[0]):
        raise CorpusError("nothing is left to train on beside the validation part; use the selection fixed")
    layout.write_text(out / layout.RECIPE, dump_recipe(recipe))
    layout.write_json(out / layout.ENVIRONMENT, environment())
    store = store_of(recipe.audio.alter)
    setting, seed = Setting(recipe, task, store, report), recipe.seeds[0]
    if system == "fusion" and recipe.training.start == "unimodal":
        for modality in MODALITIES:
            alone = setting
            if run is not None:
                alone = replace(
                    setting, recipe=_taught(recipe, learn_from(Path(run), modality, recipe, labelled, task))
                )
            train_system(alone, modality, parts, seed).save(out / modality / layout.MODEL)
    beside = {modality: out / modality for modality in MODALITIES}
    trained = train_system(setting, system, parts, seed, beside)
    if lessons is not None:
        trained = replace(trained, calibration=lessons.calibration)
    layout.write_json_lines(out / layout.HISTORY, (record.as_dict() for record in trained.history))
    trained.save(out / layout.MODEL)
    return trained.skipped


def _taught(recipe: Recipe, lessons: Lessons) -> Recipe:
    """Return the recipe with the epochs that a run has chosen for a system, and nothing kept aside."""
    training = recipe.training.model_copy(update={"epochs": lessons.epochs, "joint_epochs": None})
    return recipe.model_copy(update={"selection": "fixed", "training": training})
