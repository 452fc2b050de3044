"""What training makes small, against second implementations; labels at once and dimensions, learnt and told."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from small_corpus import make_corpus
from torch import nn

from emofuse import EmotionRecognizer, load, train
from emofuse.config import Recipe, make_recipe
from emofuse.data.labels import label_shares
from emofuse.data.recipe_corpus import recipe_corpus
from emofuse.errors import CorpusError, RecipeError
from emofuse.evaluation.metrics import concordance
from emofuse.model.heads import EmotionOutput
from emofuse.training.losses import (
    Targets,
    TrainingLoss,
    inverse_frequency_weights,
    summed_binary_cross_entropy,
    summed_concordance_error,
    summed_cross_entropy,
    summed_squared_error,
    with_auxiliary,
)
from emofuse.types import Corpus, Prediction, Task

RNG = np.random.default_rng(0)
LOGITS = torch.from_numpy(RNG.normal(scale=3, size=(6, 4)).astype(np.float32))
NAN = float("nan")


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_binary_cross_entropy_is_a_mean_over_labels_and_a_sum_over_utterances() -> None:
    targets = torch.from_numpy(RNG.integers(0, 2, size=(6, 4)).astype(np.float32))
    slow = 0.0
    for row, wanted in zip(LOGITS.tolist(), targets.tolist(), strict=True):
        costs = [-math.log(sigmoid(x) if y else sigmoid(-x)) for x, y in zip(row, wanted, strict=True)]
        slow += sum(costs) / len(costs)
    found = summed_binary_cross_entropy(LOGITS, targets, None)
    assert float(found) == pytest.approx(slow, rel=1e-6)
    torchs = nn.BCEWithLogitsLoss(reduction="mean")(LOGITS, targets) * len(LOGITS)
    torch.testing.assert_close(found, torchs)


def test_binary_cross_entropy_weighs_labels() -> None:
    targets = torch.from_numpy(RNG.integers(0, 2, size=(6, 4)).astype(np.float32))
    weights = torch.tensor([0.0, 1.0, 2.0, 0.5])
    alone = [
        float(nn.functional.binary_cross_entropy_with_logits(LOGITS[:, i], targets[:, i], reduction="sum"))
        for i in range(4)
    ]
    expected = sum(weight * cost for weight, cost in zip(weights.tolist(), alone, strict=True)) / 4
    assert float(summed_binary_cross_entropy(LOGITS, targets, weights)) == pytest.approx(expected)


def test_binary_cross_entropy_stays_finite_where_logits_are_large() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = summed_binary_cross_entropy(logits, torch.tensor([[0.0, 1.0]]), None)
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.5, -0.5]]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_against_shares_is_that_of_torch_summed(smoothing: float, weighted: bool) -> None:
    shares = torch.from_numpy(RNG.dirichlet(np.ones(4), size=6).astype(np.float32))
    weights = torch.tensor([0.5, 1.0, 2.0, 0.1]) if weighted else None
    found = float(summed_cross_entropy(LOGITS, shares, weights, smoothing))
    slow = 0.0
    for row, wanted in zip(LOGITS.double(), shares.double(), strict=True):
        smooth = wanted * (1 - smoothing) + smoothing / 4
        scale = torch.ones(4) if weights is None else weights
        slow -= float((scale * smooth * torch.log_softmax(row, dim=0)).sum())
    assert found == pytest.approx(slow, rel=1e-5)


def slow_squares(told: list[list[float]], wanted: list[list[float]], ranges: list[tuple[float, float]]) -> float:
    total = 0.0
    for said, true in zip(told, wanted, strict=True):
        errors = [
            ((s - t) / ((high - low) / 2)) ** 2
            for s, t, (low, high) in zip(said, true, ranges, strict=True)
            if not math.isnan(t)
        ]
        total += sum(errors) / len(errors) if errors else 0.0
    return total


def test_the_error_of_dimensions_is_in_half_ranges_over_those_known() -> None:
    ranges = [(1.0, 5.0), (-1.0, 1.0), (0.0, 100.0)]
    wanted = RNG.uniform(0, 1, size=(6, 3))
    wanted[0, 1] = wanted[1] = wanted[4, :2] = NAN
    told = RNG.normal(size=(6, 3))
    given = torch.from_numpy(told.astype(np.float32)).requires_grad_()
    found = summed_squared_error(given, torch.from_numpy(wanted.astype(np.float32)), ranges)
    assert found.item() == pytest.approx(slow_squares(told.tolist(), wanted.tolist(), ranges), rel=1e-5)
    found.backward()
    assert given.grad is not None
    assert bool(given.grad.isfinite().all())
    np.testing.assert_array_equal(given.grad.numpy() == 0, np.isnan(wanted))


def test_an_error_of_a_whole_range_costs_four_whatever_the_range() -> None:
    for low, high in ((1.0, 5.0), (-1.0, 1.0), (0.0, 100.0)):
        assert float(summed_squared_error(torch.tensor([[low]]), torch.tensor([[high]]), [(low, high)])) == 4.0


def test_the_concordance_of_a_batch_agrees_with_a_second_implementation() -> None:
    ranges = [(1.0, 5.0), (-1.0, 1.0), (0.0, 100.0)]
    rng = np.random.default_rng(3)
    wanted, told = rng.uniform(0, 1, size=(7, 3)), rng.normal(size=(7, 3))
    wanted[0, 1] = wanted[4, :2] = wanted[5] = NAN
    expected = []
    for column in range(3):
        known = ~np.isnan(wanted[:, column])
        a, b = told[known, column], wanted[known, column]
        half = (ranges[column][1] - ranges[column][0]) / 2
        a, b = a / half, b / half
        together = np.mean((a - a.mean()) * (b - b.mean()))
        expected.append(1 - 2 * together / (a.var() + b.var() + (a.mean() - b.mean()) ** 2))
    given = torch.from_numpy(told.astype(np.float32)).requires_grad_()
    found = summed_concordance_error(given, torch.from_numpy(wanted.astype(np.float32)), ranges)
    assert found.item() == pytest.approx(6 * np.mean(expected), rel=1e-4)
    found.backward()
    assert given.grad is not None
    np.testing.assert_array_equal(given.grad.numpy() == 0, np.isnan(wanted))


def test_one_utterance_alone_has_no_concordance_to_learn_from() -> None:
    given = torch.tensor([[2.0]], requires_grad=True)
    found = summed_concordance_error(given, torch.tensor([[3.0]]), [(1.0, 5.0)])
    found.backward()
    assert (float(found), given.grad) == (1.0, torch.zeros(1, 1))
    nothing = summed_concordance_error(given, torch.tensor([[float("nan")]]), [(1.0, 5.0)])
    assert float(nothing) == 0.0


def test_the_recipe_chooses_the_loss_of_dimensions() -> None:
    recipe = recipe_of(training={"epochs": 1, "dimension_loss": "ccc"})
    loss = TrainingLoss.of_recipe(recipe, None)
    output = EmotionOutput(LOGITS, torch.zeros(6, 2))
    targets = torch.rand(6, 2)
    nowhere = torch.zeros(6, dtype=torch.bool)
    found = loss(output, Targets(torch.zeros(6, 4), targets), (nowhere, nowhere))
    labels = loss(EmotionOutput(LOGITS), Targets(torch.zeros(6, 4), targets), (nowhere, nowhere))
    ranges = list(recipe.dimensions.values())
    torch.testing.assert_close(found - labels, summed_concordance_error(torch.zeros(6, 2), targets, ranges))


def test_auxiliary_losses_count_only_what_is_there() -> None:
    targets = torch.eye(4)[[0, 1, 2, 3, 0, 1]]
    heard, read = torch.tensor([1, 1, 0, 1, 0, 0]).bool(), torch.tensor([0, 1, 1, 1, 0, 0]).bool()
    aside = [torch.from_numpy(RNG.normal(size=(6, 4)).astype(np.float32)) for _ in range(2)]
    output = EmotionOutput(LOGITS, None, *aside)

    def loss(logits: torch.Tensor, wanted: torch.Tensor, _: torch.Tensor | None = None) -> torch.Tensor:
        return summed_binary_cross_entropy(logits, wanted, None)

    expected = loss(LOGITS, targets)
    for logits, present in zip(aside, (heard, read), strict=True):
        for row in present.nonzero().flatten():
            expected = expected + 0.3 * loss(logits[row][None], targets[row][None])
    torch.testing.assert_close(with_auxiliary(output, targets, (heard, read), loss, 0.3), expected)
    assert with_auxiliary(output, targets, (heard, read), loss, 0.0) == loss(LOGITS, targets)
    nobody = torch.zeros(6, dtype=torch.bool)
    assert with_auxiliary(output, targets, (nobody, nobody), loss, 0.3) == loss(LOGITS, targets)


def test_weights_of_classes_are_one_on_average_over_utterances() -> None:
    targets = RNG.integers(0, 3, size=50)
    weights = inverse_frequency_weights(np.eye(4, dtype=np.float32)[targets]).numpy()
    assert weights[targets].mean() == pytest.approx(1.0)
    assert weights[3] == 0.0
    counts = np.bincount(targets)
    assert weights[0] * counts[0] == pytest.approx(weights[1] * counts[1])


def test_weights_of_classes_count_every_target_and_the_shares_of_soft_ones() -> None:
    several = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0]], dtype=np.float32)
    assert inverse_frequency_weights(several).tolist() == pytest.approx([2 / 3, 2.0, 0.0])
    soft = np.array([[0.75, 0.25], [0.75, 0.25]], dtype=np.float32)
    assert inverse_frequency_weights(soft).tolist() == pytest.approx([2 / 3, 2.0])


# What raters say of an utterance with a label: those of the sad ones hear anger too.
VOTES = {
    "angry": {"angry": 3.0},
    "happy": {"happy": 3.0},
    "neutral": {"neutral": 3.0},
    "sad": {"sad": 2.0, "angry": 1.0},
}
VALENCE = {"angry": 1.5, "happy": 4.5, "neutral": 3.0, "sad": 2.0}


def told_at_once(corpus: Corpus) -> Corpus:
    """Give a corpus votes, some of them for two labels, and dimensions, of which one is often lacking."""
    changed = []
    for number, utterance in enumerate(corpus):
        assert utterance.label is not None
        dimensions = {"valence": VALENCE[utterance.label]}
        if number % 3:
            dimensions["arousal"] = 5.0 - VALENCE[utterance.label]
        changed.append(replace(utterance, votes=VOTES[utterance.label], dimensions=dimensions))
    return replace(corpus, utterances=tuple(changed))


def recipe_of(**changes: Any) -> Recipe:
    return make_recipe(
        {
            "selection": "fixed",
            "multi_label": True,
            "dimensions": {"valence": [1, 5], "arousal": [0, 5]},
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
            "training": {"epochs": 25, "lr": 5e-3, "batch_seconds": 4, "micro_seconds": 4},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return told_at_once(make_corpus(tmp_path_factory.mktemp("told"), sessions=4))


@pytest.mark.parametrize(("kind", "epochs", "rate"), [("cross-attention", 25, 5e-3), ("late", 30, 1e-2)])
def test_several_labels_and_dimensions_are_trained_at_once(
    told: Corpus, tmp_path: Path, kind: str, epochs: int, rate: float
) -> None:
    """On speakers that were not heard: F1 of each label and concordance of each dimension, far above chance."""
    training = {"epochs": epochs, "lr": rate, "batch_seconds": 4, "micro_seconds": 4}
    recipe = recipe_of(fusion={"kind": kind, "width": 16, "heads": 2}, training=training)
    train(recipe, told.select(lambda u: u.session != "session4"), tmp_path / "run")
    recognizer = load(tmp_path / "run")
    assert recognizer.predictor.runtime.traits.task.multi_label
    test = list(told.select(lambda u: u.session == "session4"))
    said = [one for one in recognizer.predict_many(test) if isinstance(one, Prediction)]
    assert len(said) == len(test) == 8
    for label in recognizer.labels:
        truth = [label in (u.votes or {}) for u in test]
        assert f1_score(truth, [one.probabilities[label] > 0.5 for one in said]) > 0.9
    # Of what is told at once, the probabilities are each label's own.
    sums = [sum(one.probabilities.values()) for one in said]
    assert max(sums) > 1.5
    for one in said:
        assert one.confidence == max(one.probabilities.values()) == one.probabilities[one.label]
        assert not one.abstained
    for name in ("valence", "arousal"):
        wanted = np.array([(u.dimensions or {}).get(name, NAN) for u in test])
        found = np.array([(one.dimensions or {})[name] for one in said])
        known = ~np.isnan(wanted)
        assert concordance(wanted[known], found[known]) > 0.7
        assert 0 < found.min() < found.max() < 6


def test_dimensions_are_reported_only_by_a_model_that_trained_them(told: Corpus, tmp_path: Path) -> None:
    brief = {"epochs": 1, "batch_seconds": 4, "micro_seconds": 4}
    for name, recipe in (
        ("with", recipe_of(training=brief)),
        ("without", recipe_of(training=brief, dimensions={}, multi_label=True)),
    ):
        train(recipe, told, tmp_path / name, "text")
        prediction = load(tmp_path / name).predict(text="a lonely thing")
        assert (prediction.dimensions is not None) == (name == "with")
        assert ("dimensions" in prediction.as_dict()) == (name == "with")
    assert list(load(tmp_path / "with").predict(text="x thing").as_dict()["dimensions"]) == ["valence", "arousal"]


def test_the_task_has_the_labels_and_dimensions_of_the_recipe(told: Corpus) -> None:
    _, task = recipe_corpus(recipe_of(), told)
    assert task == Task(
        ("angry", "happy", "neutral", "sad"), ("valence", "arousal"), ((1.0, 5.0), (0.0, 5.0)), True
    )
    sad = next(u for u in told if u.label == "sad")
    assert label_shares(sad, task, soft=False) == [1.0, 0.0, 0.0, 1.0]


def test_a_dimension_that_nobody_tells_is_refused(corpus: Corpus) -> None:
    recipe = recipe_of(dimensions={"dominance": [1, 5]}, multi_label=False)
    with pytest.raises(CorpusError, match=r"dimensions\.dominance: no utterance of tones has it"):
        recipe_corpus(recipe, corpus)


def test_the_weight_of_dimensions_reaches_the_loss(told: Corpus, tmp_path: Path) -> None:
    losses = []
    for weight in (1.0, 100.0):
        brief = {"epochs": 1, "batch_seconds": 4, "micro_seconds": 4, "dimension_weight": weight}
        train(recipe_of(training=brief), told, tmp_path / str(weight), "text")
        lines = (tmp_path / str(weight) / "history.jsonl").read_text().splitlines()
        losses.append(json.loads(lines[0])["loss"])
    assert losses[1] > 3 * losses[0]


def test_a_recogniser_of_several_labels_takes_no_priors(told: Corpus, tmp_path: Path) -> None:
    brief = {"epochs": 1, "batch_seconds": 4, "micro_seconds": 4}
    train(recipe_of(training=brief), told, tmp_path / "run", "text")
    recognizer = load(tmp_path / "run")
    assert isinstance(recognizer, EmotionRecognizer)
    with pytest.raises(RecipeError, match="priors are for models that predict one label"):
        load(tmp_path / "run", priors=dict.fromkeys(recognizer.labels, 0.25))
