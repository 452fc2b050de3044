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


def language_code(name: str | None) -> str | None:
    """Return the ISO 639-1 code of a language that is written as a code or by its English name.

    None for nothing, and for what names no language. A code that is not known here stays as it is.

    >>> language_code("en-US"), language_code("German"), language_code("auto")
    ('en', 'de', None)
    """
    plain = (name or "").strip().lower()
    first = re.split(r"[-_]", plain)[0]
    if plain in _codes():
        return _codes()[plain]
    return _codes().get(first) or (first if re.fullmatch(r"[a-z]{2,3}", first) and first != "und" else None)


def is_language(name: str) -> bool:
    """Tell whether a word is the code of a language, with or without a region."""
    first = re.split(r"[-_]", name.lower())[0]
    return len(first) <= 3 and first in _codes()


def language_name(code: str) -> str:
    """Return the English name of a language; the code where it is not known here."""
    return _names().get(code, code)


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
