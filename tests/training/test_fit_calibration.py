"""What is learnt of confidence on a validation part: it lowers the cost there, and goes with the model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import optimize
from sklearn.metrics import log_loss
from small_corpus import make_corpus

from emofuse import load, train
from emofuse.cli.main import run as command
from emofuse.config import Recipe, make_recipe
from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.errors import CheckpointError
from emofuse.evaluation.calibration import Calibration, probabilities
from emofuse.experiment.job import JobContext, reader_of
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint
from emofuse.training.fit import fit
from emofuse.training.fit_calibration import calibrate, patterns_of, priors_of, with_thresholds
from emofuse.training.loader import AudioCache, PreparedPart, prepare_part
from emofuse.training.scoring import predict_part
from emofuse.training.trainer import Progress
from emofuse.types import Corpus, Prediction, SystemName


def recipe_of(dropped: float = 0.2, **changes: Any) -> Recipe:
    training = {
        "epochs": 4,
        "lr": 5e-3,
        "batch_seconds": 4,
        "micro_seconds": 4,
        "modality_dropout": {"audio": dropped, "text": dropped},
    }
    return make_recipe(
        {
            "selection": "best",
            "audio": {
                "config": {"model_type": "emofuse-log-mel-cnn", "bins": 20, "hidden_size": 16},
                "lr": 5e-3,
            },
            "text": {
                "config": {"model_type": "emofuse-word-cnn", "hidden_size": 16, "vocab_size": 60},
                "vocabulary": "words",
                "lr": 5e-3,
            },
            "fusion": {"width": 16, "heads": 2},
            "training": training,
            **changes,
        }
    )


def silent(progress: Progress) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 72 tones, 24 a session: more than the fewest that tell a temperature."""
    return make_corpus(tmp_path_factory.mktemp("large"), takes=3)


def trained(
    corpus: Corpus, recipe: Recipe, system: SystemName = "fusion"
) -> tuple[Checkpoint, PreparedPart, PreparedPart]:
    """Train on two sessions, and make the network far too sure of itself."""
    labelled, task = recipe_corpus(recipe, corpus)
    checkpoint = build(recipe, system, task, [str(u.text) for u in corpus], 0)
    reader = reader_of(checkpoint, JobContext(recipe, task, AudioCache(), silent), recipe)
    held_out = labelled.select(lambda u: u.session == "session3")
    rest = labelled.select(lambda u: u.session != "session3")
    parts = [prepare_part(part, task, reader)[0] for part in (rest, held_out)]
    fit(checkpoint, parts[0], None, recipe, 0, silent)
    with torch.no_grad():
        checkpoint.model.fusion.head.classifier.weight.mul_(8.0)
    return checkpoint, parts[0], parts[1]


@pytest.fixture(scope="module")
def sure(large: Corpus) -> tuple[Checkpoint, PreparedPart, PreparedPart]:
    return trained(large, recipe_of())


def test_a_temperature_for_each_pattern_lowers_the_cost_on_validation(
    sure: tuple[Checkpoint, PreparedPart, PreparedPart],
) -> None:
    checkpoint, learnt, validation = sure
    found = calibrate(checkpoint.model, learnt, validation, recipe_of())
    assert set(found.temperatures) == {"audio", "text", "audio+text"}
    gained = []
    for pattern, part in patterns_of(checkpoint.model, validation).items():
        assert len(part) == 24
        said, positions = predict_part(checkpoint.model, part, 4.0)
        truth, logits = part.targets[positions], said.logits.astype(np.float64)

        def cost(temperature: float, logits: Any = logits, truth: Any = truth) -> float:
            return float(
                log_loss(truth, torch.from_numpy(logits / temperature).softmax(1).numpy(), labels=range(4))
            )

        best = optimize.minimize_scalar(cost, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9})
        assert found.temperatures[pattern] == pytest.approx(best.x, rel=1e-3)
        assert cost(found.temperatures[pattern]) <= cost(1.0)
        gained.append(cost(1.0) - cost(found.temperatures[pattern]))
    assert max(gained) > 0.1


def test_a_modality_is_taken_away_to_fit_the_temperature_of_the_other(
    sure: tuple[Checkpoint, PreparedPart, PreparedPart],
) -> None:
    checkpoint, _, validation = sure
    for pattern, part in patterns_of(checkpoint.model, validation).items():
        found = {part.reader.item(utterance).modalities for utterance in part.utterances}
        assert found == {tuple(pattern.split("+"))} == set(part.modalities)


def test_a_network_that_never_did_without_has_one_temperature(large: Corpus) -> None:
    recipe = recipe_of(dropped=0.0)
    checkpoint, learnt, validation = trained(large, recipe)
    assert set(calibrate(checkpoint.model, learnt, validation, recipe).temperatures) == {"audio+text"}
    heard, learnt, validation = trained(large, recipe, "audio")
    assert set(calibrate(heard.model, learnt, validation, recipe).temperatures) == {"audio"}


