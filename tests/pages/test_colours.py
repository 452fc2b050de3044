"""Colours: fixed by name, told apart also by those who see fewer, and readable under text."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from emofuse.pages.colours import COLOURS_BY_LABEL, OTHER_COLOURS, label_styles, luminance, palette, text_colour

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
SEVEN = ("neutral", "happy", "angry", "sad", "fearful", "disgusted", "surprised")
USUAL = {
    "four": ("neutral", "happy", "angry", "sad"),
    "five": ("neutral", "happy", "angry", "sad", "frustrated"),
    "seven": SEVEN,
    "ten": (*SEVEN, "frustrated", "excited", "contempt"),
    "three": ("neutral", "positive", "negative"),
}


def seen(colour: str, sight: str) -> np.ndarray:
    """Return what somebody sees of a colour, in CIE Lab."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("labels", USUAL.values(), ids=USUAL)
def test_the_usual_labels_are_told_apart(labels: tuple[str, ...], sight: str) -> None:
    colours = palette(labels)
    for one, other in combinations(labels, 2):
        apart = np.linalg.norm(seen(colours[one], sight) - seen(colours[other], sight))
        assert apart > 12.0, (one, other, apart)


def test_a_name_keeps_its_colour() -> None:
    assert palette(["sad", "happy"])["sad"] == palette(["Sad", "zany", "angry"])["Sad"] == COLOURS_BY_LABEL["sad"]


def test_unknown_names_get_colours_in_any_order() -> None:
    names = [f"mood {number}" for number in range(len(OTHER_COLOURS))]
    assert palette(names) == palette(reversed(names))
    assert list(palette(reversed(names))) == names[::-1]
    assert set(palette(names).values()) == set(OTHER_COLOURS)
    assert set(palette([*names, "one more"]).values()) == set(OTHER_COLOURS)


@pytest.mark.parametrize("colour", sorted({*COLOURS_BY_LABEL.values(), *OTHER_COLOURS}))
def test_text_is_read_on_every_colour(colour: str) -> None:
    light, dark = sorted((luminance(colour), luminance(text_colour(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_labels_with_one_colour_have_different_patterns() -> None:
    styles = label_styles([f"mood {number}" for number in range(6)])
    assert [style.pattern for style in styles.values()] == [0, 1, 2, 3, 4, 5]
    assert styles["mood 1"].background == palette(styles)["mood 1"]
    assert styles["mood 1"].text == text_colour(styles["mood 1"].background)
