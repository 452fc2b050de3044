"""The drawings of an explanation as plain data: waveform, bars and attention map, laid out by the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.inference.explain.explanation import Explanation, Matrix, Word
from emofuse.sound.clips import Clip

# Colours of what supports the label and of what opposes it; a sign or a side shows the same.
SUPPORT_COLOUR, OPPOSE_COLOUR = "#b4530a", "#2a5fa5"
# Sizes in the units of the drawings.
WIDTH = 960
WAVEFORM_HEIGHT, BARS_HEIGHT, AXIS_HEIGHT = 90, 110, 20
BARS_MIDDLE = WAVEFORM_HEIGHT + BARS_HEIGHT / 2
ROW_HEIGHT, NAME_WIDTH, LONGEST_NAME = 22, 150, 16
WAVEFORM_COLUMNS = 480
MOST_TICKS = 20
# Cells of an attention map below this share of the largest weight are not drawn.
LOWEST_DRAWN_SHARE = 0.01
# The most of a colour that is mixed into the background of a text.
MOST_COLOUR = 0.75


@dataclass(frozen=True)
class Tick:
    """A time on an axis."""

    x: float
    text: str


@dataclass(frozen=True)
class Bar:
    """The attribution of one moment."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str


@dataclass(frozen=True)
class MomentStrip:
    """The waveform, and below it a bar for each moment: up if it supports the label, down if it opposes it.

    Attributes:
        waveform: the corners of its shape, as an SVG polygon takes them.
        middle: where the bars start.
        height: of the whole drawing.
    """

    waveform: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    middle: float
    height: float


@dataclass(frozen=True)
class Cell:
    """The attention between a word and a moment; an opacity of 1 is the largest weight of the map."""

    x: float
    opacity: float


@dataclass(frozen=True)
class MapRow:
    """The cells of a word."""

    name: str
    y: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class HeatMap:
    """Attention as a map of words by moments: the darker a cell, the larger its weight."""

    rows: tuple[MapRow, ...]
    ticks: tuple[Tick, ...]
    name_x: int
    cell_width: float
    cell_height: int
    height: float


def colour_share(value: float, largest: float) -> float:
    """Return how much of a colour to mix into the background of a value: low enough for text to be read on it."""
    return MOST_COLOUR * abs(value) / largest if largest else 0.0


def moment_strip(explanation: Explanation, clip: Clip) -> MomentStrip:
    """Return the waveform and the bars of an explanation."""
    return MomentStrip(
        waveform=_waveform(clip),
        bars=_bars(explanation),
        ticks=_ticks(explanation),
        middle=BARS_MIDDLE,
        height=WAVEFORM_HEIGHT + BARS_HEIGHT + AXIS_HEIGHT,
    )


def heat_map(words: Sequence[Word], matrix: Matrix, explanation: Explanation) -> HeatMap:
    """Return the attention map of words, (words, moments)."""
    largest = max((value for row in matrix for value in row), default=0.0)
    width = (WIDTH - NAME_WIDTH) / max(1, len(explanation.moments))
    rows = []
    for number, (word, row) in enumerate(zip(words, matrix, strict=True)):
        cells = tuple(
            Cell(NAME_WIDTH + column * width, value / largest)
            for column, value in enumerate(row)
            if largest and value >= LOWEST_DRAWN_SHARE * largest
        )
        rows.append(MapRow(shortened(word.text), number * ROW_HEIGHT, cells))
    return HeatMap(
        rows=tuple(rows),
        ticks=_ticks(explanation, NAME_WIDTH),
        name_x=NAME_WIDTH - 8,
        cell_width=width + 0.3,
        cell_height=ROW_HEIGHT - 2,
        height=ROW_HEIGHT * len(matrix) + AXIS_HEIGHT,
    )


def shortened(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text that fits beside a row."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _waveform(clip: Clip) -> str:
    """Return the outline of the samples, scaled to its peak."""
    edges = np.linspace(0, len(clip.samples), min(WAVEFORM_COLUMNS, len(clip.samples)) + 1).astype(np.int64)
    highest = np.maximum.reduceat(clip.samples, edges[:-1])
    lowest = np.minimum.reduceat(clip.samples, edges[:-1])
    middle = WAVEFORM_HEIGHT / 2
    scale = middle / max(1e-9, float(np.abs(clip.samples).max()))
    across = np.linspace(0, WIDTH, len(highest))
    upper = [f"{x:.1f},{middle - scale * y:.1f}" for x, y in zip(across, highest, strict=True)]
    lower = [f"{x:.1f},{middle - scale * y:.1f}" for x, y in zip(across, lowest, strict=True)]
    return " ".join(upper + lower[::-1])


def _bars(explanation: Explanation) -> tuple[Bar, ...]:
    largest = max(map(abs, explanation.moments), default=0.0)
    width = WIDTH / max(1, len(explanation.moments))
    bars = []
    for number, value in enumerate(explanation.moments):
        height = (BARS_HEIGHT / 2 - 4) * abs(value) / largest if largest else 0.0
        top, colour = (BARS_MIDDLE - height, SUPPORT_COLOUR) if value >= 0 else (BARS_MIDDLE, OPPOSE_COLOUR)
        start = number * explanation.step
        title = f"{start:.1f} to {start + explanation.step:.1f} s: {value:+.3f}"
        bars.append(Bar(number * width, top, max(0.5, width - 1), height, colour, title))
    return tuple(bars)


def _ticks(explanation: Explanation, left: float = 0.0) -> tuple[Tick, ...]:
    """Return about twenty times at most."""
    every = max(1, round(len(explanation.moments) / MOST_TICKS))
    scale = (WIDTH - left) / max(1, len(explanation.moments))
    return tuple(
        Tick(left + number * scale, f"{number * explanation.step:.1f}")
        for number in range(0, len(explanation.moments), every)
    )