def test_without_a_validation_part_only_the_priors_are_noted(
    sure: tuple[Checkpoint, PreparedPart, PreparedPart],
) -> None:
    checkpoint, learnt, _ = sure
    found = calibrate(checkpoint.model, learnt, None, recipe_of(calibration={"accuracy": 0.9}))
    assert found == Calibration(priors=dict.fromkeys(("angry", "happy", "neutral", "sad"), 0.25))


def test_priors_are_the_shares_of_the_training_part(
    large: Corpus, sure: tuple[Checkpoint, PreparedPart, PreparedPart]
) -> None:
    _, learnt, _ = sure
    few = learnt._at([n for n, u in enumerate(learnt.utterances) if u.label == "sad" or n % 2])
    counts = {
        label: sum(u.label == label for u in few.utterances) for label in ("angry", "happy", "neutral", "sad")
    }
    assert priors_of(few.utterances) == pytest.approx({label: n / len(few) for label, n in counts.items() if n})
    assert sum(priors_of(few.utterances).values()) == pytest.approx(1.0)
    drawn = priors_of(few.utterances, ["label"])  # what is drawn evenly was learnt evenly
    assert drawn == pytest.approx({label: 1 / len(drawn) for label in drawn})


def slow_threshold(chances: Any, truth: Any, accuracy: float) -> float | None:
    """Try every confidence as a threshold, the lowest first."""
    right, sure = chances.argmax(axis=1) == truth, chances.max(axis=1)
    for threshold in sorted(sure):
        accepted = sure >= threshold
        if accepted.sum() >= 10 and right[accepted].mean() >= accuracy:
            return 0.0 if accepted.all() else float(threshold)
    return None


@pytest.mark.parametrize("accuracy", [None, 0.3, 0.6, 0.75, 1.0])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.99])
def test_threshold_and_prediction_sets_are_those_that_the_recipe_asks_for(
    accuracy: float | None, coverage: float
) -> None:
    rng = np.random.default_rng(3)
    chances = probabilities(rng.normal(scale=2, size=(60, 4)))
    truth = (chances.cumsum(axis=1) < rng.uniform(size=(60, 1))).sum(axis=1).clip(max=3)
    recipe = recipe_of(calibration={"accuracy": accuracy, "coverage": coverage})
    found = with_thresholds(Calibration({"audio": 2.0}, priors={"angry": 1.0}), chances, truth, recipe)
    assert (found.temperatures, found.priors) == ({"audio": 2.0}, {"angry": 1.0})
    assert found.accuracy == accuracy
    selected = None if accuracy is None else slow_threshold(chances, truth, accuracy)
    assert (found.threshold is None) == (selected is None)
    assert (found.threshold or 0.0) >= (selected or 0.0)  # cross-fitted
    scores = np.sort(1 - chances[np.arange(60), truth])
    rank = int(np.ceil(61 * coverage))
    assert found.conformal == {coverage: pytest.approx(scores[rank - 1] if rank <= 60 else 1.0)}


