"""What a final training takes from a cross-validation: temperatures, a threshold, sets; or why it cannot."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import log_loss
from small_corpus import make_corpus
from tiny import write_recipe

from emofuse import EmotionRecognizer, cross_validate, load_recipe, train
from emofuse.cli.main import run as command
from emofuse.config import Recipe
from emofuse.data.manifest import save_corpus
from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.errors import RunError
from emofuse.evaluation.calibration import Calibration, fit_temperature
from emofuse.experiment.run_settings import calibration_from_run
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


@pytest.fixture(scope="module")
def rows(run: Path, large: Corpus) -> dict[str, list[tuple[list[float], int]]]:
    """Run the models of the seed that is trained again on their test parts: raw logits and labels by pattern."""
    found: dict[str, list[tuple[list[float], int]]] = defaultdict(list)
    folds = json.loads((run / "folds.json").read_text())["folds"]
    for job in jobs(run)[::2]:
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
def fitted(run: Path, recipe: Recipe, large: Corpus) -> Calibration:
    return calibration_from_run(run, "fusion", recipe, *recipe_corpus(recipe, large))


def test_temperatures_are_those_of_the_pooled_predictions_of_all_folds(
    fitted: Calibration, rows: dict[str, list[tuple[list[float], int]]]
) -> None:
    # 72 utterances, three of which lack something; a run of two seeds has each of them once all the same.
    assert {pattern: len(found) for pattern, found in rows.items()} == {"audio+text": 69, "audio": 70, "text": 71}
    assert set(fitted.temperatures) == set(rows)
    for pattern, found in rows.items():
        logits, truth = (np.array(column) for column in zip(*found, strict=True))

        def cost(temperature: float, logits: Any = logits, truth: Any = truth) -> float:
            powers = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
            return float(log_loss(truth, powers / powers.sum(axis=1, keepdims=True), labels=range(4)))

        best = optimize.minimize_scalar(cost, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9})
        assert fitted.temperatures[pattern] == pytest.approx(best.x, rel=5e-3)


def test_the_folds_own_temperatures_were_taken_out_first(run: Path) -> None:
    own = [json.loads((job / "metrics.json").read_text())["calibration"]["temperatures"] for job in jobs(run)]
    assert all(set(found) == {"audio", "text", "audio+text"} for found in own)
    assert len({found["audio"] for found in own}) > 1


def test_the_threshold_and_the_sets_count_every_utterance_once(
    fitted: Calibration, run: Path, large: Corpus
) -> None:
    """The figures are computed here by hand, from the predictions that the run has stored for the first seed."""
    truth = {u.id: LABELS.index(str(u.label)) for u in large}
    rows = [
        json.loads(line) for job in jobs(run)[::2] for line in (job / "predictions.jsonl").read_text().splitlines()
    ]
    assert len(rows) == 72
    chances, labels = [], []
    for row in rows:
        temperature = fitted.temperatures["+".join(sorted(row["modalities"]))]  # type: ignore[index]
        logits = np.array([row["logits"][label] for label in LABELS]) / temperature
        powers = np.exp(logits - logits.max())
        chances.append(powers / powers.sum())
        labels.append(truth[row["id"]])
    own = np.array(chances)[np.arange(72), labels]
    assert list(fitted.conformal) == [0.8]
    assert fitted.conformal[0.8] == pytest.approx(np.sort(1 - own)[int(np.ceil(73 * 0.8)) - 1])
    right, confident = np.argmax(chances, axis=1) == labels, np.max(chances, axis=1)
    assert fitted.accuracy == 0.7
    good = [t for t in sorted(confident) if (confident >= t).sum() >= 10 and right[confident >= t].mean() >= 0.7]
    if fitted.threshold:  # cross-fitted: no lower than the one that just reaches the target
        assert fitted.threshold >= good[0] - 1e-9
    else:
        assert fitted.threshold is None or good[0] == min(confident)


def test_eleven_clips_without_words_under_two_seeds_are_eleven(
    run: Path, recipe: Recipe, large: Corpus, tmp_path: Path
) -> None:
    """Planted: pooled over seeds they are 22, which passes the guard of 20, and their temperature was 0.26."""
    shutil.copytree(run, tmp_path / "run")
    for job in jobs(tmp_path / "run"):
        (job / "predictions-only-audio.jsonl").unlink()
        file, kept = job / "predictions.jsonl", 4 if "fold-3" not in job.parts else 3
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        for number, row in enumerate(rows):
            row["modalities"] = ["audio"] if number < kept else ["audio", "text"]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = calibration_from_run(tmp_path / "run", "fusion", recipe, *recipe_corpus(recipe, large))
    assert found.temperatures["audio"] == 1.0
    assert found.temperatures["audio+text"] != 1.0


def test_a_recipe_whose_seed_the_run_lacks_gets_its_first(
    run: Path, recipe: Recipe, large: Corpus, fitted: Calibration
) -> None:
    found = {
        seed: calibration_from_run(
            run, "fusion", recipe.model_copy(update={"seeds": (seed,)}), *recipe_corpus(recipe, large)
        )
        for seed in (1, 7)
    }
    assert found[7] == fitted != found[1]


def test_priors_are_those_of_everything_that_is_learnt_from(fitted: Calibration, large: Corpus) -> None:
    assert fitted.priors == pytest.approx(
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
            if row["modalities"] == ["audio", "text"] and "seed-0" in job.parts:
                rows_of_all.append([row["logits"][name] for name in LABELS])
                truth.append(LABELS.index(label))
        (job / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = calibration_from_run(tmp_path / "run", "fusion", recipe, *recipe_corpus(recipe, large))
    raw = fit_temperature(np.array(rows_of_all), np.array(truth))
    assert 5.0 < raw < 9.0  # the row that is wrong by 200 makes it so; wrong by 69, it would be about 2
    assert found.temperatures["audio+text"] == pytest.approx(raw, rel=1e-9)


def test_a_run_without_logits_must_be_made_again(run: Path, recipe: Recipe, large: Corpus, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = jobs(tmp_path / "run")[0] / "predictions.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "logits"}) + "\n" for row in rows))
    words = refused(tmp_path / "run", recipe, large)
    assert "without logits" in words
    assert "make the run again" in words


def test_what_was_cross_validated_is_what_is_trained(
    run: Path, recipe: Recipe, large: Corpus, fitted: Calibration, tmp_path: Path
) -> None:
    """With a run a training is the one without it, to the last weight; only its calibration is that of the run."""
    assert train(recipe, large, tmp_path / "out", "fusion", run=run) == []
    assert train(recipe, large, tmp_path / "alone", "fusion") == []
    with_run, without = (tmp_path / name for name in ("out", "alone"))
    for file in ("model/model.safetensors", "recipe.yaml"):
        assert (with_run / file).read_bytes() == (without / file).read_bytes()
    history = [json.loads(line) for line in (with_run / "history.jsonl").read_text().splitlines()]
    of_a_job = (jobs(run)[0] / "history.jsonl").read_text().splitlines()
    assert all(epoch["validation"]["ua"] is not None for epoch in history)  # it selects as every fold did
    assert [epoch["epoch"] for epoch in history] == [json.loads(line)["epoch"] for line in of_a_job]
    document = json.loads((with_run / "model" / "calibration.json").read_text())
    assert Calibration.from_dict(document) == fitted


def test_a_run_without_validation_parts_calibrates_too(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> None:
    fixed = recipe.model_copy(update={"selection": "fixed", "seeds": (0,)})
    cross_validate(fixed, corpus, tmp_path / "run", systems=("text",))
    found = calibration_from_run(tmp_path / "run", "text", fixed, *recipe_corpus(fixed, corpus))
    assert set(found.temperatures) == {"text"}


def test_a_run_of_another_training_is_refused(run: Path, recipe: Recipe, large: Corpus) -> None:
    longer = recipe.training.model_copy(update={"epochs": 5})
    words = refused(run, recipe.model_copy(update={"training": longer}), large)
    assert "was run with training.epochs: 4, not 5; train with " in words
    other = recipe.model_copy(update={"training": longer, "selection": "fixed"})
    assert "was run with selection: best, not fixed and 1 more; train with " in refused(run, other, large)


def refused(run: Path, recipe: Recipe, corpus: Corpus, system: str = "fusion") -> str:
    with pytest.raises(RunError) as caught:
        calibration_from_run(run, system, recipe, *recipe_corpus(recipe, corpus))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_that_is_not_finished_is_refused(run: Path, recipe: Recipe, large: Corpus, tmp_path: Path) -> None:
    assert "nowhere: no such run folder" in refused(tmp_path / "nowhere", recipe, large)
    shutil.copytree(run, tmp_path / "run")
    (jobs(tmp_path / "run")[2] / "predictions.jsonl").unlink()
    assert "predictions.jsonl: is missing or damaged; run it again" in refused(tmp_path / "run", recipe, large)
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
