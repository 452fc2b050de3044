"""Keys that do nothing are named, each with a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emofuse.config import idle_keys, load_variants, make_recipe
from emofuse.errors import RecipeError

RECIPES = Path(__file__).parents[2] / "recipes"
SOUND, WORDS = {"encoder": "sound"}, {"encoder": "words"}


def of(selection: str = "fixed", **training: Any) -> tuple[str, ...]:
    return idle_keys(make_recipe({"selection": selection, "audio": SOUND, "text": WORDS, "training": training}))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_no_recipe_that_is_shipped_has_any(path: Path) -> None:
    assert [idle_keys(recipe) for recipe in load_variants(path).values()] == [()] * len(load_variants(path))


@pytest.mark.parametrize(
    ("selection", "training", "named"),
    [
        ("fixed", {"epochs": 4, "encoders_held": 4}, "encoders_held: 4 of 4 epochs"),
        ("fixed", {"mix_lr": 0.1}, "mix_lr"),
        ("best", {"averaged_epochs": 2}, "averaged_epochs does nothing with selection: best"),
        ("fixed", {"averaged_epochs": 2, "ema": 0.9}, "averaged_epochs does nothing beside training.ema"),
        ("fixed", {"epochs": 3}, "averaged_epochs: 3 averages all 3 epochs"),
        ("best", {"epochs": 3, "patience": 3}, "patience: 3 never ends a training of 3 epochs"),
        ("fixed", {"joint_epochs": 3}, "joint_epochs does nothing"),
        ("fixed", {"dimension_weight": 2.0}, "dimension_weight does nothing"),
    ],
)
def test_a_key_without_effect_is_named(selection: str, training: dict[str, Any], named: str) -> None:
    (sentence,) = of(selection, **training)
    assert sentence.startswith("training.")
    assert named in sentence


def test_normalised_frames_that_are_pooled_as_they_are_are_named() -> None:
    sound = SOUND | {"frame_norm": "batch"}
    (sentence,) = idle_keys(make_recipe({"pooling": "layers", "audio": sound, "text": WORDS}))
    assert "audio.frame_norm does nothing with pooling: layers" in sentence


def test_held_encoders_that_are_frozen_anyway_are_named() -> None:
    frozen = [{**encoder, "tuning": "frozen"} for encoder in (SOUND, WORDS)]
    values = {"audio": frozen[0], "text": frozen[1], "training": {"encoders_held": 1}}
    assert "where both encoders are frozen" in idle_keys(make_recipe(values))[0]


def test_patience_without_a_validation_part_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"training.patience needs a validation part.*selection: best"):
        of("fixed", patience=3)
