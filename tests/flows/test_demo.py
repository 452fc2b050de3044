"""All steps, end to end, as a newcomer runs them."""

from __future__ import annotations

import inspect
import json
from importlib.resources import files
from pathlib import Path

import pytest

from emofuse import Corpus, load_recipe
from emofuse.cli import demo_command, output
from emofuse.cli.main import run
from emofuse.config import load_variants
from emofuse.data.corpora.demo_corpus import demo_corpus

RECIPES = Path(__file__).parents[2] / "recipes"
PACKAGED = Path(str(files("emofuse") / "demo" / "recipe.yaml"))


def some_of_the_demo() -> Corpus:
    """One utterance of each voice and label, and those that are predicted at the end."""
    corpus = demo_corpus()
    first = {(u.speaker, u.label): u.id for u in reversed(list(corpus))}
    return corpus.select({*first.values(), *demo_command.PREDICTED})


@pytest.mark.usefixtures("empty_pictures")
def test_demo_compares_three_systems_trains_a_model_and_predicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of the corpus: the path, not the figures."""
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("emofuse.data.corpora.demo_corpus.demo_corpus", some_of_the_demo)
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 0.2)
    assert run(["demo", "--out", str(tmp_path / "demo")]) == 0
    printed = capsys.readouterr()
    assert "synthetic speech" in printed.out
    assert "fusion - text" in printed.out
    assert printed.out.count("$ emofuse predict") == 4
    assert "epoch" not in printed.out
    assert "epoch 10/10" in printed.err
    assert " left, epoch" in printed.err
    results = json.loads((tmp_path / "demo" / "results.json").read_text())
    assert set(results["systems"]) == {"audio", "text", "fusion", "late"}
    assert 40 <= results["n_utterances"] <= 42
    # every recording and every sentence goes through its encoder once, whatever the folds and systems
    assert results["cost"]["encoder_forwards"] <= 2 * results["n_utterances"]
    assert (tmp_path / "demo" / "model" / "config.json").is_file()
    assert run(["demo", "--out", str(tmp_path / "demo")]) == 0  # nothing is trained again
    assert "epoch" not in capsys.readouterr().err


def test_the_demo_turns_off_the_bars_of_other_libraries_before_they_are_imported() -> None:
    """They read their settings when they are imported."""
    lines = inspect.getsource(demo_command.demo).splitlines()
    configured = next(number for number, line in enumerate(lines) if line.strip() == "configure_logging()")
    assert all("experiment" not in line for line in lines[:configured])


@pytest.mark.parametrize("recipe", [*sorted(RECIPES.glob("*.yaml")), PACKAGED], ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe: Path) -> None:
    assert load_variants(recipe)


def test_the_demo_takes_frozen_encoders_of_the_model_in_the_package() -> None:
    """It needs no download and no other package."""
    recipe = demo_command.demo_recipe()
    assert (recipe.audio.encoder, recipe.text.encoder) == ("box-open", "box-open")
    assert (recipe.audio.tuning, recipe.text.tuning) == ("frozen", "frozen")


def test_the_demo_of_an_installed_package_trains_from_scratch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its box has no weights for torch."""
    monkeypatch.setattr("emofuse.box.Box.has_weights", False)
    assert demo_command.demo_recipe() == load_recipe(RECIPES / "small.yaml")
    assert "trained from scratch" in capsys.readouterr().out
