"""Words from speech recognition, for what has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_corpus import write_tone

from emofuse import EmotionRecognizer
from emofuse.data.asr_engines import Transcript
from emofuse.data.preparation import Batch, Outputs, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.inference.predictor import Predictor
from emofuse.inference.recognized_text import recognized, with_recognized_text
from emofuse.inference.runtime import Traits
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.sound.clips import Clip
from emofuse.types import Prediction, Skip, Task, Turn, Utterance
from emofuse.types.arrays import Float32Array

CLIP = Clip(np.zeros(16_000, dtype=np.float32), 16_000)


class Recogniser:
    """Recognises what a function returns, in English."""

    name, version, languages = "fake", "1", frozenset({"en"})

    def __init__(self, recognise: Callable[[], Transcript]) -> None:
        self.recognise = recognise

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        return self.recognise()


def hello() -> Transcript:
    return Transcript("hello", "en")


def failing() -> Transcript:
    raise RuntimeError("out of memory")


def test_what_has_no_words_gets_those_that_are_recognised() -> None:
    for spoken in (Utterance("a", audio=None, text=" "), Turn(0.0, 1.0)):
        found = recognized(spoken, CLIP, Recogniser(hello), None)
        assert (found.text, found.text_source, found.language) == ("hello", "asr:fake", "en")


def test_words_that_are_there_stay() -> None:
    spoken = Turn(0.0, 1.0, text="good morning")
    assert recognized(spoken, CLIP, Recogniser(failing), None) is spoken


@pytest.mark.parametrize(
    ("language", "recognise", "warning"),
    [("de", hello, "does not know the language 'de'"), (None, failing, "fails on a clip of 1.0 s: out of memory")],
)
def test_an_engine_that_cannot_leaves_it_as_it_is_and_says_so(
    language: str | None, recognise: Callable[[], Transcript], warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoken = Turn(0.0, 1.0)
    assert recognized(spoken, CLIP, Recogniser(recognise), language) is spoken
    assert warning in caplog.text


class Reading:
    """A model that takes text only, and calls all of it calm."""

    padded_seconds = 0.0
    traits = Traits("reading", Task(("calm", "angry")), ("text",), missing_modalities=False)

    def __call__(self, batch: Batch) -> Outputs:
        return Outputs(np.tile(np.array([1.0, 0.0], np.float32), (len(batch), 1)))

    def embed(self, batch: Batch) -> Float32Array:
        raise NotImplementedError


def predicted(path: Path, recognise: Callable[[], Transcript]) -> Prediction | Skip:
    """Return what a model that takes text only makes of a recording without a transcript."""
    text = TextPreparation(learn_vocabulary(["hello"] * 2, "words", 20))
    reader, engine = EmotionRecognizer(Predictor(Reading(), Preparation(None, text))), Recogniser(recognise)
    long = reader.long_recordings(lambda _: TimelineOptions(segmentation="windows", engine=engine))
    (result,) = reader.predict_clips(
        with_recognized_text([Utterance("a", audio=path)], engine, None, 0, long), long=long
    )
    return result


def test_a_model_that_takes_text_only_predicts_what_is_recognised(tmp_path: Path) -> None:
    short = predicted(write_tone(tmp_path / "a.wav", 300.0, 0.5, 0), hello)
    long = predicted(write_tone(tmp_path / "long.wav", 300.0, 31.0, 0), hello)
    for one in (short, long):
        assert isinstance(one, Prediction)
        assert (one.label, one.modalities, one.text_source) == ("calm", ("text",), "asr:fake")
    assert isinstance(long, Prediction)
    assert long.text == " ".join(["hello"] * 8)
    assert long.segments is not None


@pytest.mark.parametrize(
    ("file", "recognise", "reason"),
    [
        ("gone.wav", hello, "gone.wav: no such file"),
        ("text.wav", hello, "text.wav: "),
        (
            "a.wav",
            lambda: Transcript("", "en"),
            "a: fake recognised no words in it, and the model takes text only",
        ),
        ("a.wav", failing, "a: fake recognised no words in it, and the model takes text only"),
    ],
)
def test_a_model_that_takes_text_only_says_why_there_is_none(
    file: str, recognise: Callable[[], Transcript], reason: str, tmp_path: Path
) -> None:
    write_tone(tmp_path / "a.wav", 300.0, 0.5, 0)
    (tmp_path / "text.wav").write_text("not a recording")
    result = predicted(tmp_path / file, recognise)
    assert isinstance(result, Skip)
    assert reason in result.reason
    assert "give it that" not in result.reason


@pytest.mark.speech_gate
def test_sound_without_speech_has_no_label_where_the_model_takes_text_only(tmp_path: Path) -> None:
    result = predicted(write_tone(tmp_path / "a.wav", 300.0, 0.5, 0), failing)
    assert isinstance(result, Prediction)
    assert (result.speech, result.label) == (False, None)
