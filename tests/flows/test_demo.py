"""The whole path, end to end, as a newcomer walks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emofuse import load_recipe
from emofuse.cli import demo_command as demo_module
from emofuse.cli.main import run
from emofuse.config import load_variants

RECIPES = Path(__file__).parents[2] / "recipes"


def test_demo_compares_three_systems_trains_a_model_and_predicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch instead of all: the path, not the figures."""
    monkeypatch.setattr(demo_module, "DEMO_OVERRIDES", ("training.epochs=1",))
    assert run(["demo", "--out", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    assert "synthetic speech" in out
    assert "fusion - text" in out
    results = json.loads((tmp_path / "demo" / "results.json").read_text())
    assert set(results["systems"]) == {"audio", "text", "fusion", "late"}
    assert results["n_utterances"] == 400
    assert (tmp_path / "demo" / "model" / "config.json").is_file()
    assert run(["demo", "--out", str(tmp_path / "demo")]) == 0  # nothing is trained again


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe: Path) -> None:
    assert load_variants(recipe)


def test_the_demo_has_the_small_recipe() -> None:
    """It stands in the package too, for those who install it without the repository."""
    packaged = Path(str(demo_module.files("emofuse") / "demo" / "recipe.yaml"))
    assert load_recipe(packaged) == load_recipe(RECIPES / "small.yaml")
