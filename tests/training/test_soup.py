"""A soup is the average of trainings that began with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_fit import ready, recipe, same, silent, weights

from emofuse.errors import RecipeError
from emofuse.model.checkpoint import Checkpoint
from emofuse.training.scoring import Validation
from emofuse.training.soup import fit_soup, member_seed
from emofuse.training.stages import fit_in_stages
from emofuse.training.trainer import Progress
from emofuse.types import Corpus

LAYER_NORMS = {"head": {"norm": True}}


def souped(choice: str = "uniform", members: int = 2) -> Any:
    soup = {"members": members, "choice": choice}
    return recipe(selection="best", training={"epochs": 1, "soup": soup}, **LAYER_NORMS)


def bias(checkpoint: Checkpoint) -> torch.nn.Parameter:
    return checkpoint.model.fusion.head.classifier.bias


def test_one_member_is_a_plain_training_to_the_last_digit(corpus: Corpus) -> None:
    results = []
    for way in (fit_in_stages, fit_soup):
        checkpoint, part = ready(corpus, souped(members=1), "text")
        way(checkpoint, part, None, souped(members=1), 0, silent)
        results.append(weights(checkpoint))
    assert same(results[0], results[1]) == set(results[0])


def test_members_begin_alike_differ_by_their_seeds_and_are_averaged(corpus: Corpus) -> None:
    alone = []
    for number in range(2):
        checkpoint, part = ready(corpus, souped(), "text")
        fit_in_stages(checkpoint, part, None, souped(), member_seed(0, number), silent)
        alone.append(bias(checkpoint).detach().clone())
    checkpoint, part = ready(corpus, souped(), "text")
    told: list[Progress] = []
    history = fit_soup(checkpoint, part, None, souped(), 0, told.append)
    assert not torch.equal(alone[0], alone[1])
    torch.testing.assert_close(bias(checkpoint).detach(), (alone[0] + alone[1]) / 2)
    assert [record.member for record in history] == [1, 2]
    assert told[-1].done == 1.0


def test_greedy_takes_the_best_and_what_makes_it_no_worse(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members have biases 1, 2 and 6; the nearer to 2, the better: 2 alone, then not 1 (1.5), not 6 (4)."""
    for values, expected in (([1.0, 2.0, 6.0], 2.0), ([1.0, 2.5, 6.0], 1.75)):
        checkpoint, part = ready(corpus, souped("greedy", 3), "text")
        left = list(values)

        def train(checkpoint: Checkpoint, *others: object, left: list[float] = left) -> list[object]:
            torch.nn.init.constant_(bias(checkpoint), left.pop(0))
            return []

        monkeypatch.setattr("emofuse.training.soup.fit_in_stages", train)
        monkeypatch.setattr(
            "emofuse.training.soup.validate",
            lambda model, *others: Validation(0.0, 0.0, -abs(float(model.fusion.head.classifier.bias[0]) - 2.0)),
        )
        fit_soup(checkpoint, part, part, souped("greedy", 3), 0, silent)
        assert bias(checkpoint).tolist() == [expected] * 4


def test_a_greedy_soup_without_a_validation_part_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"training.soup.choice: greedy chooses members on a validation part"):
        recipe(selection="fixed", training={"soup": {"members": 2, "choice": "greedy"}})
