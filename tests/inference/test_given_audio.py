"""A recording given as code has it is predicted as its file is; anything else is refused in one sentence."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from small_corpus import write_tone

from emofuse import EmotionRecognizer, load
from emofuse.box import default_box
from emofuse.errors import AudioError
from emofuse.inference import given_audio
from emofuse.inference.given_audio import opened_audio


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return load("box-open")


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone(tmp_path_factory.mktemp("given") / "tone.wav", 300, 0.6, 0)


def samples_of(path: Path, kind: str = "float32") -> np.ndarray:  # type: ignore[type-arg]
    samples: np.ndarray = soundfile.read(path, dtype=kind)[0]  # type: ignore[type-arg]
    return samples


def test_every_form_of_a_recording_gives_the_prediction_of_its_file(
    recognizer: EmotionRecognizer, tone: Path
) -> None:
    wanted = recognizer.predict(tone)
    content, samples = tone.read_bytes(), samples_of(tone)
    forms: list[Any] = [
        content,
        bytearray(content),
        memoryview(content),
        io.BytesIO(content),
        (samples, 16_000),
        (samples.astype(np.float64), 16_000.0),
        (samples_of(tone, "int16"), np.int64(16_000)),
        (samples_of(tone, "int32"), 16_000),
        (samples.tolist(), 16_000),
        (samples[:, None], 16_000),
        (samples[None], 16_000),
        (np.stack([samples, samples]), 16_000),
        (np.stack([samples, samples], axis=1), 16_000),
        {"array": samples, "sampling_rate": 16_000, "path": None},
        {"raw": samples, "sampling_rate": 16_000},
        {"bytes": content, "path": "elsewhere.wav"},
    ]
    for form in forms:
        said = recognizer.predict(form)
        assert (said.id, said.audio) == ("recording", None)
        assert said.probabilities == wanted.probabilities
    with tone.open("rb") as file, tempfile.NamedTemporaryFile() as other:
        other.write(content)
        other.seek(0)
        assert recognizer.predict(file).probabilities == wanted.probabilities
        assert recognizer.predict(other).probabilities == wanted.probabilities
    for form in (str(tone), {"bytes": None, "path": str(tone)}):
        assert recognizer.predict(form) == wanted


def test_bytes_of_any_format_are_read_by_their_content(recognizer: EmotionRecognizer, tone: Path) -> None:
    file = io.BytesIO()
    soundfile.write(file, samples_of(tone), 16_000, format="FLAC", subtype="PCM_16")
    assert recognizer.predict(file.getvalue()).probabilities == recognizer.predict(tone).probabilities


def test_samples_beyond_full_scale_are_treated_as_in_files(recognizer: EmotionRecognizer, tone: Path) -> None:
    integers = samples_of(tone, "int16")
    wanted = recognizer.predict((integers, 16_000))
    scaled = recognizer.predict((integers.astype(np.float32), 16_000))
    assert scaled.probabilities == wanted.probabilities
    assert any("divided by 32768" in note for note in scaled.notes)
    assert recognizer.predict((samples_of(tone), 16_000)).notes == ()  # nothing is left of the one before


def test_text_goes_along_and_another_rate_is_resampled(recognizer: EmotionRecognizer, tone: Path) -> None:
    said = recognizer.predict((samples_of(tone), 8_000), text="so lonely")
    assert said.modalities == ("audio", "text")


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_nothing_is_left_behind(
    recognizer: EmotionRecognizer, tone: Path, platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = tone.read_bytes()
    with opened_audio(content) as opened:
        assert opened.path is not None
        assert opened.path.read_bytes() == content
        assert list(tmp_path.iterdir()) == ([] if platform == "linux" else [opened.path.parent])
    assert not list(tmp_path.iterdir())
    assert not opened.path.exists()
    assert recognizer.predict(content).label is not None


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (b"", "recording: is empty"),
        (b"no sound at all", "recording: is not audio"),
        (io.StringIO("text"), "the file gives str, not bytes; open it in binary mode"),
        (np.zeros(100, dtype=np.float32), "a ndarray is no recording; give a path, bytes"),
        ([0.1, 0.2], "a list is no recording"),
        (3, "a int is no recording"),
        ((16_000, np.zeros(100)), "the samples first and their rate second"),
        ((np.zeros(100), 16), "the rate 16 is none; give samples per second"),
        ((np.zeros(100), "16000"), "the rate '16000' is none"),
        ((np.zeros(100), True), "the rate True is none"),
        ((np.zeros(100), None), "the rate None is none"),
        ((np.zeros(100, dtype=np.int64), 16_000), "samples of type int64 have no known full scale"),
        ((np.zeros(100, dtype=bool), 16_000), "samples of type bool"),
        ((np.zeros(100, dtype=complex), 16_000), "samples of type complex128"),
        ((np.array(["a", "b"]), 16_000), "have no known full scale"),
        ((np.zeros(0), 16_000), "there are no samples"),
        ((np.zeros((100, 100)), 16_000), r"shape \(100, 100\) is no recording"),
        ((np.zeros((50, 1000)), 16_000), "with up to 32 channels"),
        ((np.zeros((1, 1, 1000)), 16_000), "is no recording"),
        ((np.zeros(16_000), 16_000), "recording: is silent"),
        ((np.full(16_000, np.nan), 16_000), "recording: holds samples that are not numbers"),
        (
            {"array": np.zeros(100)},
            "give 'array' and 'sampling_rate', or 'bytes', or 'path'; the mapping has array",
        ),
        ({}, "the mapping has nothing"),
        ({"path": None, "bytes": None}, "the mapping has path, bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_recording_is_refused(recognizer: EmotionRecognizer, audio: Any, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence) as refusal:
        recognizer.predict(audio)
    assert "/proc/" not in str(refusal.value)


def test_a_descriptor_is_closed_after_an_error(recognizer: EmotionRecognizer) -> None:
    def descriptors() -> int:
        return len(os.listdir(given_audio.LINUX_DESCRIPTORS))

    if not given_audio.LINUX_DESCRIPTORS.is_dir():
        pytest.skip("not Linux")
    before = descriptors()
    for _ in range(3):
        with pytest.raises(AudioError):
            recognizer.predict(b"no sound at all")
    assert descriptors() == before


def test_without_a_name_the_default_model_is_loaded() -> None:
    assert load().folders == {"model": default_box()}
