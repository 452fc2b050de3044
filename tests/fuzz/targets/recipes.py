"""Recipes, files of variants, overrides, label maps, heads of cards."""

from __future__ import annotations

from pathlib import Path

from emofuse.cli.evaluate_command import _label_map
from emofuse.config import load_recipe, load_variants
from emofuse.inference.training_overlap import card_warnings

RECIPE = Path(__file__).parents[3] / "recipes" / "small.yaml"


def recipe(data: bytes, folder: Path) -> None:
    (folder / "recipe.yaml").write_bytes(data)
    load_variants(folder / "recipe.yaml")


def override(data: bytes, folder: Path) -> None:
    load_recipe(RECIPE, [data.decode("utf-8", "surrogateescape")])


def label_map(data: bytes, folder: Path) -> None:
    (folder / "map.yaml").write_bytes(data)
    _label_map([str(folder / "map.yaml")])


def card(data: bytes, folder: Path) -> None:
    card_warnings(data.decode("utf-8", "replace"), "iemocap")


READERS = [recipe, override, label_map, card]
