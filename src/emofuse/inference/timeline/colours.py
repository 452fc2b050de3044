"""Colours of labels: fixed by name, and told apart by people who see fewer of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

# The usual labels. What often stands side by side differs in lightness too; words for the same share a colour.
KNOWN = {
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
SPARE = (
    "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#cc6677", "#999933", "#aa4499", "#dddddd",
)  # fmt: skip


def palette(labels: Iterable[str]) -> dict[str, str]:
    """Return a colour for each label: the same for a set of labels in any order, and always for a usual name.

    An unknown label takes the spare colour that its name asks for, or the next that no other has taken; where
    there are more labels than colours, some share one.
    """
    found: dict[str, str] = {}
    names = list(dict.fromkeys(labels))
    for name in sorted(names):
        if name.lower() in KNOWN:
            found[name] = KNOWN[name.lower()]
            continue
        wish = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[0]
        turned = [SPARE[(wish + step) % len(SPARE)] for step in range(len(SPARE))]
        found[name] = next((colour for colour in turned if colour not in found.values()), turned[0])
    return {name: found[name] for name in names}


def lightness(colour: str) -> float:
    """Return the relative luminance of a colour as `#rrggbb`, 0 for black and 1 for white."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink(colour: str) -> str:
    """Return black or white, whichever is read more easily on a colour."""
    return "#000000" if (lightness(colour) + 0.05) ** 2 >= 1.05 * 0.05 else "#ffffff"
