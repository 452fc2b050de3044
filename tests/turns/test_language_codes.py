"""Languages as people and programs write them."""

from __future__ import annotations

import pytest

from emofuse.turns.language_codes import is_language, language_code, language_name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("en", "en"), ("EN", "en"), ("en-US", "en"), ("pt_BR", "pt"), ("eng", "en"), ("ger", "de"), ("deu", "de"),
        ("english", "en"), ("German", "de"), ("nb", "no"), ("cmn-Hans-CN", "zh"), ("xx", "xx"),
        ("zh-Hant", "zh"), ("es-419", "es"), ("sr_Latn_RS", "sr"), ("ca-valencia", "ca"), ("de-1996", "de"),
        ("zh-CN-sichuan", "zh"), ("no-NO", "no"), ("zh-yue", "zh"), ("xx-YY", "xx"),
        ("", None), (None, None), ("auto", None), ("und", None), ("unknown", None),
        ("no-language", None), ("no-speech", None), ("no_text", None), ("no-data", None), ("non-english", None),
        ("not-detected", None), ("en-", None), ("en or de", None), ("unk", None), ("mul", None), ("mis", None),
        ("zxx", None), ("na", None), ("und-Latn", None), ("n/a", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_its_codes_and_its_name(written: str | None, code: str | None) -> None:
    assert language_code(written) == code


def test_codes_in_file_names_are_languages_and_nothing_else() -> None:
    assert is_language("de")
    assert is_language("en-US")
    assert not any(map(is_language, ("v2", "raw", "final", "german", "wav", "no-speech", "na", "unk")))


def test_a_language_has_an_english_name() -> None:
    assert (language_name("de"), language_name("xx")) == ("German", "xx")
