"""In which language a text is: as stated, else by its letters and words, and only where there is little doubt."""

from __future__ import annotations

import pytest

from emofuse.data import languages
from emofuse.data.languages import other_language, why_foreign

ENGLISH = ("en",)
GERMAN = "Das habe ich heute Morgen nicht gesagt."
ONLY = "and the model knows English only"


@pytest.mark.parametrize(
    ("text", "stated", "why"),
    [
        ("anything", "de", f"it is in German, {ONLY}"),
        ("anything", "deu", f"it is in German, {ONLY}"),
        ("anything", "en-GB", None),
        ("Guten Tag", "english", None),
        (GERMAN, None, f"it seems to be in German, {ONLY}"),
        (GERMAN, "auto", f"it seems to be in German, {ONLY}"),
        ("да", None, f"it is in Cyrillic letters, {ONLY}"),
        ("你好", None, f"it is in Chinese letters, {ONLY}"),
        (None, "de", None),
    ],
)  # fmt: skip
def test_a_text_is_foreign_if_it_is_stated_or_plain(text: str | None, stated: str | None, why: str | None) -> None:
    assert why_foreign(text, stated, ENGLISH) == why


@pytest.mark.parametrize(
    "text",
    ["", "?!", "no", "mm hm", "Ja, danke.", "oh gosh dang it", "S P O I L E R", "Anna I LOVE YOU", "ok ok ok ok"],
)  # fmt: skip
def test_a_text_in_doubt_is_taken(text: str) -> None:
    assert why_foreign(text, None, ENGLISH) is None


def test_a_model_that_does_not_say_what_it_knows_takes_any_text() -> None:
    assert why_foreign(GERMAN, "de", None) is None


def test_several_languages_are_known_together() -> None:
    assert why_foreign(GERMAN, None, ("en", "de")) is None
    assert why_foreign("да", None, ("en", "ru")) is None
    assert (
        why_foreign("anything", "fr", ("en", "de"))
        == "it is in French, and the model knows English and German only"
    )


def test_plain_english_needs_no_identification(monkeypatch: pytest.MonkeyPatch) -> None:
    def identifier() -> None:
        raise AssertionError

    monkeypatch.setattr(languages, "_identifier", identifier)
    assert other_language("I did not say that to you, and you know it.", ENGLISH) is None
