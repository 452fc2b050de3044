"""Turns from EAF, the files of ELAN, where each speaker has a tier and other tiers may depend on it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from emofuse.errors import CorpusError
from emofuse.turns.speaker_names import CONTENT_TIERS, holds_sounds, speaker_of_tier
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

# Parts of the name or the type of a depending tier that holds words; and of one that holds something about them.
WORD_PARTS = (*CONTENT_TIERS, "txt", "ort", "ortho", "sentence", "tx")
OTHER_PARTS = (
    "gls", "gloss", "glosses", "translation", "ft", "free", "pos", "msa", "note", "notes", "comment", "comments",
    "segnum", "num", "id", "ref", "morph", "morphs", "mb", "emotion",
)  # fmt: skip
_PART = re.compile(r"[^\W_]+")
# Depending tiers may depend on each other, but no deeper than this.
DEEPEST = 20

Tier = ElementTree.Element


@dataclass(frozen=True)
class _Document:
    """A document with its annotations by their ids, and its slots of time.

    Attributes:
        tiers: in the order of the file.
        slots: the time of each slot, in milliseconds, as it is written; None where it has none.
        order: the number of each slot, in order of time.
        annotations: those of all tiers by id.
    """

    tiers: Sequence[Tier]
    slots: Mapping[str | None, str | None]
    order: Mapping[str | None, int]
    annotations: Mapping[str | None, ElementTree.Element]


def read_eaf(text: str, path: Path) -> list[Turn]:
    """Read the annotations of an EAF file, on tiers that depend on no other tier.

    The speaker is the tier's participant, or its name. Where a tier holds numbers or nothing, the words are those
    of a tier that depends on it.

    Raises:
        CorpusError: it is damaged, or no EAF file.
    """
    try:
        # The encoding that the file declares may be another than the one it was decoded from.
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        raise CorpusError(f"{path}:{error.position[0]}: is not XML that can be read; export it again") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise CorpusError(f"{path}: is XML, but not ELAN's; export it from ELAN as EAF")
    slots = list(root.iterfind("TIME_ORDER/TIME_SLOT"))
    tiers = list(root.iterfind("TIER"))
    document = _Document(
        tiers,
        {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in slots},
        {slot.get("TIME_SLOT_ID"): number for number, slot in enumerate(slots)},
        {one.get("ANNOTATION_ID"): one for tier in tiers for one in tier.iterfind("ANNOTATION/*")},
    )
    turns: list[Turn] = []
    for tier in tiers:
        if tier.get("PARENT_REF") is None and not holds_sounds(tier.get("TIER_ID", "")):
            turns += _turns(tier, document, path)
    return turns


def _turns(tier: Tier, document: _Document, path: Path) -> Iterator[Turn]:
    name = tier.get("TIER_ID", "")
    speaker, slots = tier.get("PARTICIPANT") or speaker_of_tier(name), document.slots
    below = {} if _has_words(tier) else _words_below(tier, document)
    for annotation in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION"):
        identity = annotation.get("ANNOTATION_ID")
        place = f"{path}: annotation {identity} of tier {name}"
        first, last = (slots.get(annotation.get(key)) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"))
        if first is None or last is None:
            raise CorpusError(f"{place}: has no time; align it in ELAN, or export the file again")
        span = parse_seconds(first, place) / 1000.0, parse_seconds(last, place) / 1000.0
        words = " ".join(below[identity]) if identity in below else annotation.findtext("ANNOTATION_VALUE")
        yield from turn_or_nothing(place, span, speaker, words)


def _has_words(tier: Tier) -> bool:
    """Tell whether an annotation of a tier is more than a number."""
    values = (one.findtext("ANNOTATION_VALUE") or "" for one in tier.iterfind("ANNOTATION/*"))
    return any(re.search(r"[^\W\d_]", value) for value in values)


def _words_below(tier: Tier, document: _Document) -> dict[str | None, list[str]]:
    """Return the words of each annotation of a tier, from the tier below it that most likely holds them."""
    depending = [
        one for one in _below(tier, document) if _has_words(one) and not holds_sounds(one.get("TIER_ID", ""))
    ]
    if not depending:
        return {}
    top = {one.get("ANNOTATION_ID") for one in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION")}
    if not top:
        return {}
    edges = sorted(
        (document.order.get(document.annotations[one].get("TIME_SLOT_REF1"), 0), one or "") for one in top
    )
    words: dict[str | None, list[str]] = defaultdict(list)
    for annotation in max(depending, key=_likely).iterfind("ANNOTATION/*"):
        owner, value = _owner(annotation, document), annotation.findtext("ANNOTATION_VALUE")
        identity = owner.get("ANNOTATION_ID")
        if identity not in top:  # it has times of its own, within those of the annotation above
            number = bisect_right(edges, (document.order.get(owner.get("TIME_SLOT_REF1"), 0), "\uffff")) - 1
            identity = edges[max(0, number)][1]
        if value and value.strip():
            words[identity].append(value.strip())
    return words


def _below(tier: Tier, document: _Document) -> Iterator[Tier]:
    """Yield the tiers that depend on a tier, directly or not, in the order of the file."""
    names = {tier.get("TIER_ID")}
    for _ in range(DEEPEST):
        more = {one.get("TIER_ID") for one in document.tiers if one.get("PARENT_REF") in names} - names
        if not more:
            break
        names |= more
    return (one for one in document.tiers if one is not tier and one.get("TIER_ID") in names)


def _likely(tier: Tier) -> int:
    """Return how likely a depending tier holds words: by its name, then by its type."""
    for key in ("TIER_ID", "LINGUISTIC_TYPE_REF"):
        parts = _PART.findall(tier.get(key, "").lower())[-2:]
        if any(part in OTHER_PARTS for part in parts):
            return 0
        if any(part in WORD_PARTS for part in parts):
            return 2
    return 1


def _owner(annotation: ElementTree.Element, document: _Document) -> ElementTree.Element:
    """Return the annotation with times that an annotation refers to, or itself."""
    for _ in range(DEEPEST):
        above = document.annotations.get(annotation.get("ANNOTATION_REF"))
        if above is None:
            break
        annotation = above
    return annotation
