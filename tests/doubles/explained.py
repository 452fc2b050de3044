"""A small network that learns, in seconds, what the tests planted: one word and one tone tell the label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

from emofuse.data.preparation import AudioPreparation, Item, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.sound.clips import Clip
from emofuse.types.arrays import Float32Array

# The small networks of the model's tests: who imports this module first finds them.

RATE = 16_000
LABELS = ("angry", "happy", "neutral", "sad")
# Neutral is what nothing tells.
TELLING = {"angry": "furious", "happy": "wonderful", "sad": "lonely"}
HERTZ = {"angry": 400.0, "happy": 1200.0, "sad": 3500.0}
FILLERS = ("the", "thing", "was", "over", "there", "when", "they", "came")
SECONDS = 1.2


def recording(label: str, moment: int, seed: int) -> Float32Array:
    """Return noise in which one moment of 100 ms holds a short tone; the label tells how high."""
    samples = 0.01 * np.random.default_rng(seed).standard_normal(round(SECONDS * RATE))
    if label in HERTZ:
        here = slice(round((moment * 0.1 + 0.02) * RATE), round((moment * 0.1 + 0.08) * RATE))
        samples[here] += 0.3 * np.sin(2 * np.pi * HERTZ[label] * np.arange(here.stop - here.start) / RATE)
    return samples.astype(np.float32)


def sentence(label: str, place: int, seed: int) -> str:
    """Return five fillers, one of them replaced by the word that tells the label."""
    words = list(np.random.default_rng(seed).choice(FILLERS, 5))
    return " ".join(words if label not in TELLING else [*words[:place], TELLING[label], *words[place + 1 :]])


def words() -> TextPreparation:
    """Return how these sentences become pieces."""
    texts = [" ".join((*TELLING.values(), *FILLERS))] * 2
    return TextPreparation(learn_vocabulary(texts, "words", 40))


def write(folder: Path, label: str, moment: int, silent: float = 0.0) -> Path:
    """Write a recording, behind some seconds of silence."""
    path = folder / f"{label}-{moment}-{silent}.wav"
    samples = np.concatenate([np.zeros(round(silent * RATE)), recording(label, moment, 999)])
    soundfile.write(path, samples.astype(np.float32), RATE, subtype="FLOAT")
    return path


def learn(model: EmotionModel, audio: AudioPreparation, folder: Path, steps: int = 100) -> Path:
    """Train a network on planted utterances, a third of them each without sound and without text, and save it."""
    preparation = Preparation(audio, words())
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    batches = [_batch(preparation, number) for number in range(6)]
    model.train()
    for step in range(steps):
        arrays, truth = batches[step % len(batches)]
        loss = nn.functional.cross_entropy(model(**arrays).logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    save_checkpoint(Checkpoint(model.eval(), preparation), folder)
    return folder


def _batch(preparation: Preparation, number: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    generator = np.random.default_rng(number)
    truth = generator.integers(0, 4, 32)
    items: Sequence[Item] = [_item(preparation, LABELS[t], row, number * 100 + row) for row, t in enumerate(truth)]
    return as_tensors(preparation.collate(items).arrays()), torch.from_numpy(truth)


def _item(preparation: Preparation, label: str, row: int, seed: int) -> Item:
    generator = np.random.default_rng(seed)
    clip = Clip(recording(label, int(generator.integers(0, 12)), seed), RATE)
    item = preparation(clip, sentence(label, int(generator.integers(0, 5)), seed))
    kept = row % 3
    return Item(None if kept == 1 else item.values, None if kept == 2 else item.ids)
