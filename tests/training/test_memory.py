"""A full memory: smaller micro-batches, the same steps, a word about it, and nothing left out."""

from __future__ import annotations

import logging
import weakref
from typing import Any

import pytest
import torch
from torch import nn

from emofuse.config import Recipe, make_recipe
from emofuse.data.labels import apply_policy
from emofuse.errors import RunError
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint
from emofuse.training.fit import fit
from emofuse.training.loader import AudioCache, InputReader, PreparedPart, prepare_part
from emofuse.training.memory import out_of_memory, retry_with_smaller_batches
from emofuse.training.scoring import predict_part
from emofuse.types import Corpus

STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
AUDIO = {
    "model_type": "wav2vec2",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
    **STILL,
}
TEXT = {
    "model_type": "bert",
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def recipe_of(micro_seconds: float, **training: Any) -> Recipe:
    """Return a recipe in which the network draws nothing, and the loader crops, and takes modalities away."""
    return make_recipe(
        {
            "audio": {"config": AUDIO, "lr": 1e-3, "max_seconds": 0.3},
            "text": {"config": TEXT, "vocabulary": "words", "lr": 1e-3},
            "fusion": {"width": 16, "heads": 2, "attention_dropout": 0.0, "recurrent_dropout": 0.0},
            "head": {"dropout": 0.0},
            "training": {
                "epochs": 2,
                "lr": 5e-3,
                "batch_seconds": 4,
                "micro_seconds": micro_seconds,
                "modality_dropout": {"audio": 0.2, "text": 0.2},
                **training,
            },
        }
    )


def ready(corpus: Corpus, recipe: Recipe) -> tuple[Checkpoint, PreparedPart]:
    labelled, task = apply_policy(corpus, "as-is")
    checkpoint = build(recipe, "fusion", task, [str(u.text) for u in corpus], 0)
    return checkpoint, prepare_part(labelled, task, InputReader(checkpoint.preparation, AudioCache()))[0]


class Narrow:
    """Makes a network's memory full above so many rows, and counts the rows that went through."""

    def __init__(self, model: nn.Module, rows: int, error: Exception) -> None:
        self.rows, self.error, self.refused = rows, error, 0
        self.passed: list[int] = []
        model.register_forward_pre_hook(self._before, with_kwargs=True)

    def _before(self, model: nn.Module, given: Any, named: dict[str, torch.Tensor]) -> None:
        rows = len(named["audio_mask"])
        if rows > self.rows:
            self.refused += 1
            raise self.error
        self.passed.append(rows)


def allocator_error() -> RuntimeError:
    """Return what torch itself says where the processor's memory is full."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


GPU_FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


@pytest.mark.parametrize("error", [GPU_FULL, allocator_error(), MemoryError()], ids=["gpu", "cpu", "python"])
def test_full_memory_ends_with_the_weights_of_smaller_micro_batches(
    corpus: Corpus, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Two rows fit. Utterances have 0.4 to 0.55 s: 4 s are seven rows, 2 s three or more, 1 s two or one."""
    results, epochs = [], []
    for micro_seconds, rows in ((4.0, 2), (1.0, 99)):
        recipe = recipe_of(micro_seconds)
        checkpoint, part = ready(corpus, recipe)
        narrow = Narrow(checkpoint.model, rows, error)
        with caplog.at_level(logging.WARNING):
            epochs.append(fit(checkpoint, part, None, recipe, 0, lambda progress: None))
        results.append((checkpoint.model.state_dict(), narrow))
    (halved, narrow), (small, _) = results
    assert halved.keys() == small.keys()
    assert [name for name in small if not torch.equal(halved[name], small[name])] == []
    assert [record.loss for record in epochs[0]] == [record.loss for record in epochs[1]]
    assert narrow.refused == 2
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "micro-batches hold 2 s from here on" in said[0]
    assert "micro-batches hold 1 s from here on" in said[1]
    assert all("the effective batch stays" in words for words in said)


def test_full_memory_in_the_midst_of_a_step_does_not_count_half_of_it(corpus: Corpus) -> None:
    """Of 2.3 s, four rows of 0.5 s and more pass and leave their gradients; five of 0.45 s are too many."""
    results = []
    for micro_seconds, rows in ((2.3, 4), (1.15, 99)):
        recipe = recipe_of(micro_seconds, batch_seconds=100, epochs=1)
        checkpoint, part = ready(corpus, recipe)
        narrow = Narrow(checkpoint.model, rows, GPU_FULL)
        fit(checkpoint, part, None, recipe, 0, lambda progress: None)
        results.append((checkpoint.model.state_dict(), narrow))
    (halved, narrow), (small, whole) = results
    assert narrow.refused == 1
    assert sum(whole.passed) == len(corpus)  # one epoch, nobody left out
    assert sum(narrow.passed) > len(corpus)  # and what had passed before memory was full, once more
    assert narrow.passed[-len(whole.passed) :] == whole.passed
    assert [name for name in small if not torch.equal(halved[name], small[name])] == []


def test_scoring_leaves_nobody_out_either(corpus: Corpus, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint, part = ready(corpus, recipe_of(4.0))
    whole, order = predict_part(checkpoint.model, part, 4.0)
    Narrow(checkpoint.model, 3, GPU_FULL)
    with caplog.at_level(logging.WARNING):
        halved, other_order = predict_part(checkpoint.model, part, 4.0)
    assert sorted(other_order) == list(range(len(part)))
    assert "memory is full" in caplog.text
    expected = dict(zip(order, whole.logits, strict=True))
    for position, row in zip(other_order, halved.logits, strict=True):
        assert row == pytest.approx(expected[position], abs=1e-5)


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("x"), KeyError("memory")]
)
def test_other_errors_pass_through_at_once(corpus: Corpus, error: Exception) -> None:
    checkpoint, part = ready(corpus, recipe_of(4.0))
    narrow = Narrow(checkpoint.model, 0, error)
    with pytest.raises(type(error)) as caught:
        fit(checkpoint, part, None, recipe_of(4.0), 0, lambda progress: None)
    assert caught.value is error
    assert narrow.refused == 1


