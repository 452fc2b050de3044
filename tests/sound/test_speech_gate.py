"""What is called speech: as little as possible of tones, music and noise, and all but all of real speech."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from emofuse.sound.activity import DETECTORS, Detector
from emofuse.sound.clips import Clip, read_clip
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types.arrays import Samples

pytestmark = pytest.mark.speech_gate
RATE = 16_000
DATA = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")
TIME = np.arange(3 * RATE) / RATE
CLIPS_OF_A_CORPUS = 25


@pytest.fixture(params=["silero", "energy"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "silero":
        pytest.importorskip("faster_whisper")
    return DETECTORS[request.param]()


def sine(hertz: float) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


@pytest.mark.parametrize("hertz", [220.0, 440.0, 1000.0])
def test_a_tone_is_no_speech(detector: Detector, hertz: float) -> None:
    assert not SpeechGate(detector).has_speech(Clip(sine(hertz), RATE))


def test_steady_noise_is_no_speech_at_any_rate(detector: Detector) -> None:
    noise = (0.1 * np.random.default_rng(0).normal(size=3 * RATE)).astype(np.float32)
    assert not SpeechGate(detector).has_speech(Clip(noise, RATE))
    assert not SpeechGate(detector).has_speech(Clip(noise, 24_000))


def test_a_tone_that_the_level_takes_for_speech_is_excluded() -> None:
    beep = sine(1000.0) * (TIME % 1.5 < 0.8)
    assert not SpeechGate(DETECTORS["energy"]()).has_speech(Clip(beep.astype(np.float32), RATE))


@pytest.mark.parametrize("corpus", ["ravdess", "emodb", "nemo", "keywords"])
def test_speech_is_speech(detector: Detector, corpus: str) -> None:
    manifest = DATA / corpus / "manifest.csv"
    if not manifest.is_file():
        pytest.skip(f"{manifest} is not here; set EMOFUSE_DATA")
    rows = list(csv.DictReader(manifest.open(encoding="utf-8")))
    gate = SpeechGate(detector)
    chosen = rows[:: len(rows) // CLIPS_OF_A_CORPUS]
    rejected = [one["path"] for one in chosen if not gate.has_speech(read_clip(DATA / corpus / one["path"]))]
    assert len(rejected) <= 1


def test_sneezes_barks_and_saws_are_no_speech() -> None:
    pytest.importorskip("faster_whisper")
    manifest = DATA / "noise" / "manifest.csv"
    if not manifest.is_file():
        pytest.skip(f"{manifest} is not here; set EMOFUSE_DATA")
    gate = SpeechGate(DETECTORS["silero"]())
    kinds = ("person_sneeze", "dog_bark", "chainsaw", "baby_cry")
    chosen = [one["path"] for one in csv.DictReader(manifest.open(encoding="utf-8")) if one["label"] in kinds][::2]
    called = [path for path in chosen if gate.has_speech(read_clip(DATA / "noise" / path))]
    assert len(called) <= 2
