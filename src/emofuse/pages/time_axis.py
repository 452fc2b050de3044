"""What drawings over time share: marks on the axis, and the outline of a waveform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class TimeMark:
    """A time on an axis; `left` in per cent of its length."""

    left: float
    text: str


def step_between(seconds: float, steps: Sequence[Number], most: int) -> Number:
    """Return the first of some steps, in seconds, that needs no more than `most` marks; else the last.

    >>> step_between(90.0, (1, 10, 60), 12)
    10
    """
    return next((step for step in steps if seconds / step <= most), steps[-1])


def outline(across: Iterable[float], upper: Iterable[float], lower: Iterable[float]) -> str:
    """Return the corners of the shape between two lines, as an SVG polygon takes them.

    >>> outline([0, 1], [2, 3], [-2, -3])
    '0.0,2.000 1.0,3.000 1.0,-3.000 0.0,-2.000'
    """
    places = list(across)
    above = [f"{x:.1f},{y:.3f}" for x, y in zip(places, upper, strict=True)]
    below = [f"{x:.1f},{y:.3f}" for x, y in zip(places, lower, strict=True)]
    return " ".join([*above, *reversed(below)])
