"""The pictures of an explanation, as SVG: the sound with what each moment adds, and attention as a map."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from emofuse.inference.explain.explanation import Explanation, Matrix, Word
from emofuse.sound.clips import Clip

# For the label, and against it; each is told by a sign or a side too.
FOR, AGAINST = "#b4530a", "#2a5fa5"
# Sizes in the units of the drawings: their width, the waveform, the bars, a row of a map and its name.
WIDTH, WAVE, BARS, ROW, NAME = 960, 90, 110, 22, 150
# Columns of the waveform.
COLUMNS = 480
# Cells fainter than this share of the strongest are not drawn.
FAINTEST = 0.01


def strength(value: float, largest: float) -> float:
    """Return how strongly a value is coloured, from 0 to 0.75, so that what stands on it can be read."""
    return 0.75 * abs(value) / largest if largest else 0.0


def strip(explanation: Explanation, clip: Clip) -> str:
    """Return the waveform, and under it a bar for each moment: up for the label, down against it."""
    parts = [_waveform(clip), _bars(explanation), _time_axis(explanation, WAVE + BARS)]
    label = "The waveform, and how much each tenth of a second adds"
    return _svg(WAVE + BARS + 20, label, parts)


def heat_map(words: Sequence[Word], matrix: Matrix, explanation: Explanation) -> str:
    """Return a map of words by moments: the darker, the larger the share of the attention."""
    count = len(explanation.moments)
    largest = max((value for row in matrix for value in row), default=0.0)
    width = (WIDTH - NAME) / max(1, count)
    parts = []
    for number, (word, row) in enumerate(zip(words, matrix, strict=True)):
        top = number * ROW
        parts.append(
            f'<text x="{NAME - 8}" y="{top + 16}" text-anchor="end">{escape(shortened(word.text))}</text>'
        )
        parts += [
            f'<rect x="{NAME + column * width:.1f}" y="{top}" width="{width + 0.3:.1f}" height="{ROW - 2}" '
            f'fill="#111" fill-opacity="{value / largest:.2f}"/>'
            for column, value in enumerate(row)
            if largest and value >= FAINTEST * largest
        ]
    height = ROW * len(matrix)
    parts.append(_time_axis(explanation, height, NAME))
    return _svg(height + 20, "Attention of words and moments to each other", parts)


def shortened(text: str, longest: int = 16) -> str:
    """Return a text that fits beside a row."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _waveform(clip: Clip) -> str:
    """Return the outline of the samples, the loudest of which fills its height."""
    edges = np.linspace(0, len(clip.samples), min(COLUMNS, len(clip.samples)) + 1).astype(np.int64)
    highest = np.maximum.reduceat(clip.samples, edges[:-1])
    lowest = np.minimum.reduceat(clip.samples, edges[:-1])
    scale = WAVE / 2 / max(1e-9, float(np.abs(clip.samples).max()))
    across = np.linspace(0, WIDTH, len(highest))
    upper = [f"{x:.1f},{WAVE / 2 - scale * y:.1f}" for x, y in zip(across, highest, strict=True)]
    lower = [f"{x:.1f},{WAVE / 2 - scale * y:.1f}" for x, y in zip(across, lowest, strict=True)]
    return f'<polygon points="{" ".join(upper + lower[::-1])}" fill="#777"/>'


def _bars(explanation: Explanation) -> str:
    largest = max(map(abs, explanation.moments), default=0.0)
    width = _across(explanation, explanation.step)
    middle = WAVE + BARS / 2
    parts = [f'<line x1="0" x2="{WIDTH}" y1="{middle}" y2="{middle}" stroke="#111"/>']
    for number, value in enumerate(explanation.moments):
        left, height = number * width, (BARS / 2 - 4) * abs(value) / largest if largest else 0.0
        top, colour = (middle - height, FOR) if value >= 0 else (middle, AGAINST)
        begin = number * explanation.step
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.5, width - 1):.1f}" height="{height:.1f}" '
            f'fill="{colour}"><title>{begin:.1f} to {begin + explanation.step:.1f} s: {value:+.3f}</title></rect>'
        )
    return "".join(parts)


def _time_axis(explanation: Explanation, top: float, left: float = 0.0) -> str:
    """Return the seconds below a drawing, at most some twenty of them."""
    every = max(1, round(len(explanation.moments) / 20))
    scale = (WIDTH - left) / max(1, len(explanation.moments))
    return "".join(
        f'<text x="{left + number * scale:.1f}" y="{top + 15:.0f}">{number * explanation.step:.1f}</text>'
        for number in range(0, len(explanation.moments), every)
    )


def _across(explanation: Explanation, seconds: float) -> float:
    return WIDTH * seconds / (len(explanation.moments) * explanation.step)


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'font-size="12" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
