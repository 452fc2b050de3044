"""Turns from the files of annotators, where each speaker has a tier: Praat's TextGrid and ELAN's EAF."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

# Tiers of a forced aligner that hold sounds, not words.
SOUND_TIERS = ("phone", "phones", "phoneme", "phonemes")
# Tiers with these names are named after their content, not after a speaker.
CONTENT_TIERS = ("word", "words", "text", "transcript", "transcription", "utterance", "utterances", "orthography")
# As Praat's own readers: the free-standing numbers, quoted strings and flags of the file.
_TOKEN = re.compile(r'(?<!\S)(?:"(?:[^"]|"")*"|<\w+>|[-+]?[\d.]+(?:[eE][-+]?\d+)?)(?!\S)')


class _Tokens:
    """The tokens of a TextGrid, one after another, and the line of the last one."""

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path = text, path
        self._matches = _TOKEN.finditer(text)
        self._line, self._position = 1, 0

    @property
    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def next(self, what: str) -> str:
        token = next(self._matches, None)
        position = len(self._text.rstrip()) if token is None else token.start()
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        if token is None:
            raise CorpusError(f"{self.place}: breaks off where {what} should be; export it from Praat again")
        return token[0]

    def string(self, what: str) -> str:
        token = self.next(what)
        if not token.startswith('"'):
            raise CorpusError(f"{self.place}: has {token} where {what} should be, in quotes")
        return token[1:-1].replace('""', '"')

    def number(self, what: str) -> float:
        return parse_seconds(self.next(what), self.place)


def read_textgrid(text: str, path: Path) -> list[Turn]:
    """Read the interval tiers of a long or short TextGrid; empty intervals are silence, point tiers are skipped.

    Raises:
        CorpusError: it is binary, damaged, or no TextGrid.
    """
    if text.startswith("ooBinaryFile"):
        raise CorpusError(f"{path}: is a binary TextGrid; save it from Praat as a text file")
    tokens = _Tokens(text, path)
    if tokens.string("the file's type") != "ooTextFile" or tokens.string("its class") != "TextGrid":
        raise CorpusError(f"{tokens.place}: is not a TextGrid; export it from Praat again")
    for what in ("the beginning", "the end", "<exists>"):
        tokens.next(what)
    turns: list[Turn] = []
    for _ in range(int(tokens.number("the number of tiers"))):
        turns += _tier(tokens)
    return turns


def _tier(tokens: _Tokens) -> list[Turn]:
    kind, name = tokens.string("a tier's class"), tokens.string("a tier's name")
    for what in ("a tier's beginning", "a tier's end"):
        tokens.number(what)
    count, turns = int(tokens.number("a number of intervals")), list[Turn]()
    for _ in range(count):
        start = tokens.number("a time")
        place = tokens.place
        end = tokens.number("an interval's end") if kind == "IntervalTier" else start
        text = tokens.string("an interval's text")
        if text.strip():
            turns += turn_or_nothing(place, (start, end), _speaker(name), text)
    return [] if _holds_sounds(name) else turns


def read_eaf(text: str, path: Path) -> list[Turn]:
    """Read the annotations of an EAF file, on tiers that depend on no other tier.

    The speaker is the tier's participant, or its name.

    Raises:
        CorpusError: it is damaged, or no EAF file.
    """
    try:
        # The encoding that the file declares may be another than the one it was decoded from.
        document = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        raise CorpusError(f"{path}:{error.position[0]}: is not XML that can be read; export it again") from error
    if document.tag != "ANNOTATION_DOCUMENT":
        raise CorpusError(f"{path}: is XML, but not ELAN's; export it from ELAN as EAF")
    slots = {
        slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in document.iterfind("TIME_ORDER/TIME_SLOT")
    }
    turns: list[Turn] = []
    for tier in document.iterfind("TIER"):
        name = tier.get("TIER_ID", "")
        if tier.get("PARENT_REF") is None and not _holds_sounds(name):
            turns += _annotations(tier, tier.get("PARTICIPANT") or _speaker(name), slots, path)
    return turns


def _annotations(
    tier: ElementTree.Element, speaker: str | None, slots: Mapping[str | None, str | None], path: Path
) -> list[Turn]:
    turns: list[Turn] = []
    for annotation in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION"):
        place = f"{path}: annotation {annotation.get('ANNOTATION_ID')} of tier {tier.get('TIER_ID')}"
        first, last = (slots.get(annotation.get(key)) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"))
        if first is None or last is None:
            raise CorpusError(f"{place}: has no time; align it in ELAN, or export the file again")
        span = parse_seconds(first, place) / 1000.0, parse_seconds(last, place) / 1000.0
        turns += turn_or_nothing(place, span, speaker, annotation.findtext("ANNOTATION_VALUE"))
    return turns


def _speaker(tier: str) -> str | None:
    """Return the speaker of a tier: its name, or the part before the dash in "anna - words"."""
    name, _, content = tier.rpartition(" - ")
    if content.strip().lower() not in CONTENT_TIERS:
        return tier
    return name or None


def _holds_sounds(tier: str) -> bool:
    return tier.rpartition(" - ")[2].strip().lower() in SOUND_TIERS
