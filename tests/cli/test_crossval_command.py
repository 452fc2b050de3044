"""`emofuse crossval` with variants: each a run of its own on the same folds, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call
from small_run import make_run
from tiny import write_recipe

from emofuse.runs.results import collect

pytestmark = pytest.mark.usefixtures("empty_pictures")

VARIANTS = """
base: tiny.yaml
variants:
  whole: {}
  text-asks: {fusion.asks: text}
  mean: {pooling: mean, training.epochs: 2}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def variants(tmp_path: Path) -> Path:
    write_recipe(tmp_path / "tiny.yaml")
    return write_recipe(tmp_path / "variants.yaml", VARIANTS)


def test_every_variant_is_a_run_of_its_own_on_the_same_folds(
    capsys: pytest.CaptureFixture[str], variants: Path, manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    options = ("--manifest", manifest, "--out", out, "--systems", "fusion", "--set", "training.epochs=1")
    code, printed, _ = call(capsys, "crossval", variants, *options)
    assert code == 0
    names = ["whole", "text-asks", "mean"]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert [line for line in printed.splitlines() if line in names] == names
    results = {name: json.loads((out / name / "results.json").read_text()) for name in names}
    assert len({document["folds_hash"] for document in results.values()}) == 1
    config = json.loads((out / "text-asks" / "fold-1" / "seed-0" / "fusion" / "model" / "config.json").read_text())
    assert config["asks"] == "text"
    recipes = {name: (out / name / "recipe.yaml").read_text() for name in names}
    assert len(set(recipes.values())) == 3
    assert "epochs: 1" in recipes["mean"]  # what is set by hand goes above a variant

    code, printed, _ = call(capsys, "crossval", variants, *options, "--resume", "--json")
    assert code == 0
    again = json.loads(printed)
    assert list(again) == names
    assert {name: document["systems"] for name, document in again.items()} == {
        name: document["systems"] for name, document in results.items()
    }


def test_a_dry_run_of_variants_has_figures_for_each_and_makes_nothing(
    capsys: pytest.CaptureFixture[str], variants: Path, manifest: Path, tmp_path: Path
) -> None:
    options = ("--manifest", manifest, "--out", tmp_path / "runs", "--systems", "text", "--dry-run")
    code, printed, _ = call(capsys, "crossval", variants, *options, "--json")
    assert code == 0
    assert {name: [row["system"] for row in rows] for name, rows in json.loads(printed).items()} == {
        "whole": ["text"],
        "text-asks": ["text"],
        "mean": ["text"],
    }
    code, printed, _ = call(capsys, "crossval", variants, *options)
    assert code == 0
    assert "text-asks" in printed
    assert not (tmp_path / "runs").exists()


def test_training_takes_no_file_of_variants(
    capsys: pytest.CaptureFixture[str], variants: Path, manifest: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, "train", variants, "--manifest", manifest, "--out", tmp_path / "out")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "holds the variants whole, text-asks, mean; emofuse crossval runs them all" in err
    assert not (tmp_path / "out").exists()


def test_a_variant_that_is_none_stops_before_any_runs(
    capsys: pytest.CaptureFixture[str], variants: Path, manifest: Path, tmp_path: Path
) -> None:
    variants.write_text(VARIANTS + "  wrong: {fusion.kindd: late}\n")
    code, _, err = call(capsys, "crossval", variants, "--manifest", manifest, "--out", tmp_path / "runs")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "variants.yaml, wrong: unknown key 'fusion.kindd'; did you mean 'kind'?" in err
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_shown_again_and_printed_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    results = collect(run)
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    code, shown, _ = call(capsys, "results", tmp_path / "run")
    assert code == 0
    assert results["signature"] in shown
    assert f"{results['systems']['text']['ua']['mean']:.3f}" in shown
    code, printed, _ = call(capsys, "results", tmp_path / "run", "--json")
    assert (code, json.loads(printed)) == (0, json.loads(json.dumps(results)))


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "results.json: is not there"), ("{", "cannot be read"), ("{}", "is of another version or damaged")],
)
def test_what_is_no_finished_run_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    code, out, err = call(capsys, "results", tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert words in err
