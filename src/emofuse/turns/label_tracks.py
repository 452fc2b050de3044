"""Turns from label tracks: lines of two times and a label, as Audacity writes them."""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

_LABEL = re.compile(r"[\d.,]+\t[\d.,]+(?:\t.*)?")
# Where labels have frequencies, Audacity writes them into a line of their own, which begins so.
FREQUENCIES = "\\"
# Labels whose fields are separated by blanks are read where the times have decimals: "2 4 6 8" are words.
_BLANKS = re.compile(r"(?P<start>\d+[.,]\d+)\s+(?P<end>\d+[.,]\d+)(?:\s+(?P<words>\S.*))?")


def is_label_track(text: str) -> bool:
    """Return whether a text is a label track: two times and a label in each line."""
    lines = _labels(text)
    return bool(lines) and (
        all(_LABEL.fullmatch(line) for _, line in lines) or all(_BLANKS.fullmatch(line) for _, line in lines)
    )


def read_label_track(text: str, path: Path) -> list[Turn]:
    """Read a label track of Audacity; its labels are the words, and lines of frequencies are passed over.

    Raises:
        CorpusError: a time is damaged.
    """
    turns = []
    for number, line in _labels(text):
        place, blanks = f"{path}:{number}", None if "\t" in line else _BLANKS.fullmatch(line)
        start, end, *words = blanks.groups(default="") if blanks else line.split("\t")
        span = parse_seconds(start, place), parse_seconds(end, place)
        turns += turn_or_nothing(place, span, text=" ".join(words))
    return turns


def _labels(text: str) -> list[tuple[int, str]]:
    """Return the lines with labels and their numbers."""
    lines = enumerate(map(str.strip, text.split("\n")), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith(FREQUENCIES)]
