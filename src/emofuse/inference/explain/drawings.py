"""The drawings of an explanation as plain data: waveform, bars and attention map, laid out by the template.

Drawings are stretched to the width of the page; everything that is read stands beside them, at its own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.inference.explain.explanation import Explanation, Matrix, Word
from emofuse.pages.time_axis import TimeMark, outline, step_between
from emofuse.sound.clips import Clip

# Colours of what supports the label and of what opposes it; a sign or a side shows the same.
SUPPORT_COLOUR, OPPOSE_COLOUR = "#b4530a", "#2a5fa5"
# Sizes in the units of the drawings.
WIDTH = 960
WAVEFORM_HEIGHT, BARS_HEIGHT = 90, 110
BARS_MIDDLE = WAVEFORM_HEIGHT + BARS_HEIGHT / 2
LONGEST_NAME = 16
WAVEFORM_COLUMNS = 480
# An axis has the shortest of these steps that needs no more than `MOST_TICKS` times.
TICK_STEPS_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
MOST_TICKS = 7
# A time further to the right would not fit on a narrow screen.
LAST_TICK_PERCENT = 90
# The colour of a word has so many steps, each of them a rule of the style sheet.
COLOUR_STEPS = 15
# Cells of an attention map below this share of the largest weight are not drawn.
LOWEST_DRAWN_SHARE = 0.01
# The most of a colour that is mixed into the background of a text, in per cent: text stays readable on it.
MOST_COLOUR_PERCENT = 75


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
        width, height: of the whole drawing.
        middle: where the bars start.
    """

    waveform: str
    bars: tuple[Bar, ...]
    width: float = WIDTH
    height: float = WAVEFORM_HEIGHT + BARS_HEIGHT
    middle: float = BARS_MIDDLE


@dataclass(frozen=True)
class Cell:
    """The attention between a word and a moment; an opacity of 1 is the largest weight of the map."""

    x: float
    opacity: float


@dataclass(frozen=True)
class MapRow:
    """The cells of a word."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class HeatMap:
    """Attention as a map of words by moments: the darker a cell, the larger its weight; each row is a drawing."""

    rows: tuple[MapRow, ...]
    cell_width: float
    width: float = WIDTH


def colour_step(value: float, largest: float) -> int:
    """Return how much colour the background of a value gets, from 0 to `COLOUR_STEPS`."""
    return round(COLOUR_STEPS * abs(value) / largest) if largest else 0


def moment_strip(explanation: Explanation, clip: Clip) -> MomentStrip:
    """Return the waveform and the bars of an explanation."""
    return MomentStrip(waveform=_waveform(clip), bars=_bars(explanation))


def heat_map(words: Sequence[Word], matrix: Matrix, explanation: Explanation) -> HeatMap:
    """Return the attention map of words, (words, moments)."""
    largest = max((value for row in matrix for value in row), default=0.0)
    width = WIDTH / max(1, len(explanation.moments))
    rows = []
    for word, row in zip(words, matrix, strict=True):
        cells = tuple(
            Cell(column * width, value / largest)
            for column, value in enumerate(row)
            if largest and value >= LOWEST_DRAWN_SHARE * largest
        )
        rows.append(MapRow(shortened(word.text), cells))
    return HeatMap(rows=tuple(rows), cell_width=width + 0.3)


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
    return outline(across, middle - scale * highest, middle - scale * lowest)


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


def ticks(explanation: Explanation) -> tuple[TimeMark, ...]:
    """Return the times on the axis that all drawings of an explanation share."""
    seconds = explanation.step * max(1, len(explanation.moments))
    step = step_between(seconds, TICK_STEPS_SECONDS, MOST_TICKS)
    times = [number * step for number in range(int(seconds / step + 1e-9) + 1)]
    marks = (TimeMark(100 * time / seconds, f"{time:.1f}") for time in times)
    return tuple(mark for mark in marks if mark.left <= LAST_TICK_PERCENT)
