"""A model of loudness that can predict relative to other sound, and recordings that are all too loud for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from emofuse import EmotionRecognizer
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.data.relative_parts import Affine, HeadWeights, RelativeParts
from emofuse.data.speaker_statistics import Moments
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.types import Task
from emofuse.types.arrays import Float32Array

RATE = 16_000
# Trained where levels are about this, so far apart.
LEVEL, SPREAD = 0.1, 0.05
HEAD = HeadWeights(Affine(np.array([[-100.0], [100.0]]), np.array([100 * LEVEL, -100 * LEVEL])))


class LevelRuntime:
    """Says `loud` of what is louder than the level that it was trained on."""

    padded_seconds = 0.0

    def __init__(self) -> None:
        self.traits = Traits("level", Task(("quiet", "loud")), ("audio",), missing_modalities=False)

    def __call__(self, batch: Batch) -> Outputs:
        level = np.abs(batch.input_values).sum(axis=1) / batch.audio_mask.sum(axis=1)
        logits = np.concatenate([HEAD(row).logits for row in level[:, None]])
        return Outputs(logits, pooled=level[:, None].astype(np.float32))

    def embed(self, batch: Batch) -> Float32Array:
        raise NotImplementedError


def level_recognizer(folder: Path) -> EmotionRecognizer:
    """Return the model; what relative predictions need is written into the folder."""
    RelativeParts(HEAD, {"audio": Moments(np.array([LEVEL]), np.array([SPREAD**2]))}).save(folder)
    preparation = Preparation(AudioPreparation(), None)
    return EmotionRecognizer(Predictor(LevelRuntime(), preparation, folder=folder))


def write_level(path: Path, level: float, seconds: float = 0.3) -> Path:
    """Write a square wave, whose mean absolute value is its level."""
    samples = level * np.sign(np.sin(2 * np.pi * 200 * (np.arange(round(seconds * RATE)) + 0.5) / RATE))
    soundfile.write(path, samples.astype(np.float32), RATE, subtype="FLOAT")
    return path
