"""The loop learns, keeps what it should keep, and gives the same numbers twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emofuse.config import Recipe, make_recipe
from emofuse.data.labels import apply_policy
from emofuse.errors import RecipeError, RunError
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint
from emofuse.training.fit import fit
from emofuse.training.loader import AudioCache, InputReader, PreparedPart, prepare_part
from emofuse.training.losses import inverse_frequency_weights, summed_cross_entropy
from emofuse.training.optimizer import LearningRateSchedule, make_optimizer
from emofuse.training.scoring import Validation, validate
from emofuse.training.trainer import Progress
from emofuse.training.weight_selection import WeightSelection
from emofuse.types import Corpus, SystemName

SMALL = {
    "audio": {"config": {"model_type": "emofuse-log-mel-cnn", "bins": 20, "hidden_size": 16}, "lr": 5e-3},
    "text": {
        "config": {"model_type": "emofuse-word-cnn", "hidden_size": 16, "vocab_size": 60},
        "vocabulary": "words",
        "lr": 5e-3,
    },
    "fusion": {"width": 16, "heads": 2},
    "training": {"epochs": 6, "lr": 5e-3, "batch_seconds": 3, "micro_seconds": 2},
}
WAV2VEC2 = {
    "model_type": "wav2vec2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [16] * 3,
    "conv_kernel": [10, 7, 10],
    "conv_stride": [5, 8, 8],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}


def recipe(**changes: object) -> Recipe:
    training = SMALL["training"] | changes.pop("training", {})  # type: ignore[operator]
    return make_recipe(SMALL | changes | {"training": training})


def ready(
    corpus: Corpus, recipe: Recipe, system: SystemName = "fusion", seed: int = 0
) -> tuple[Checkpoint, PreparedPart]:
    labelled, task = apply_policy(corpus, "as-is")
    checkpoint = build(recipe, system, task, [str(u.text) for u in corpus], seed)
    part, skipped = prepare_part(labelled, task, InputReader(checkpoint.preparation, AudioCache()))
    assert not skipped
    return checkpoint, part


def silent(progress: Progress) -> None:
    """Tell nobody."""


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in checkpoint.model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in a if torch.equal(a[name], b[name])}


@pytest.mark.parametrize("system", ["audio", "text", "fusion"])
def test_each_system_learns_what_its_modality_tells(corpus: Corpus, system: SystemName) -> None:
    chosen = recipe(training={"epochs": 14})
    checkpoint, part = ready(corpus, chosen, system)
    history = fit(checkpoint, part, part, chosen, 0, silent)
    assert history[-1].loss < 0.7 * history[0].loss
    assert (validate(checkpoint.model, part, chosen).ua or 0.0) > 0.7


def test_one_seed_gives_identical_weights_twice_and_another_does_not(corpus: Corpus) -> None:
    results = []
    for seed in (0, 0, 1):
        checkpoint, part = ready(corpus, recipe(training={"epochs": 2}), seed=seed)
        fit(checkpoint, part, None, recipe(training={"epochs": 2}), seed, silent)
        results.append(weights(checkpoint))
    assert same(results[0], results[1]) == set(results[0])
    assert len(same(results[0], results[2])) < len(results[0])


STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
UNMASKED = {"layerdrop": 0.0, "mask_time_prob": 0.0}


def test_micro_batches_change_nothing_but_rounding(corpus: Corpus) -> None:
    """The loss is a mean over the utterances of the effective batch, however it is cut (and nothing is random)."""
    bert = {
        "model_type": "bert",
        "vocab_size": 60,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    results = []
    for micro in (1.0, 3.0):
        chosen = recipe(
            audio={"config": WAV2VEC2 | STILL | UNMASKED, "lr": 1e-3},
            text={"config": bert, "vocabulary": "words", "lr": 1e-3},
            fusion={"width": 16, "heads": 2, "attention_dropout": 0.0, "recurrent_dropout": 0.0},
            head={"dropout": 0.0},
            training={"epochs": 2, "micro_seconds": micro},
        )
        checkpoint, part = ready(corpus, chosen)
        fit(checkpoint, part, None, chosen, 0, silent)
        results.append(weights(checkpoint))
    for name, value in results[0].items():
        torch.testing.assert_close(value, results[1][name], atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize(
    ("tuning", "still"),
    [("frozen", "audio_encoder."), ("cnn-frozen", "audio_encoder.backbone.feature_extractor."), ("full", None)],
)
def test_frozen_weights_stay_bit_identical(corpus: Corpus, tuning: str, still: str | None) -> None:
    chosen = recipe(audio={"config": WAV2VEC2, "tuning": tuning, "lr": 1e-3}, training={"epochs": 1})
    checkpoint, part = ready(corpus, chosen)
    before = weights(checkpoint)
    fit(checkpoint, part, None, chosen, 0, silent)
    unchanged = same(before, weights(checkpoint))
    frozen = {name for name in before if still and name.startswith(still)}
    assert frozen <= unchanged
    assert not (unchanged - frozen - {"audio_encoder.backbone.masked_spec_embed"} - absent_frames(before))


def absent_frames(names: dict[str, torch.Tensor]) -> set[str]:
    """What nothing teaches where no modality is ever absent."""
    return {name for name in names if "fusion.absent" in name}


def test_encoders_held_stand_still_in_the_first_epochs(corpus: Corpus) -> None:
    chosen = recipe(training={"epochs": 1, "encoders_held": 1})
    checkpoint, part = ready(corpus, chosen)
    before = weights(checkpoint)
    fit(checkpoint, part, None, chosen, 0, silent)
    moved = set(before) - same(before, weights(checkpoint))
    assert moved
    learnt = {name for name, _ in checkpoint.model.named_parameters()}  # running figures of a norm are none
    assert not [name for name in moved & learnt if "encoder." in name]
    assert all(parameter.requires_grad for parameter in checkpoint.model.parameters())


def test_encoders_that_are_held_do_not_count_for_clipping(corpus: Corpus) -> None:
    norms = []
    for held in (0, 1):
        chosen = recipe(training={"epochs": 1, "encoders_held": held, "lr": 1e-9})
        chosen = chosen.model_copy(update={"audio": chosen.audio.model_copy(update={"lr": 1e-9})})
        chosen = chosen.model_copy(update={"text": chosen.text.model_copy(update={"lr": 1e-9})})
        checkpoint, part = ready(corpus, chosen)
        norms.append(fit(checkpoint, part, None, chosen, 0, silent)[0].gradient_norm or 0.0)
    assert 0.0 < norms[1] < norms[0]


def test_frozen_random_encoders_are_the_same_for_every_seed(corpus: Corpus) -> None:
    chosen = recipe(audio={"config": WAV2VEC2, "tuning": "frozen"})
    first, second = (weights(ready(corpus, chosen, seed=seed)[0]) for seed in (0, 1))
    shared = same(first, second)
    assert {name for name in first if name.startswith("audio_encoder.")} <= shared
    assert not {name for name in shared if name.startswith("audio_features.")}


def test_early_stopping_keeps_the_best_epoch(corpus: Corpus) -> None:
    chosen = recipe(training={"epochs": 40, "patience": 2, "lr": 1e-9}, audio=SMALL["audio"] | {"lr": 1e-9})  # type: ignore[operator]
    chosen = chosen.model_copy(update={"text": chosen.text.model_copy(update={"lr": 1e-9})})
    checkpoint, part = ready(corpus, chosen)
    history = fit(checkpoint, part, part, chosen, 0, silent)
    assert len(history) < 40
    best = max(history, key=lambda record: (record.validation.ua, -(record.validation.loss or 0.0)))
    assert len(history) - best.epoch == 2
    assert validate(checkpoint.model, part, chosen).ua == best.validation.ua


def test_fixed_selection_averages_the_last_three_epochs(corpus: Corpus) -> None:
    checkpoint, _ = ready(corpus, recipe())
    for averaged, expected in ((None, 4.0), (1, 5.0), (4, 3.5)):
        key = {} if averaged is None else {"averaged_epochs": averaged}
        chosen = recipe(training={"epochs": 5} | key)
        selection = WeightSelection.of_recipe(checkpoint.model, chosen, by_validation=False)
        for epoch in range(1, 6):
            torch.nn.init.constant_(checkpoint.model.fusion.head.classifier.bias, float(epoch))
            selection.after_epoch(epoch, Validation())
        selection.restore()
        assert checkpoint.model.fusion.head.classifier.bias.tolist() == [expected] * 4
        assert selection.averages == (averaged != 1)


def test_a_moving_average_of_all_steps_is_kept(corpus: Corpus) -> None:
    checkpoint, _ = ready(corpus, recipe())
    bias = checkpoint.model.fusion.head.classifier.bias
    torch.nn.init.constant_(bias, 7.0)
    chosen = recipe(selection="fixed", training={"epochs": 5, "ema": 0.5})
    selection = WeightSelection.of_recipe(checkpoint.model, chosen, by_validation=False)
    expected = 7.0
    for step in range(1, 11):
        torch.nn.init.constant_(bias, float(step))
        selection.after_step()
        stays = min(0.5, (step + 1) / (step + 10))
        expected = stays * expected + (1 - stays) * step
    selection.after_epoch(1, Validation())
    selection.restore()
    assert bias.tolist() == pytest.approx([expected] * 4)


def test_a_moving_average_is_no_best_epoch() -> None:
    with pytest.raises(RecipeError, match="use it with selection: fixed"):
        recipe(selection="best", training={"ema": 0.9})


def test_a_loss_that_is_no_number_stops_with_advice(corpus: Corpus) -> None:
    checkpoint, part = ready(corpus, recipe())
    torch.nn.init.constant_(checkpoint.model.fusion.head.classifier.bias, float("nan"))
    with pytest.raises(RunError, match=r"no longer a number in epoch 1, in the batch of s\d.*; lower"):
        fit(checkpoint, part, None, recipe(), 0, silent)


def test_progress_rises_to_one(corpus: Corpus) -> None:
    told: list[Progress] = []
    checkpoint, part = ready(corpus, recipe(training={"epochs": 2}), "text")
    fit(checkpoint, part, part, recipe(training={"epochs": 2}), 0, told.append)
    shares = [progress.done for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert told[0].ua is None
    assert told[-1].ua is not None


def test_learning_rates_warm_up_and_fall_to_zero() -> None:
    chosen = recipe(training={"warmup": 0.2, "epochs": 10})
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    optimizer = torch.optim.SGD([{"params": [parameter], "lr": 1.0, "peak_lr": 1.0, "part": "rest"}])
    rates = []
    for done in (0.0, 0.1, 0.2, 0.6, 1.0):
        LearningRateSchedule.of_recipe(chosen).set(optimizer, done)
        rates.append(optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(rates, [0.0, 0.5, 1.0, 0.5, 0.0], atol=1e-12)


def test_released_encoders_warm_up_once_more() -> None:
    chosen = recipe(training={"warmup": 0.1, "epochs": 10, "encoders_held": 3})
    parameters = [torch.nn.Parameter(torch.zeros(2, 2)) for _ in range(2)]
    optimizer = torch.optim.SGD(
        [
            {"params": [parameter], "lr": 1.0, "peak_lr": 1.0, "part": part}
            for parameter, part in zip(parameters, ("rest", "audio_encoder"), strict=True)
        ]
    )
    shares = []
    for done in (0.1, 0.299, 0.3, 0.35, 0.4, 0.7):
        LearningRateSchedule.of_recipe(chosen).set(optimizer, done)
        rest, encoder = (group["lr"] for group in optimizer.param_groups)
        shares.append(encoder / rest)
    np.testing.assert_allclose(shares, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-12)


def test_biases_and_norms_do_not_decay_and_encoders_have_their_own_rate(corpus: Corpus) -> None:
    chosen = recipe(audio=SMALL["audio"] | {"lr": 7e-5})  # type: ignore[operator]
    checkpoint, _ = ready(corpus, chosen)
    optimizer = make_optimizer(checkpoint.model, chosen)
    for group in optimizer.param_groups:
        assert (group["weight_decay"] > 0) == all(parameter.dim() > 1 for parameter in group["params"])
        assert group["lr"] == {"audio_encoder": 7e-5, "text_encoder": 5e-3, "rest": 5e-3}[group["part"]]
    held = sum(parameter.numel() for group in optimizer.param_groups for parameter in group["params"])
    assert held == sum(parameter.numel() for parameter in checkpoint.model.parameters())


def test_class_weights_are_inverse_to_frequency_with_mean_one() -> None:
    targets = np.array([0, 0, 0, 1])
    found = inverse_frequency_weights(np.eye(3, dtype=np.float32)[targets])
    assert found.tolist() == pytest.approx([2 / 3, 2.0, 0.0])
    assert float(found[torch.from_numpy(targets)].mean()) == pytest.approx(1.0)


def test_the_loss_is_a_sum_over_utterances() -> None:
    logits, targets = torch.tensor([[1.0, -1.0], [0.5, 0.0]]), torch.tensor([0, 1])
    expected = -torch.log_softmax(logits, dim=-1)[torch.arange(2), targets].sum()
    assert float(summed_cross_entropy(logits, targets, None, 0.0)) == pytest.approx(float(expected))


def test_class_weights_reach_the_loss(corpus: Corpus) -> None:
    one_class_rare = corpus.select(lambda u: u.label != "sad" or u.session == "session1")
    losses = []
    for weighted in (False, True):
        chosen = recipe(training={"epochs": 1, "class_weights": weighted})
        checkpoint, part = ready(one_class_rare, chosen)
        losses.append(fit(checkpoint, part, None, chosen, 0, silent)[0].loss)
    assert losses[0] != losses[1]
