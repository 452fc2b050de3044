"""Noise that comes and goes like speech, and the rows of JSON Lines."""

from __future__ import annotations

import json

import numpy as np

RATE = 16_000
ENERGY = ("--segmentation", "energy")


def bursts(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loud = np.tile(np.repeat((0.0005, 0.3), 2 * RATE), 9)[: 34 * RATE]
    return (loud * rng.uniform(-1, 1, len(loud))).astype(np.float32)


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.split("\n") if line]
