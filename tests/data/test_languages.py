"""In which language a text is: as stated, else by its letters and words, and only where there is little doubt."""

from __future__ import annotations

import pytest

from emofuse.data import languages
from emofuse.data.languages import other_language, why_foreign

ENGLISH = ("en",)


@pytest.mark.parametrize(
    ("text", "stated", "why"),
    [
        ("anything", "de", "it is in German, and the model knows English only"),
        ("anything", "deu", "it is in German, and the model knows English only"),
        ("anything", "en-GB", None),
        ("Guten Tag", "english", None),
        ("Das habe ich heute Morgen nicht gesagt.", None, "it seems to be in German, and the model knows English only"),
        ("Das habe ich heute Morgen nicht gesagt.", "auto", "it seems to be in German, and the model knows English only"),
        ("да", None, "it is in Cyrillic letters, and the model knows English only"),
        ("你好", None, "it is in Chinese letters, and the model knows English only"),
        (None, "de", None),
    ],
)  # fmt: skip
def test_a_text_is_foreign_if_it_is_stated_or_plain(text: str | None, stated: str | None, why: str | None) -> None:
    assert why_foreign(text, stated, ENGLISH) == why


@pytest.mark.parametrize(
    "text",
    ["", "?!", "no", "mm hm", "Ja, danke.", "oh gosh dang it", "S P O I L E R", "Anna I LOVE YOU", "ok ok ok ok ok", "x = y"],
)  # fmt: skip
def test_a_text_in_doubt_is_taken(text: str) -> None:
    assert why_foreign(text, None, ENGLISH) is None


def test_a_model_that_does_not_say_what_it_knows_takes_any_text() -> None:
    assert why_foreign("Das habe ich heute Morgen nicht gesagt.", "de", None) is None


def test_several_languages_are_known_together() -> None:
    assert why_foreign("Das habe ich heute Morgen nicht gesagt.", None, ("en", "de")) is None
    assert why_foreign("да", None, ("en", "ru")) is None
    assert why_foreign("anything", "fr", ("en", "de")) == "it is in French, and the model knows English and German only"


def test_plain_english_needs_no_identification(monkeypatch: pytest.MonkeyPatch) -> None:
    def identifier() -> None:
        raise AssertionError

    monkeypatch.setattr(languages, "_identifier", identifier)
    assert other_language("I did not say that to you, and you know it.", ENGLISH) is None
