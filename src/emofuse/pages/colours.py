"""Colours of labels: fixed by name, with patterns for readers who see fewer colours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

# Common labels. Labels that often appear together also differ in lightness; synonyms share a colour.
COLOURS_BY_LABEL = {
    "neutral": "#c4c4c4",
    "happy": "#f0e442",
    "joy": "#f0e442",
    "angry": "#d55e00",
    "anger": "#d55e00",
    "sad": "#0072b2",
    "sadness": "#0072b2",
    "fearful": "#cc79a7",
    "fear": "#cc79a7",
    "disgusted": "#00674a",
    "disgust": "#00674a",
    "surprised": "#8fd3ff",
    "surprise": "#8fd3ff",
    "excited": "#e69f00",
    "calm": "#d9ece6",
    "frustrated": "#7a1f00",
    "contempt": "#4b2a7b",
    "bored": "#a98f6a",
    "other": "#333333",
    "positive": "#56b4e9",
    "negative": "#b34700",
}
# For all other labels.
OTHER_COLOURS = (
    "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#cc6677", "#999933", "#aa4499", "#dddddd",
)  # fmt: skip
# How many patterns the style sheet has; the first one is plain.
PATTERN_COUNT = 6


@dataclass(frozen=True)
class LabelStyle:
    """How a label looks on a page.

    Attributes:
        background: its colour, as `#rrggbb`.
        text: black or white, whichever has more contrast on the background.
        pattern: the number of a pattern in the style sheet.
    """

    background: str
    text: str
    pattern: int


def label_styles(labels: Iterable[str]) -> dict[str, LabelStyle]:
    """Return the style of each label, in the order of the labels."""
    return {
        label: LabelStyle(colour, text_colour(colour), number % PATTERN_COUNT)
        for number, (label, colour) in enumerate(palette(labels).items())
    }


def palette(labels: Iterable[str]) -> dict[str, str]:
    """Return a colour for each label: the same for a set of labels in any order, and fixed for a common label.

    Any other label takes a colour that its hash selects, or the next free one; if there are more labels than
    colours, some share a colour.
    """
    assigned: dict[str, str] = {}
    names = list(dict.fromkeys(labels))
    for name in sorted(names):
        if name.lower() in COLOURS_BY_LABEL:
            assigned[name] = COLOURS_BY_LABEL[name.lower()]
            continue
        first = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[0]
        candidates = [OTHER_COLOURS[(first + step) % len(OTHER_COLOURS)] for step in range(len(OTHER_COLOURS))]
        free = (colour for colour in candidates if colour not in assigned.values())
        assigned[name] = next(free, candidates[0])
    return {name: assigned[name] for name in names}


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour given as `#rrggbb`: 0 for black, 1 for white."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_colour(background: str) -> str:
    """Return black or white, whichever has more contrast on a background."""
    return "#000000" if (luminance(background) + 0.05) ** 2 >= 1.05 * 0.05 else "#ffffff"
