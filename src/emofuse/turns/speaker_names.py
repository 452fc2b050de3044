"""Where files write the names of speakers: before their words, as in `ANNA: Hello`, and as names of tiers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from emofuse.types import Turn

# Names of more words are sentences.
MOST_NAME_WORDS = 3
# Names in ordinary letters are taken where so many lines, and at least two, begin with one: "Listen: ..." is none.
SHARE_OF_NAMED_LINES = 0.5
# How programs number the speakers that they do not know.
_NUMBERED = re.compile(r"(?:speaker|spk|spkr)[ _-]?[0-9a-z]{1,4}", re.IGNORECASE)
_BRACKETED = re.compile(
    r"\s*(?:>>\s?)?[\[(](?P<name>[^\[\]()]{1,40})[\])]\s?(?P<colon>:?)(?P<words>.*)", re.DOTALL
)
_PLAIN = re.compile(r"\s*(?:>>\s?)?(?P<name>[^\W\d_][^:\[\]()<>]{0,39}):(?P<words>\s.*)", re.DOTALL)
# pyannote.audio prints a track's letters before the speaker.
_ONLY_NAME = re.compile(r"\s*(?:[A-Z]{1,3}\s)?\[?(?P<name>SPEAKER_[0-9]{1,4})\]?\s*")
# Tiers of a forced aligner that hold sounds, not words.
SOUND_TIERS = ("phone", "phones", "phoneme", "phonemes")
# Tiers with these names are named after their content, not after a speaker.
CONTENT_TIERS = ("word", "words", "text", "transcript", "transcription", "utterance", "utterances", "orthography")


@dataclass(frozen=True)
class Prefixes:
    """Which prefixes of the lines of a file are names of speakers.

    Attributes:
        ordinary: whether names in ordinary letters are, such as `Anna:`.
    """

    ordinary: bool

    @classmethod
    def of(cls, lines: Iterable[str]) -> Prefixes:
        """Look at all lines with words of a file."""
        spoken = [line for line in lines if line.strip()]
        named = sum(Prefixes(ordinary=True).split(line)[0] is not None for line in spoken)
        return cls(named >= 2 and named >= SHARE_OF_NAMED_LINES * len(spoken))

    def split(self, line: str) -> tuple[str | None, str]:
        """Return the speaker that is written before the words of a line, or None, and the words."""
        only = _ONLY_NAME.fullmatch(line)
        if only is not None:
            return only["name"], ""
        bracketed = _BRACKETED.fullmatch(line)
        if bracketed is not None:
            name = bracketed["name"].strip()
            known = _NUMBERED.fullmatch(name) is not None or (bool(bracketed["colon"]) and self._is_name(name))
            return (name, bracketed["words"]) if known else (None, line)
        plain = _PLAIN.fullmatch(line)
        if plain is not None and self._is_name(plain["name"].strip()):
            return plain["name"].strip(), plain["words"]
        return None, line

    def _is_name(self, name: str) -> bool:
        if _NUMBERED.fullmatch(name):
            return True
        if len(name.split()) > MOST_NAME_WORDS or not name[:1].isalpha() or name[:1].islower():
            return False
        return self.ordinary or (name.isupper() and len(name) > 1)


def name_by_prefixes(turns: Sequence[Turn]) -> list[Turn]:
    """Give turns without a speaker the one that is written before their words."""
    prefixes = Prefixes.of(turn.text for turn in turns if turn.text and turn.speaker is None)
    named = []
    for turn in turns:
        speaker, words = prefixes.split(turn.text) if turn.text and turn.speaker is None else (None, "")
        text = " ".join(words.split()) or None
        source = turn.text_source if text else None
        named.append(turn if speaker is None else replace(turn, speaker=speaker, text=text, text_source=source))
    return named


def without_prefixes(text: str) -> str:
    """Return a plain text, one paragraph a line, as words without the speakers before them."""
    lines = text.split("\n")
    prefixes = Prefixes.of(lines)
    return " ".join(" ".join(prefixes.split(line)[1] for line in lines).split())


def speaker_of_tier(tier: str) -> str | None:
    """Return the speaker of a tier: its name, or the part before the dash in "anna - words"."""
    name, _, content = tier.rpartition(" - ")
    if content.strip().lower() not in CONTENT_TIERS:
        return tier
    return name or None


def holds_sounds(tier: str) -> bool:
    """Tell whether a tier holds sounds by its name, as in "anna - phones"."""
    return tier.rpartition(" - ")[2].strip().lower() in SOUND_TIERS
