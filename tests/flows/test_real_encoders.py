"""Networks over real pre-trained encoders: the same alone as in a batch, tuned, saved and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_models import real_model
from torch.nn import functional

from emofuse.config import Recipe, make_recipe
from emofuse.data.preparation import Item
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.model.masked_streams import as_tensors
from emofuse.sound.clips import Clip
from emofuse.types import SystemName, Task

pytestmark = pytest.mark.slow(reason="networks of 8 to 43 million weights")

TASK = Task(("angry", "happy", "neutral", "sad"))
SECONDS = (2.3, 6.1, 0.4, 3.7)
TEXTS = ("I said no!", "what a lovely day it is, and nobody told me", "yes", "he went home")
# Of the largest absolute value that is compared: activations of real encoders are up to 24.
TOLERANCE = 1e-4


def recipe(audio: str | None, tuning: str = "frozen", **changes: Any) -> Recipe:
    """Return a recipe over a Whisper, or over a small encoder of our own, and MiniLM."""
    small = {"config": {"model_type": "emofuse-log-mel-cnn"}}
    hears = small if audio is None else {"encoder": str(real_model(audio)), "layers": "weighted"}
    return make_recipe(
        {
            "audio": {**hears, "tuning": tuning, **changes},
            "text": {"encoder": str(real_model("minilm")), "layers": "weighted", "tuning": tuning},
            "fusion": {"width": 64, "heads": 4},
        }
    )


def spoken(seconds: float, pitch: float) -> Clip:
    """Return vowels of a kind: harmonics that rise and fall four times a second."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * (pitch * time + 5 * np.sin(3 * time))
    voiced = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    noise = np.random.default_rng(0).normal(size=time.size) * 0.02
    return Clip((0.1 * voiced + noise).astype(np.float32), 16_000)


def items(checkpoint: Checkpoint) -> list[Item]:
    audio, text = checkpoint.preparation.audio, checkpoint.preparation.text
    return [
        Item(audio and audio(spoken(seconds, 110 + 40 * row)), text and text(words))
        for row, (seconds, words) in enumerate(zip(SECONDS, TEXTS, strict=True))
    ]


def tensors(checkpoint: Checkpoint, rows: list[Item]) -> dict[str, torch.Tensor]:
    return dict(as_tensors(checkpoint.preparation.collate(rows).arrays()))


@pytest.mark.parametrize(
    ("system", "audio", "window"),
    [
        ("audio", "whisper-base", 30),
        ("audio", "whisper-base", "clip"),
        ("audio", "whisper-tiny.en", 30),
        ("text", None, None),
        ("fusion", "whisper-tiny.en", "clip"),
    ],
)
def test_real_weights_give_the_same_alone_and_in_a_batch(
    system: SystemName, audio: str | None, window: int | str | None
) -> None:
    changes = {} if window is None else {"window_seconds": window}
    chosen = recipe(audio, "frozen" if audio else "full", **changes)
    checkpoint = build(chosen, system, TASK, [], seed=0)
    network, rows = checkpoint.model.eval(), items(checkpoint)
    with torch.inference_mode():
        together = network(**tensors(checkpoint, rows))
        alone = [network(**tensors(checkpoint, [row])) for row in rows]
    for kind in ("logits", "pooled"):
        batch, single = getattr(together, kind), torch.cat([getattr(one, kind) for one in alone])
        assert (batch - single).abs().max() <= TOLERANCE * single.abs().max(), kind


@pytest.mark.parametrize("tuning", ["frozen", "top-2", "lora", "full"])
def test_real_encoders_are_tuned_as_the_recipe_says_and_come_back_the_same(tuning: str, tmp_path: Path) -> None:
    if tuning == "lora":
        pytest.importorskip("peft")
    chosen = recipe("whisper-tiny.en", tuning, window_seconds="clip")
    checkpoint = build(chosen, "fusion", TASK, [], seed=0)
    network, batch = checkpoint.model, tensors(checkpoint, items(checkpoint))
    truth = torch.tensor([0, 1, 2, 3])
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-3 if tuning in ("frozen", "lora") else 1e-4)
    network.eval()  # without dropout, so that the loss of a few steps falls for certain
    losses = []
    for _ in range(4):
        loss = functional.cross_entropy(network(**batch).logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.02
    for modality in ("audio", "text"):
        held = {
            name
            for name, parameter in network.get_submodule(f"{modality}_encoder").named_parameters()
            if parameter.grad is not None and parameter.grad.abs().max() > 0
        }
        assert bool(held) is (tuning != "frozen")
        assert all("lora_" in name for name in held) or tuning != "lora"
        assert not any(".layers.0." in name or ".layer.0." in name for name in held) or tuning in ("lora", "full")
        assert network.get_submodule(f"{modality}_mix").weights.grad.abs().max() > 0
    save_checkpoint(checkpoint, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model")
    assert set(again.model.config.references) == ({"audio", "text"} if tuning in ("frozen", "lora") else set())
    with torch.inference_mode():
        assert (again.model(**batch).logits - network(**batch).logits).abs().max() <= 1e-6