def test_a_single_utterance_that_does_not_fit_is_refused_with_a_way_out(corpus: Corpus) -> None:
    checkpoint, part = ready(corpus, recipe_of(4.0))
    narrow = Narrow(checkpoint.model, 0, GPU_FULL)
    with pytest.raises(RunError, match=r"full with a single utterance; set audio\.max_seconds") as caught:
        fit(checkpoint, part, None, recipe_of(4.0), 0, lambda progress: None)
    assert caught.value.__cause__ is GPU_FULL
    assert narrow.refused < 8
    with pytest.raises(RunError, match="full with a single utterance"):
        predict_part(checkpoint.model, part, 4.0)


def test_what_says_that_memory_is_full_is_told_from_what_does_not() -> None:
    assert out_of_memory(torch.OutOfMemoryError())
    assert out_of_memory(MemoryError())
    assert out_of_memory(allocator_error())
    assert out_of_memory(RuntimeError("[enforce fail at alloc_cpu.cpp:117] not enough memory: you tried ..."))
    assert not out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not out_of_memory(ValueError("can't allocate memory"))


def test_work_is_done_again_whole_in_halves_until_it_fits() -> None:
    asked: list[float] = []

    def work(seconds: float) -> str:
        asked.append(seconds)
        if seconds > 8:
            raise torch.OutOfMemoryError
        return "done"

    assert retry_with_smaller_batches(work, 60.0, 1.0) == ("done", 7.5)
    assert asked == [60.0, 30.0, 15.0, 7.5]
    assert retry_with_smaller_batches(work, 5.0, 1.0) == ("done", 5.0)


class Held:
    """Something that takes memory."""


def test_what_the_failed_attempt_held_is_gone_before_memory_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[weakref.ref[Held]] = []
    alive: list[bool] = []

    def work(seconds: float) -> None:
        tensors = Held()
        held.append(weakref.ref(tensors))
        if seconds > 1:
            raise torch.OutOfMemoryError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: alive.append(held[-1]() is not None))
    retry_with_smaller_batches(work, 4.0, 0.5)
    assert alive == [False, False]
