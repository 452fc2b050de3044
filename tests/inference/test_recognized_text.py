"""Words from speech recognition, for what has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from emofuse.data.asr_engines import Transcript
from emofuse.inference.recognized_text import recognized
from emofuse.sound.clips import Clip
from emofuse.types import Turn, Utterance

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
