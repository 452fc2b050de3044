"""Corpora put together: what an epoch draws of them, and against which labels an utterance is learnt."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY, write_recipe
from torch import nn

from emofuse.config import load_recipe, make_recipe
from emofuse.data.batching import effective_batches
from emofuse.data.recipe_corpus import field_or_tag, recipe_corpus
from emofuse.errors import RecipeError
from emofuse.training.losses import summed_cross_entropy
from emofuse.training.sampling import drawing_shares, possible_labels
from emofuse.types import Corpus, Utterance


def utterance(number: int, corpus: str | None, label: str, speaker: str) -> Utterance:
    tags = {} if corpus is None else {"corpus": corpus}
    return Utterance(f"u{number}", text="x", label=label, speaker=speaker, tags=tags)


# A large corpus with one rare label, and a small one.
MIXED = [utterance(n, "large", "sad" if n == 0 else "happy", f"a{n % 2}") for n in range(18)]
MIXED += [utterance(100 + n, "small", "angry", "b") for n in range(2)]


def test_each_value_of_the_first_field_is_drawn_as_often_as_any_other() -> None:
    shares = drawing_shares(MIXED, ("corpus", "label"))
    assert shares is not None
    by_corpus, by_label = Counter[str | None](), Counter[str | None]()
    for one, share in zip(MIXED, shares, strict=True):
        by_corpus[field_or_tag(one, "corpus")] += share
        by_label[one.label] += share
    assert by_corpus["large"] == pytest.approx(0.5)
    assert by_label["sad"] == by_label["happy"] == pytest.approx(0.25)
    assert shares[1] == pytest.approx(0.25 / 17)


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, max_size=30))
def test_shares_are_those_of_a_draw_made_field_by_field(rows: list[tuple[str, str, str]]) -> None:
    utterances = [utterance(number, *row) for number, row in enumerate(rows)]
    shares = drawing_shares(utterances, ("corpus", "label", "speaker"))
    assert shares is not None
    for position, row in enumerate(rows):
        expected, alike = 1.0, rows
        for field in range(3):
            expected /= len({one[field] for one in alike})
            alike = [one for one in alike if one[field] == row[field]]
        assert shares[position] == pytest.approx(expected / len(alike))


def test_an_epoch_draws_by_its_shares_as_many_as_there_are() -> None:
    shares = np.array([0.0, 0.9, 0.1])
    batches = effective_batches([1.0] * 3, 2.0, np.random.default_rng(0), shares)
    drawn = [position for batch in batches for position in batch]
    assert len(drawn) == 3
    draws = (effective_batches([1.0] * 3, 9.0, np.random.default_rng(seed), shares) for seed in range(300))
    many = [position for (batch,) in draws for position in batch]
    counts = np.bincount(many, minlength=3) / len(many)
    np.testing.assert_allclose(counts, shares, atol=0.03)


def test_without_a_field_all_count_alike() -> None:
    assert drawing_shares(MIXED, ()) is None
    assert possible_labels(MIXED, np.zeros(20, dtype=np.int64), 2, None) is None


def test_a_label_is_possible_where_its_corpus_has_it() -> None:
    names = ["angry", "happy", "sad"]
    targets = np.array([names.index(str(one.label)) for one in MIXED])
    possible = possible_labels(MIXED, targets, 3, "corpus")
    assert possible is not None
    assert possible[0].tolist() == [False, True, True]
    assert possible[-1].tolist() == [True, False, False]
    some = [replace(MIXED[0], tags={}), *MIXED[1:]]
    possible = possible_labels(some, targets, 3, "corpus")
    assert possible is not None
    assert possible[0].all()
    assert possible[1:].tolist() == possible_labels(MIXED[1:], targets[1:], 3, "corpus").tolist()  # type: ignore[union-attr]


def test_a_field_that_nobody_has_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"training\.balance: no utterance has 'colour'"):
        drawing_shares(MIXED, ("colour",))
    with pytest.raises(RecipeError, match=r"training\.label_sets: no utterance has 'colour'"):
        possible_labels(MIXED, np.zeros(20, dtype=np.int64), 2, "colour")


def test_the_loss_of_a_closed_set_is_that_of_the_labels_in_it() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(5, 4)).astype(np.float32)).requires_grad_()
    targets = torch.eye(4)[[0, 1, 0, 1, 1]]
    possible = torch.tensor([[True, True, False, True]] * 5)
    found = summed_cross_entropy(logits, targets, None, 0.2, possible)
    inside = [0, 1, 3]
    expected = nn.functional.cross_entropy(
        logits[:, inside], targets[:, inside], reduction="sum", label_smoothing=0.2
    )
    torch.testing.assert_close(found, expected)
    found.backward()
    assert logits.grad is not None
    assert (logits.grad[:, 2] == 0).all()


def test_several_labels_at_once_have_no_sets(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "r.yaml", TINY))
    with pytest.raises(RecipeError, match="label_sets is for one label"):
        make_recipe(recipe.as_dict() | {"multi_label": True, "training": {"label_sets": "corpus"}})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"balance": ["text"]}, r"training\.balance: text holds no single word"),
        ({"balance": ["colour"]}, r"training\.balance: no utterance has 'colour'"),
        ({"label_sets": "colour"}, r"training\.label_sets: no utterance has 'colour'"),
    ],
)
def test_a_field_that_cannot_be_drawn_by_is_refused_before_anything_is_read(
    settings: dict[str, Any], said: str, corpus: Corpus, tmp_path: Path
) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "r.yaml", TINY)).as_dict()
    changed = make_recipe(recipe | {"training": recipe["training"] | settings})
    with pytest.raises(RecipeError, match=said):
        recipe_corpus(changed, corpus)


def test_votes_have_no_sets_of_labels(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "r.yaml", TINY)).as_dict()
    with pytest.raises(RecipeError, match="leave it or soft_labels out"):
        make_recipe(recipe | {"training": {"label_sets": "corpus", "soft_labels": True}})
