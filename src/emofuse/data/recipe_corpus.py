"""From a recipe and a corpus to labelled utterances and folds."""

from __future__ import annotations

from dataclasses import fields, replace

from emofuse.config import Recipe
from emofuse.data.labels import apply_policy
from emofuse.data.splits import draw_folds
from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Fold, Task, Utterance

# Fields of an utterance that hold one word.
WORD_FIELDS = ("label", "speaker", "session", "gender", "dialogue", "language", "split", "text_source")
# How many values of a field a message lists.
LISTED_VALUES = 10
_FIELDS = frozenset(field.name for field in fields(Utterance))


def field_or_tag(utterance: Utterance, name: str) -> str | None:
    """Return what an utterance has in a field of one word or, under any other name, in a tag."""
    return getattr(utterance, name) if name in WORD_FIELDS else utterance.tags.get(name)


def recipe_corpus(recipe: Recipe, corpus: Corpus) -> tuple[Corpus, Task]:
    """Apply a recipe's `only` and its label policy to a corpus; its utterances are then sorted by id.

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
    """Refuse fields in `training.balance` or `training.label_sets` that hold no word or are in no utterance."""
    named = [("balance", name) for name in recipe.training.balance]
    if recipe.training.label_sets is not None:
        named.append(("label_sets", recipe.training.label_sets))
    for key, name in named:
        if name in _FIELDS and name not in WORD_FIELDS:
            raise RecipeError(
                f"training.{key}: {name} holds no single word; choose a tag, or one of {', '.join(WORD_FIELDS)}"
            )
        if all(field_or_tag(u, name) is None for u in corpus):
            raise RecipeError(
                f"training.{key}: no utterance has {name!r}; choose a tag, or one of {', '.join(WORD_FIELDS)}"
            )


def recipe_folds(recipe: Recipe, corpus: Corpus) -> tuple[Fold, ...]:
    """Draw the folds of a labelled corpus; what a recipe always trains on is in no other part.

    Speakers in two parts are left to the audit.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs.
        RecipeError: no utterance is as `always_train` says.
    """
    always = _always_trained(recipe, corpus)
    rest = corpus.select(lambda u: u.id not in always) if always else corpus
    folds = draw_folds(rest, recipe.protocol, recipe.selection, recipe.folds_seed, recipe.text_independent)
    return tuple(replace(fold, train=fold.train + tuple(sorted(always))) for fold in folds)


def _always_trained(recipe: Recipe, corpus: Corpus) -> set[str]:
    """Return the ids of the labelled utterances that `always_train` names."""
    wanted = recipe.always_train
    always = {
        u.id
        for u in corpus
        if wanted and u.label is not None and all(field_or_tag(u, name) == value for name, value in wanted.items())
    }
    if wanted and not always:
        named = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        raise RecipeError(f"always_train: no labelled utterance has {named}")
    return always


def only_wanted(recipe: Recipe, corpus: Corpus) -> Corpus:
    """Keep the utterances that a recipe's `only` names by a field or a tag, sorted by id.

    The order of the rows of a manifest thus changes nothing: neither batches nor sums are computed in it.

    Raises:
        CorpusError: none is left.
        RecipeError: a field holds no word.
    """
    for name, value in recipe.only.items():
        if name in _FIELDS and name not in WORD_FIELDS:
            raise RecipeError(f"only.{name}: choose a tag, or one of {', '.join(WORD_FIELDS)}")
        kept = tuple(u for u in corpus if field_or_tag(u, name) == value)
        if not kept:
            values = sorted({str(field_or_tag(u, name)) for u in corpus})[:LISTED_VALUES]
            raise CorpusError(f"only: no utterance has {name} {value!r}; there are {', '.join(values)}")
        corpus = replace(corpus, utterances=kept)
    return replace(corpus, utterances=tuple(sorted(corpus, key=lambda u: u.id)))
