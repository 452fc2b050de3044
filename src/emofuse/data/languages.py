"""The language of a text: as it is stated, else from its letters and its words, where there is little doubt."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from emofuse.turns.language_codes import is_language, language_code, language_name

# The letters of languages that are not written in Latin ones, as Unicode names them.
_LETTERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "mn"), ("CYRILLIC",)),
    **dict.fromkeys(("sr", "uz", "az"), ("CYRILLIC", "LATIN")),
    **dict.fromkeys(("ar", "fa", "ur"), ("ARABIC",)),
    **dict.fromkeys(("he", "yi"), ("HEBREW",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("DEVANAGARI",)),
    **dict.fromkeys(("zh", "yue"), ("CJK", "BOPOMOFO")),
    "ja": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"),
    "ko": ("HANGUL", "CJK"),
    "pa": ("GURMUKHI", "ARABIC"),
    "am": ("ETHIOPIC",),
    **{
        code: (letters,)
        for code, letters in (
            ("el", "GREEK"), ("bn", "BENGALI"), ("gu", "GUJARATI"), ("ta", "TAMIL"), ("te", "TELUGU"),
            ("kn", "KANNADA"), ("ml", "MALAYALAM"), ("si", "SINHALA"), ("th", "THAI"), ("lo", "LAO"),
            ("km", "KHMER"), ("my", "MYANMAR"), ("ka", "GEORGIAN"), ("hy", "ARMENIAN"),
        )
    },
}  # fmt: skip
LATIN = ("LATIN",)
# So many letters of a text are looked at, and so much of them must be foreign.
LOOKED_AT, FOREIGN_SHARE, FEWEST_LETTERS = 500, 0.8, 2
# Words tell a language where there are so many, the known ones are so improbable, and another is so probable.
FEWEST_WORDS, MOST_KNOWN, LEAST_OTHER = 4, 0.01, 0.7
# Words of English, and of hardly any other language: two different ones make a text English without further look.
_ENGLISH = frozenset(
    (
        "the", "and", "you", "that", "this", "with", "have", "what", "my", "your", "they", "are", "he", "she",
        "we", "his", "her", "it's", "i'm", "don't", "not", "but", "for", "from", "there", "which", "would",
        "could", "about", "just", "know", "how", "who", "when", "because", "it", "of",
    )
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


def why_foreign(text: str | None, stated: str | None, known: Sequence[str] | None) -> str | None:
    """Return why a text is in none of the languages that a model knows; None where it is, or may be.

    Args:
        text: any text; None for none.
        stated: its language, as somebody says; None where nobody does.
        known: ISO 639-1 codes; None where the model does not say what it knows.
    """
    if text is None or known is None:
        return None
    names = " and ".join(map(language_name, known))
    code = language_code(stated)
    if code is not None:
        return None if code in known else f"it is in {language_name(code)}, and the model knows {names} only"
    letters = _foreign_letters(text, known)
    if letters is not None:
        return f"it is in {letters} letters, and the model knows {names} only"
    other = other_language(text, known)
    return other and f"it seems to be in {language_name(other)}, and the model knows {names} only"


def _foreign_letters(text: str, known: Sequence[str]) -> str | None:
    """Return the letters in which most of a text is written, if no known language uses them."""
    usual = {letters for code in known for letters in _LETTERS.get(code, LATIN)}
    letters = [one for one in text[: 2 * LOOKED_AT] if one.isalpha()][:LOOKED_AT]
    counts = Counter(unicodedata.name(one, "?").split()[0] for one in letters)
    foreign = {name: count for name, count in counts.items() if name not in usual}
    total = sum(foreign.values())
    if total < max(FEWEST_LETTERS, FOREIGN_SHARE * len(letters)):
        return None
    most = max(foreign, key=lambda name: foreign[name])
    return "Chinese" if most == "CJK" else most.capitalize()


def other_language(text: str, known: Sequence[str]) -> str | None:
    """Return the language of the words of a text, if it is surely none of those that are known."""
    words = [word.lower().replace("\u2019", "'") for word in _WORD.findall(text[: 4 * LOOKED_AT])]
    if len(words) < FEWEST_WORDS or ("en" in known and len(_ENGLISH & set(words)) > 1):
        return None
    identifier = _identifier()
    ranked = [(language_code(name) or name, float(share)) for name, share in identifier.rank(" ".join(words))]
    covered = {code for code, _ in ranked}
    best, share = ranked[0]
    if not covered >= set(known) or not is_language(best) or share < LEAST_OTHER:
        return None
    return best if sum(share for code, share in ranked if code in known) < MOST_KNOWN else None


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
