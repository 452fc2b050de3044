"""What a final training takes from a cross-validation: epochs, temperatures, a threshold; or why it cannot."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import log_loss
from small_corpus import make_corpus
from tiny import TINY, write_recipe

from emofuse import EmotionRecognizer, cross_validate, load_recipe, train
from emofuse.cli.main import run as command
from emofuse.config import Recipe
from emofuse.data.manifest import save_corpus
from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration, fit_temperature
from emofuse.experiment.run_settings import settings_from_run
from emofuse.inference.predictor import Predictor
from emofuse.inference.torch_runtime import load_torch
from emofuse.types import Corpus, Prediction

pytestmark = pytest.mark.usefixtures("empty_pictures")

LABELS = ("angry", "happy", "neutral", "sad")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 72 tones, 24 a session: some have a wrong label, two of them are not spoken, and one has no words."""
    made = list(make_corpus(tmp_path_factory.mktemp("large"), takes=3))
    for position in range(3, 72, 7):
        wrong = LABELS[(LABELS.index(str(made[position].label)) + 1) % 4]
        made[position] = replace(made[position], label=wrong)
    for position in (5, 30):
        made[position] = replace(made[position], audio=None)
    made[9] = replace(made[9], text=None, text_source=None)
    return Corpus(tuple(made), name="tones")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.yaml")
    wished = (
        "selection=best",
        "training.epochs=4",
        "training.lr=3e-2",
        "training.batch_seconds=12",
        "training.micro_seconds=12",
        "seeds=[0, 1]",
        "calibration={accuracy: 0.7, coverage: 0.8}",
    )
    return load_recipe(path, wished)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(cache: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFUSE_CACHE", str(cache))
        yield


@pytest.fixture(scope="module")
def run(large: Corpus, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "tones"
    cross_validate(recipe, large, out, systems=("fusion",), accept=("missing-audio",))
    return out


def jobs(run: Path, system: str = "fusion") -> list[Path]:
    found = sorted(run.glob(f"fold-*/seed-*/{system}"))
    assert len(found) == 6
    return found


def chosen_epoch(job: Path) -> int:
    """Find the first epoch that no other one beats, by comparing each with each."""
    records = [json.loads(line) for line in (job / "history.jsonl").read_text().splitlines()]
    scores = [(record["validation"]["ua"], -record["validation"]["loss"]) for record in records]
    return next(number for number, score in enumerate(scores, start=1) if all(score >= other for other in scores))


@pytest.fixture(scope="module")
def rows(run: Path, large: Corpus) -> dict[str, list[tuple[list[float], int]]]:
    """Run every job's model again on its test part, without calibration: logits and true label by pattern."""
    found: dict[str, list[tuple[list[float], int]]] = defaultdict(list)
    folds = json.loads((run / "folds.json").read_text())["folds"]
    for job in jobs(run):
        plain = EmotionRecognizer(Predictor(*load_torch(job / "model")))
        tested = large.select(folds[int(job.parts[-3].split("-")[1]) - 1]["test"])
        asked = {
            "whole": list(tested),
            "deaf": [replace(u, audio=None) for u in tested if u.text and u.audio],
            "mute": [replace(u, text=None) for u in tested if u.text and u.audio],
        }
        any_sound = plain.long_recordings(any_sound=True)
        for utterances in asked.values():
            for utterance, said in zip(utterances, plain.predict_many(utterances, long=any_sound), strict=True):
                assert isinstance(said, Prediction)
                logits = np.log([max(said.probabilities[label], 1e-300) for label in LABELS])
                found["+".join(said.modalities)].append((logits.tolist(), LABELS.index(str(utterance.label))))
    return found


@pytest.fixture(scope="module")
def settings(run: Path, recipe: Recipe, large: Corpus) -> Any:
    return settings_from_run(run, "fusion", recipe, *recipe_corpus(recipe, large))


def test_epochs_are_the_mean_of_those_that_folds_and_seeds_chose(run: Path, settings: Any) -> None:
    chosen = [chosen_epoch(job) for job in jobs(run)]
    assert len(set(chosen)) > 1 or chosen[0] < 4  # there was something to choose
    assert settings.epochs == round(mean(chosen))


def test_temperatures_are_those_of_the_pooled_predictions_of_all_folds(
    settings: Any, rows: dict[str, list[tuple[list[float], int]]]
) -> None:
    # 72 utterances under two seeds, three of which lack something; what lacks it anyway is not counted twice.
    assert {pattern: len(found) for pattern, found in rows.items()} == {
        "audio+text": 138,
        "audio": 140,
        "text": 142,
    }
    assert set(settings.calibration.temperatures) == set(rows)
    for pattern, found in rows.items():
        logits, truth = (np.array(column) for column in zip(*found, strict=True))

        def cost(temperature: float, logits: Any = logits, truth: Any = truth) -> float:
            powers = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
            return float(log_loss(truth, powers / powers.sum(axis=1, keepdims=True), labels=range(4)))

        best = optimize.minimize_scalar(cost, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9})
        assert settings.calibration.temperatures[pattern] == pytest.approx(best.x, rel=5e-3)


def test_the_folds_own_temperatures_were_taken_out_first(run: Path) -> None:
    own = [json.loads((job / "metrics.json").read_text())["calibration"]["temperatures"] for job in jobs(run)]
    assert all(set(found) == {"audio", "text", "audio+text"} for found in own)
    assert len({found["audio"] for found in own}) > 1


def test_the_threshold_is_reached_on_the_pooled_predictions(
    settings: Any, rows: dict[str, list[tuple[list[float], int]]]
) -> None:
    found = settings.calibration
    logits, truth = (np.array(column) for column in zip(*rows["audio+text"], strict=True))
    powers = np.exp(logits / found.temperatures["audio+text"])
    chances = powers / powers.sum(axis=1, keepdims=True)
    right, sure = chances.argmax(axis=1) == truth, chances.max(axis=1)
    assert found.accuracy == 0.7
    good = [t for t in sorted(sure) if (sure >= t).sum() >= 10 and right[sure >= t].mean() >= 0.7]
    if not good:
        assert found.threshold is None
    elif good[0] == min(sure):
        assert found.threshold == 0.0
    else:
        assert found.threshold == pytest.approx(good[0], abs=1e-4)
    assert list(found.conformal) == [0.8]
    scores = np.sort(1 - chances[np.arange(len(truth)), truth])
    assert found.conformal[0.8] == pytest.approx(scores[int(np.ceil((len(scores) + 1) * 0.8)) - 1], abs=1e-4)


def test_priors_are_those_of_everything_that_is_learnt_from(settings: Any, large: Corpus) -> None:
    assert settings.calibration.priors == pytest.approx(
        {label: sum(u.label == label for u in large) / len(large) for label in LABELS}
    )


def test_temperatures_of_confident_models_are_those_of_their_raw_logits(
    run: Path, recipe: Recipe, large: Corpus, tmp_path: Path
) -> None:
    """A fold whose temperature is 0.1 makes a probability of 0 from logits that are 200 apart."""
    shutil.copytree(run, tmp_path / "run")
    rows_of_all, truth = [], []
    for job in jobs(tmp_path / "run"):
        metrics = json.loads((job / "metrics.json").read_text())
        metrics["calibration"]["temperatures"]["audio+text"] = 0.1
        (job / "metrics.json").write_text(json.dumps(metrics))
        rows = [json.loads(line) for line in (job / "predictions.jsonl").read_text().splitlines()]
        for row in rows:
            label = next(str(u.label) for u in large if u.id == row["id"])
            wrong = row["id"] == large.utterances[0].id
            predicted = LABELS[(LABELS.index(label) + 1) % 4] if wrong else label
            order = [predicted, *(other for other in LABELS if other != predicted)]
            logits = np.array([200.0 if wrong else 5.0, 0.0, 0.0, 0.0])
            powers = np.exp((logits - logits[0]) / 0.1)
            row["logits"] = dict(zip(order, logits.tolist(), strict=True))
            row["probabilities"] = dict(zip(order, powers.tolist(), strict=True))
            row["label"] = predicted
            if row["modalities"] == ["audio", "text"]:
                rows_of_all.append([row["logits"][name] for name in LABELS])
                truth.append(LABELS.index(label))
        (job / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = settings_from_run(tmp_path / "run", "fusion", recipe, *recipe_corpus(recipe, large))
    raw = fit_temperature(np.array(rows_of_all), np.array(truth))
    assert 5.0 < raw < 9.0  # the two rows that are wrong by 200 make it so; wrong by 69, it would be about 2
    assert found.calibration.temperatures["audio+text"] == raw


def test_a_run_without_logits_must_be_made_again(run: Path, recipe: Recipe, large: Corpus, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = jobs(tmp_path / "run")[0] / "predictions.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "logits"}) + "\n" for row in rows))
    words = refused(tmp_path / "run", recipe, large)
    assert "without logits" in words
    assert "make the run again" in words


def test_training_takes_the_settings_of_the_run(
    run: Path, recipe: Recipe, large: Corpus, settings: Any, tmp_path: Path
) -> None:
    assert train(recipe, large, tmp_path / "out", "fusion", run=run) == []
    history = (tmp_path / "out" / "history.jsonl").read_text().splitlines()
    assert len(history) == settings.epochs
    assert json.loads(history[-1])["validation"]["ua"] is None  # nothing is kept aside
    document = json.loads((tmp_path / "out" / "model" / "calibration.json").read_text())
    assert Calibration.from_dict(document) == settings.calibration
    used = load_recipe(tmp_path / "out" / "recipe.yaml")
    assert (used.selection, used.training.epochs) == ("fixed", settings.epochs)


def test_a_run_that_chose_nothing_leaves_the_epochs_of_the_recipe(
    corpus: Corpus, recipe: Recipe, tmp_path: Path
) -> None:
    fixed = recipe.model_copy(update={"selection": "fixed", "seeds": (0,)})
    cross_validate(fixed, corpus, tmp_path / "run", systems=("text",))
    found = settings_from_run(tmp_path / "run", "text", fixed, *recipe_corpus(fixed, corpus))
    assert found.epochs == 4
    assert set(found.calibration.temperatures) == {"text"}


def test_a_network_that_starts_from_unimodal_ones_gets_the_epochs_of_its_own_part(
    corpus: Corpus, tmp_path: Path
) -> None:
    text = TINY.replace("training: {", "training: {start: unimodal, joint_epochs: 8, ")
    settings = ("selection=best", "training.epochs=4", "training.lr=2e-1")
    recipe = load_recipe(write_recipe(tmp_path / "start.yaml", text), settings)
    cross_validate(recipe, corpus, tmp_path / "run")
    given = {
        system: settings_from_run(tmp_path / "run", system, recipe, *recipe_corpus(recipe, corpus)).epochs  # type: ignore[arg-type]
        for system in ("audio", "text", "fusion")
    }
    assert given["fusion"] < 8  # what the recipe says is not what the run has chosen
    epochs: list[int] = []
    train(recipe, corpus, tmp_path / "out", "fusion", lambda p: epochs.append(p.epochs), run=tmp_path / "run")
    wanted = [given["audio"], given["text"], given["fusion"]]
    assert [number for number, _ in groupby(epochs)] == [number for number, _ in groupby(wanted)]
    assert len((tmp_path / "out" / "history.jsonl").read_text().splitlines()) == given["fusion"]


def refused(run: Path, recipe: Recipe, corpus: Corpus, system: str = "fusion") -> str:
    with pytest.raises(RunError) as caught:
        settings_from_run(run, system, recipe, *recipe_corpus(recipe, corpus))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_that_is_not_finished_is_refused(run: Path, recipe: Recipe, large: Corpus, tmp_path: Path) -> None:
    assert "nowhere: no such run folder" in refused(tmp_path / "nowhere", recipe, large)
    shutil.copytree(run, tmp_path / "run")
    (jobs(tmp_path / "run")[2] / "history.jsonl").unlink()
    assert "history.jsonl: is missing or damaged; run it again" in refused(tmp_path / "run", recipe, large)
    (tmp_path / "run" / "results.json").write_text('{"systems": ')
    assert "results.json: cannot be read" in refused(tmp_path / "run", recipe, large)
    (tmp_path / "run" / "results.json").unlink()
    assert "results.json: is not there" in refused(tmp_path / "run", recipe, large)


def test_a_run_of_another_system_or_other_labels_is_refused(run: Path, recipe: Recipe, large: Corpus) -> None:
    assert "has no system 'audio'; it has fusion" in refused(run, recipe, large, "audio")
    merged = {"angry": "bad", "sad": "bad", "happy": "good", "neutral": "good"}
    other = recipe.model_copy(update={"labels": merged})
    assert "predicts angry, happy, neutral, sad, and the recipe bad, good" in refused(run, other, large)


@pytest.mark.parametrize("change", ["other ids", "other labels", "fewer", "other words"])
def test_a_run_on_another_manifest_is_refused(run: Path, recipe: Recipe, large: Corpus, change: str) -> None:
    exchanged = {"angry": "sad", "sad": "angry", "happy": "happy", "neutral": "neutral"}
    changed = {
        "other ids": [replace(u, id=f"new_{u.id}") for u in large],
        "other labels": [replace(u, label=exchanged[str(u.label)]) for u in large],
        "fewer": list(large)[:40],
        "other words": [replace(u, text=u.text and f"well {u.text}") for u in large],
    }
    assert "was run on another manifest" in refused(run, recipe, Corpus(tuple(changed[change]), name="tones"))


def test_the_command_takes_a_run_or_says_in_one_line_why_not(
    run: Path, large: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "m.jsonl"
    save_corpus(large, manifest)
    arguments = ["train", str(run / "recipe.yaml"), "--manifest", str(manifest), "--out", str(tmp_path / "out")]
    assert command([*arguments, "--from", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert command([*arguments, "--from", str(run)]) == 0
    assert "model saved in" in capsys.readouterr().out
