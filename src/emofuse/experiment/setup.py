"""The run folder: what it was made with, and whether it may be gone on with."""

from __future__ import annotations

import json
import platform
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from emofuse import layout
from emofuse.config import Recipe, dump_recipe
from emofuse.data.labels import apply_policy
from emofuse.data.splits import draw_folds
from emofuse.errors import CorpusError, RecipeError, RunError
from emofuse.threads import compute_threads
from emofuse.training.sampling import WORDS, word_of
from emofuse.types import Corpus, Fold, Task, Utterance

# How many values are shown of a field that a recipe's `only` names.
SHOWN = 10
_FIELDS = frozenset(field.name for field in fields(Utterance))


def recipe_corpus(recipe: Recipe, corpus: Corpus) -> tuple[Corpus, Task]:
    """Bring a corpus under a recipe's label policy; `only_wanted` comes first.

    Raises:
        RecipeError: no policy has that name.
        CorpusError: fewer than two labels are left.
    """
    _refuse_unknown(recipe, corpus)
    labelled, task = apply_policy(only_wanted(recipe, corpus), recipe.labels, recipe.agreement, recipe.multi_label)
    dimensions, ranges = tuple(recipe.dimensions), tuple(recipe.dimensions.values())
    for name in dimensions:
        if not any(name in (u.dimensions or {}) for u in labelled):
            raise CorpusError(f"dimensions.{name}: no utterance of {corpus.name or 'the corpus'} has it")
    return labelled, Task(task.labels, dimensions, ranges, recipe.multi_label)


def _refuse_unknown(recipe: Recipe, corpus: Corpus) -> None:
    """Refuse fields by which training draws or parts labels that hold no word, or nobody has."""
    named = [("balance", name) for name in recipe.training.balance]
    if recipe.training.label_sets is not None:
        named.append(("label_sets", recipe.training.label_sets))
    for key, name in named:
        if name in _FIELDS and name not in WORDS:
            raise RecipeError(f"training.{key}: {name} is no word; choose a tag, or one of {', '.join(WORDS)}")
        if all(word_of(u, name) is None for u in corpus):
            raise RecipeError(
                f"training.{key}: no utterance has {name!r}; choose a tag, or one of {', '.join(WORDS)}"
            )


def recipe_folds(recipe: Recipe, corpus: Corpus) -> tuple[Fold, ...]:
    """Part a labelled corpus as a recipe says; what it always trains on stands in no other part.

    Whether a speaker stands in two parts is not looked at: the audit does.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs.
        RecipeError: nothing is as `always_train` says.
    """
    beside = _always_trained(recipe, corpus)
    rest = corpus.select(lambda u: u.id not in beside) if beside else corpus
    folds = draw_folds(rest, recipe.protocol, recipe.selection, recipe.folds_seed, recipe.text_independent)
    return tuple(replace(fold, train=fold.train + tuple(sorted(beside))) for fold in folds)


def _always_trained(recipe: Recipe, corpus: Corpus) -> set[str]:
    """Return the ids of the labelled utterances that `always_train` names."""
    wanted = recipe.always_train
    found = {
        u.id
        for u in corpus
        if wanted and u.label is not None and all(word_of(u, name) == value for name, value in wanted.items())
    }
    if wanted and not found:
        named = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        raise RecipeError(f"always_train: no labelled utterance has {named}")
    return found


def only_wanted(recipe: Recipe, corpus: Corpus) -> Corpus:
    """Keep the utterances that a recipe's `only` names by a field or a tag.

    Raises:
        CorpusError: none is left.
        RecipeError: a field holds no word.
    """
    for name, value in recipe.only.items():
        if name in _FIELDS and name not in WORDS:
            raise RecipeError(f"only.{name}: choose a tag, or one of {', '.join(WORDS)}")
        kept = tuple(u for u in corpus if word_of(u, name) == value)
        if not kept:
            found = sorted({str(word_of(u, name)) for u in corpus})[:SHOWN]
            raise CorpusError(f"only: no utterance has {name} {value!r}; there are {', '.join(found)}")
        corpus = replace(corpus, utterances=kept)
    return corpus


def environment() -> dict[str, Any]:
    """Return what a result may depend on: versions, threads, processor kind."""
    packages = ("emofuse", "torch", "transformers", "accelerate", "numpy", "scikit-learn", "soundfile", "soxr")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {package: version(package) for package in packages},
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def run_threads(out: Path) -> int:
    """Return with how many threads a run computes: as many as when it began, else what is free now.

    A run that is gone on with so gives the same numbers as one that was never interrupted.
    """
    try:
        return int(json.loads((out / layout.ENVIRONMENT).read_text(encoding="utf-8"))["threads"])
    except (OSError, ValueError, LookupError, TypeError):
        return compute_threads()


def open_run(out: Path, recipe: Recipe, document: dict[str, Any], resume: bool) -> None:
    """Make the run folder, or make sure that it holds this very run.

    Raises:
        RunError: the folder holds a run, and `resume` is False or it is another run.
    """
    layout.make_folder(out)
    if not (out / layout.FOLDS).is_file():
        layout.write_text(out / layout.RECIPE, dump_recipe(recipe))
        layout.write_json(out / layout.ENVIRONMENT, environment())
        layout.write_json(out / layout.FOLDS, document)
        return
    if not resume:
        raise RunError(f"{out}: holds a run already; add --resume to go on with it, or choose another folder")
    try:
        held = json.loads((out / layout.FOLDS).read_text(encoding="utf-8"))
        same_recipe = (out / layout.RECIPE).read_text(encoding="utf-8") == dump_recipe(recipe)
    except (OSError, ValueError) as error:
        raise RunError(
            f"{out}: its {layout.FOLDS} or {layout.RECIPE} is damaged; start in another folder"
        ) from error
    if held.get("hash") != document["hash"]:
        raise RunError(f"{out}: was run on other folds; the manifest or the protocol has changed")
    if held.get("corpus_hash") != document["corpus_hash"]:
        raise RunError(f"{out}: was run on another manifest; its labels, texts, spans or files have changed")
    if not same_recipe:
        raise RunError(f"{out}: was run with another recipe; compare {out / layout.RECIPE}")