@pytest.fixture(scope="module")
def run(large: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with a model that was validated, and is to be right in nine of ten answers."""
    out = tmp_path_factory.mktemp("run")
    train(recipe_of(calibration={"accuracy": 0.9, "coverage": 0.8}), large, out)
    return out


def written(run: Path) -> dict[str, Any]:
    return json.loads((run / "model" / "calibration.json").read_text())  # type: ignore[no-any-return]


def changed(run: Path, folder: Path, **values: Any) -> Path:
    """Copy a run with another calibration."""
    shutil.copytree(run, folder)
    (folder / "model" / "calibration.json").write_text(json.dumps(written(run) | values))
    return folder


def said_of(model: Path, corpus: Corpus, **options: Any) -> dict[str, Prediction]:
    found = load(model, **options).predict_many(list(corpus)[:12])
    return {one.id: one for one in found if isinstance(one, Prediction)}


def test_the_calibration_is_saved_with_the_model(run: Path) -> None:
    document = written(run)
    assert set(document) == {"temperatures", "accuracy", "threshold", "conformal", "priors", "smoothing"}
    assert set(document["temperatures"]) == {"audio", "text", "audio+text"}
    assert document["accuracy"] == 0.9
    assert list(document["conformal"]) == ["0.8"]
    assert sum(document["priors"].values()) == pytest.approx(1.0)
    assert load(run).predictor.calibration == Calibration.from_dict(document)


def test_prediction_divides_logits_by_the_temperature_of_the_pattern(
    run: Path, large: Corpus, tmp_path: Path
) -> None:
    plain = said_of(changed(run, tmp_path / "plain", temperatures={}), large)
    warm = said_of(changed(run, tmp_path / "warm", temperatures={"audio+text": 4.0, "audio": 0.5}), large)
    for identity, one in plain.items():
        powers = {label: chance**0.25 for label, chance in one.probabilities.items()}
        expected = {label: power / sum(powers.values()) for label, power in powers.items()}
        assert warm[identity].probabilities == pytest.approx(expected, abs=1e-9)
        assert warm[identity].label == one.label
    heard = load(tmp_path / "plain").predict(large.utterances[0].audio).probabilities
    cooler = load(tmp_path / "warm").predict(large.utterances[0].audio).probabilities
    squares = {label: chance**2 for label, chance in heard.items()}
    assert cooler == pytest.approx({label: s / sum(squares.values()) for label, s in squares.items()}, abs=1e-9)


def test_below_the_threshold_a_prediction_is_withheld(run: Path, large: Corpus, tmp_path: Path) -> None:
    sure = sorted(one.confidence for one in said_of(run, large).values())
    middle = sure[len(sure) // 2]
    strict = said_of(changed(run, tmp_path / "strict", threshold=middle), large)
    assert {one.abstained for one in strict.values()} == {True, False}
    for one in strict.values():
        assert one.abstained == (one.confidence < middle)
        assert one.as_dict()["abstained"] == one.abstained
    assert not any(
        one.abstained for one in said_of(changed(run, tmp_path / "none", threshold=None), large).values()
    )


def test_fixed_training_leaves_temperatures_and_threshold_open(corpus: Corpus, tmp_path: Path) -> None:
    train(recipe_of(selection="fixed", calibration={"accuracy": 0.9}), corpus, tmp_path / "run", "text")
    document = written(tmp_path / "run")
    assert (document["temperatures"], document["threshold"], document["conformal"]) == ({}, None, {})
    assert document["priors"] == pytest.approx(dict.fromkeys(("angry", "happy", "neutral", "sad"), 0.25))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = command([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_priors_adapt_what_is_predicted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--text", "a furious thing", "--format", "jsonl")
    _, out, _ = call(capsys, "predict", run, *words)
    before = json.loads(out)["probabilities"]
    share = {"angry": 0.7, "happy": 0.1, "neutral": 0.1, "sad": 0.1}
    code, out, _ = call(capsys, "predict", run, *words, "--priors", ",".join(f"{k}={v}" for k, v in share.items()))
    assert code == 0
    trained = written(run)["priors"]
    weighted = {label: before[label] * share[label] / trained[label] for label in before}
    expected = {label: weight / sum(weighted.values()) for label, weight in weighted.items()}
    assert json.loads(out)["probabilities"] == pytest.approx(expected)
    code, out, _ = call(capsys, "predict", run, *words, "--priors", "angry=7, happy=1, neutral=1, sad=1")
    assert json.loads(out)["probabilities"] == pytest.approx(expected)  # they need not sum to 1


@pytest.mark.parametrize(
    ("priors", "words"),
    [
        ("angry", "--priors angry: write it as label=frequency"),
        ("angry=much", "--priors angry=much: write it as label=frequency"),
        ("angry=0.5,happy=0.5", "a share for each of angry, happy, neutral, sad"),
        ("angry=0.4,happy=0.2,neutral=0.2,sad=0.1,joy=0.1", "and no others"),
        ("angry=-1,happy=1,neutral=1,sad=1", "a share of 0 or more"),
        ("angry=nan,happy=1,neutral=1,sad=1", "a share of 0 or more"),
        ("angry=0,happy=0,neutral=0,sad=0", "cannot all be zero"),
        ("", "write it as label=frequency"),
    ],
)
def test_priors_that_make_no_sense_are_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], priors: str, words: str
) -> None:
    code, _, err = call(capsys, "predict", run, "--text", "x thing", "--priors", priors)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"temperatures": {}}', '{"temperatures": 3}', "\udcff"],
    ids=["empty", "half", "a list", "null", "a part", "nonsense", "bytes"],
)
def test_a_damaged_calibration_is_refused_with_its_path(
    run: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "model" / "calibration.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=r"calibration\.json: is not a calibration"):
        load(tmp_path / "run")
    code, _, err = call(capsys, "predict", tmp_path / "run", "--text", "x")
    assert code == 2
    assert len(err.splitlines()) == 1


def test_nonsense_in_a_saved_calibration_is_refused(run: Path, tmp_path: Path) -> None:
    for number, wrong in enumerate(
        ({"temperatures": {"audio": 0.0}}, {"threshold": 2}, {"priors": {"angry": 0.1}})
    ):
        with pytest.raises(CheckpointError, match="is not a calibration"):
            load(changed(run, tmp_path / str(number), **wrong))


def test_a_model_folder_without_a_calibration_says_what_the_network_says(
    run: Path, large: Corpus, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "model" / "calibration.json").unlink()
    assert load(tmp_path / "run").predictor.calibration == Calibration()
    plain = said_of(changed(run, tmp_path / "plain" / "run", temperatures={}, threshold=None), large)
    assert said_of(tmp_path / "run", large) == plain
