"""Text in a language that the model does not know is left out where there is sound, and that is said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import call
from exports import exported_folder, model_folder
from noise_bursts import RATE, bursts

import emofuse
from emofuse import EmotionRecognizer, Utterance, layout
from emofuse.box import boxes
from emofuse.errors import CheckpointError
from emofuse.inference.explain.explain import explain
from emofuse.inference.model_folders import read_text_languages
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.types import Prediction, Turn

GERMAN = "Das habe ich heute Morgen nicht gesagt."
WHY = "it is in German, and the model knows English only"
SEEMS = "it seems to be in German, and the model knows English only"


def knowing_english(model: Path, folder: Path) -> Path:
    """Return a copy of a model that says that it knows English."""
    shutil.copytree(model, folder)
    (folder / layout.SCOPE).write_text(json.dumps({"scope": "for tests", "text_languages": ["eng"]}))
    return folder


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an exported model that says that it knows English."""
    return knowing_english(exported_folder(), tmp_path_factory.mktemp("models") / "english")


@pytest.fixture(scope="module")
def recognizer(english: Path) -> EmotionRecognizer:
    return emofuse.load(english)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.1, RATE)
    return path


@pytest.mark.parametrize(
    ("text", "language", "why"), [(GERMAN, None, SEEMS), ("Nein.", "de", WHY), ("да", None, None)]
)
def test_sound_alone_predicts_where_the_text_is_foreign(
    recognizer: EmotionRecognizer, clip: Path, text: str, language: str | None, why: str | None
) -> None:
    alone = recognizer.predict(clip, any_sound=True)
    prediction = recognizer.predict(clip, text, any_sound=True, language=language)
    why = why or "it is in Cyrillic letters, and the model knows English only"
    assert prediction.text_unused == why
    assert prediction.notes == (f"the text was not used: {why}",)
    assert prediction.modalities == ("audio",)
    assert prediction.text == text
    assert prediction.probabilities == alone.probabilities


def test_known_languages_and_doubtful_texts_are_used(recognizer: EmotionRecognizer, clip: Path) -> None:
    for text, language in (("Nein.", None), (GERMAN, "en"), ("I said no to you and to him.", None)):
        prediction = recognizer.predict(clip, text, any_sound=True, language=language)
        assert prediction.modalities == ("audio", "text")
        assert (prediction.text_unused, prediction.notes) == (None, ())


def test_a_text_that_cannot_be_done_without_is_used_with_a_note(recognizer: EmotionRecognizer, clip: Path) -> None:
    alone = recognizer.predict(text=GERMAN)
    assert alone.notes == (f"the text is of little use: {SEEMS}",)
    assert alone.modalities == ("text",)
    traits = replace(recognizer.predictor.runtime.traits, missing_modalities=False)
    runtime = recognizer.predictor.runtime
    runtime.traits, kept = traits, runtime.traits
    try:
        whole = recognizer.predict(clip, GERMAN, any_sound=True)
    finally:
        runtime.traits = kept
    assert whole.modalities == ("audio", "text")
    assert whole.notes == (f"the text is of little use: {SEEMS}",)


def test_a_model_that_does_not_say_what_it_knows_takes_any_text(clip: Path) -> None:
    prediction = emofuse.load(exported_folder()).predict(clip, GERMAN, any_sound=True, language="de")
    assert prediction.modalities == ("audio", "text")
    assert prediction.notes == ()


def test_what_is_explained_is_the_prediction_that_is_made(
    recognizer: EmotionRecognizer, english: Path, clip: Path, tmp_path: Path
) -> None:
    prediction = recognizer.predict(clip, "Nein.", any_sound=True, language="de")
    with_torch = knowing_english(model_folder(), tmp_path / "torch")
    for folder, method in ((english, "occlusion"), (with_torch, "integrated gradients")):
        explanation = explain(folder, clip, "Nein.", any_sound=True, device="cpu", steps=48, language="de")
        assert explanation.method == method
        assert explanation.probabilities == pytest.approx(prediction.probabilities, abs=1e-4)
        assert (explanation.text, explanation.words, explanation.removals) == (None, (), ())
        assert [note for note in explanation.notes if "text" in note] == [f"the text was not used: {WHY}"]


def test_an_explanation_of_a_text_that_must_be_used_notes_its_language(recognizer: EmotionRecognizer) -> None:
    explanation = recognizer.explain(text=GERMAN)
    assert explanation.text == GERMAN
    assert explanation.notes == (f"the text is of little use: {SEEMS}",)


def test_manifests_state_languages_too(recognizer: EmotionRecognizer, clip: Path) -> None:
    spoken = Utterance("a", audio=clip, text="Nein.", language="de")
    (prediction,) = recognizer.predict_many([spoken])
    assert isinstance(prediction, Prediction)
    assert prediction.text_unused == WHY


def test_a_timeline_notes_which_texts_were_not_used(recognizer: EmotionRecognizer, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    soundfile.write(path, bursts(0), RATE)
    said = [Turn(0.5, 1.5, text="Ja."), Turn(2.0, 3.0, text=GERMAN), Turn(4.0, 5.0, text="Yes.", language="en")]
    options = TimelineOptions(turns=tuple(said), words=None)
    timeline = recognizer.timeline(path, options)
    assert [segment.modalities for segment in timeline.segments] == [("audio",), ("audio",), ("audio", "text")]
    assert timeline.notes == (f"the text of 2 of 3 segments was not used: {WHY}",)
    stated = recognizer.timeline(path, replace(options, turns=tuple(said[:1]), language="de"))
    assert stated.notes == (f"the text of 1 of 1 segments was not used: {WHY}",)


def test_predict_takes_the_language_from_the_option_and_the_name_of_a_transcript(
    english: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip.de.txt").write_text("Nein.")
    common = ("predict", english, clip, "--any-sound", "--format", "json")
    for option in (("--text", "Nein.", "--language", "de"), ("--transcripts", tmp_path)):
        code, out, _ = call(capsys, *common, *option)
        assert (code, json.loads(out)[0]["text_unused"]) == (0, WHY)
    _, out, _ = call(capsys, *common[:-2], "--text", "Nein.", "--language", "de")
    assert f"    note: the text was not used: {WHY}" in out


@pytest.mark.parametrize("written", ['"en"', "[]", '["en", 5]', '["what is this"]'])
def test_languages_that_are_none_are_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / layout.SCOPE).write_text(f'{{"text_languages": {written}}}')
    with pytest.raises(CheckpointError, match="text_languages is"):
        read_text_languages(tmp_path)


def test_the_models_in_the_box_know_english() -> None:
    for box in boxes().values():
        assert read_text_languages(box.exported) == read_text_languages(box.model) == ("en",)
