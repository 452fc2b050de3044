"""Languages as people and programs write them: their codes and their English names."""

from __future__ import annotations

import re
from functools import lru_cache

# ISO 639-1, the codes of ISO 639-2 and 639-3, and the English name.
_TABLE = """
en eng English|de deu,ger German|fr fra,fre French|es spa Spanish|it ita Italian|pt por Portuguese|nl nld,dut Dutch
pl pol Polish|sv swe Swedish|da dan Danish|no nor,nob,nb,nno,nn Norwegian|fi fin Finnish|is isl,ice Icelandic
cs ces,cze Czech|sk slk,slo Slovak|sl slv Slovenian|hr hrv Croatian|bs bos Bosnian|sr srp Serbian|hu hun Hungarian
ro ron,rum Romanian|bg bul Bulgarian|mk mkd,mac Macedonian|sq sqi,alb Albanian|el ell,gre Greek|tr tur Turkish
ru rus Russian|uk ukr Ukrainian|be bel Belarusian|et est Estonian|lv lav Latvian|lt lit Lithuanian|ga gle Irish
cy cym,wel Welsh|ca cat Catalan|eu eus,baq Basque|gl glg Galician|mt mlt Maltese|he heb,iw Hebrew|yi yid Yiddish
ar ara,arb Arabic|fa fas,per Persian|ur urd Urdu|hi hin Hindi|bn ben Bengali|pa pan Punjabi|gu guj Gujarati
mr mar Marathi|ne nep Nepali|ta tam Tamil|te tel Telugu|kn kan Kannada|ml mal Malayalam|si sin Sinhala|th tha Thai
lo lao Lao|km khm Khmer|my mya,bur Burmese|vi vie Vietnamese|id ind Indonesian|ms msa,may Malay|tl tgl,fil Tagalog
jv jav Javanese|zh zho,chi,cmn Chinese|yue cantonese Cantonese|ja jpn Japanese|ko kor Korean|ka kat,geo Georgian
hy hye,arm Armenian|az aze Azerbaijani|kk kaz Kazakh|uz uzb Uzbek|mn mon Mongolian|am amh Amharic|sw swa Swahili
so som Somali|yo yor Yoruba|ha hau Hausa|zu zul Zulu|af afr Afrikaans|la lat Latin|eo epo Esperanto
"""
# Languages whose words are written without spaces between them.
WITHOUT_SPACES = ("zh", "yue", "ja", "th", "lo", "km", "my")
# Codes for no language, several or an unknown one; and "not available".
NO_LANGUAGES = ("und", "unk", "mul", "mis", "zxx", "na")
# The scripts of ISO 15924 that living languages are usually written in: "no-text" is no Norwegian.
_SCRIPTS = (
    "adlm|arab|armn|beng|cans|cher|cyrl|deva|ethi|geor|grek|gujr|guru|hang|hani|hans|hant|hebr|hira|jpan|kana|khmr|"
    "knda|kore|laoo|latn|mlym|mong|mymr|nkoo|olck|orya|sinh|syrc|taml|telu|tfng|thaa|thai|tibt|yiii"
)
# A tag of BCP 47. A variant without digits follows a region: "no-speech" is no Norwegian either.
_TAG = re.compile(
    rf"(?P<language>[a-z]{{2,3}})(?:(?<=zh|ar)-[a-z]{{3}})?(?:-(?:{_SCRIPTS}))?"
    r"(?:-(?:[a-z]{2}|\d{3})(?:-[a-z\d]{5,8}){0,2})?(?:-(?:\d[a-z\d]{3}|valencia)){0,2}"
)


def language_code(name: str | None) -> str | None:
    """Return the ISO 639-1 code of a language that is written as a code or by its English name.

    None for nothing, and for what names no language. A code that is not known here stays as it is.

    >>> language_code("en-US"), language_code("German"), language_code("auto"), language_code("no-speech")
    ('en', 'de', None, None)
    """
    plain = (name or "").strip().lower()
    first = _codes().get(plain) or _first_part(plain)
    return None if first is None or first in NO_LANGUAGES else _codes().get(first, first)


def is_language(name: str) -> bool:
    """Tell whether a word is the code of a language, with or without a region."""
    return _first_part(name.lower()) in _codes()


def language_name(code: str) -> str:
    """Return the English name of a language; the code where it is not known here."""
    return _names().get(code, code)


def _first_part(plain: str) -> str | None:
    """Return the language of a tag; None where it is no tag."""
    match = _TAG.fullmatch(plain.replace("_", "-"))
    return match and match["language"]


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, tuple[str, ...], str], ...]:
    cells = (row.split(" ") for line in _TABLE.strip().split("\n") for row in line.split("|"))
    return tuple((code, tuple(longer.split(",")), name) for code, longer, name in cells)


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    return {written: code for code, longer, name in _rows() for written in (code, *longer, name.lower())}


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {code: name for code, _, name in _rows()}
