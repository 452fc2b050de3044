"""Recordings and a model that the tests of `emofuse predict` share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from exports import exported_folder
from noise_bursts import RATE, bursts
from small_corpus import write_tone


@pytest.fixture(scope="session")
def model() -> Path:
    return exported_folder()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of ten good recordings and ten bad ones, in folders of their own."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(10):
        write_tone(
            folder / f"day{number % 3}" / f"good{number}.wav", 200 + 50 * number, 0.3 + 0.02 * number, number
        )
    for number in range(10):
        (folder / "day1" / f"bad{number}.wav").write_bytes(b"bad" * number)
    return folder


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two recordings of 34 s, in which somebody speaks now and then."""
    folder = tmp_path_factory.mktemp("talks")
    for number in range(2):
        soundfile.write(folder / f"talk{number}.wav", bursts(number), RATE)
    return folder


@pytest.fixture(scope="session")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a call: one speaks at even moments, the other at odd ones, and the second line carries the first."""
    rng = np.random.default_rng(5)
    first = np.tile(np.repeat((0.0005, 0.3), 2 * RATE), 4) * rng.uniform(-1, 1, 16 * RATE)
    second = np.tile(np.repeat((0.3, 0.0005), 2 * RATE), 4) * rng.uniform(-1, 1, 16 * RATE)
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, np.stack([first, second + 0.1 * first], axis=1).astype(np.float32), RATE)
    return path
