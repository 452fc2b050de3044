"""Captions that roll: a line is shown in several cues, and is spoken in the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Captions roll where so many cues repeat the end of the cue before, and one of them at least goes on after it.
SHARE_OF_REPEATING_CUES = 0.5
FEWEST_REPEATING_CUES = 2
# Cues that roll follow each other at once.
LONGEST_GAP_SECONDS = 0.5
# No caption shows more lines.
MOST_LINES = 8

Span = tuple[float, float]
Lines = Sequence[str]


@dataclass(frozen=True)
class Repetition:
    """What a cue repeats of the cue before it.

    Attributes:
        lines: how many of its first lines.
        start: the words with which the next line begins.
    """

    lines: int = 0
    start: str = ""


NOTHING = Repetition()


def find_repetitions(spans: Sequence[Span], cues: Sequence[Lines]) -> list[Repetition]:
    """Return for each cue what it repeats of the cue before; nothing where captions do not roll.

    Args:
        spans: start and end of each cue, in seconds.
        cues: the lines of each cue, without markup and without blank ones.
    """
    found = [NOTHING] + [
        _repetition(before, lines) if start - end <= LONGEST_GAP_SECONDS else NOTHING
        for ((_, end), (start, _)), (before, lines) in zip(pairwise(spans), pairwise(cues), strict=True)
    ]
    repeating = sum(repetition != NOTHING for repetition in found)
    goes_on = any(one.start or 0 < one.lines < len(lines) for one, lines in zip(found, cues, strict=True))
    with_words = sum(bool(lines) for lines in cues[1:])
    if goes_on and repeating >= max(FEWEST_REPEATING_CUES, SHARE_OF_REPEATING_CUES * with_words):
        return found
    return [NOTHING] * len(cues)


def _repetition(before: Lines, lines: Lines) -> Repetition:
    """Compare the last lines of a cue with the first ones of the next; the last of them may go on there."""
    for count in range(min(len(before), len(lines), MOST_LINES), 0, -1):
        if before[-count:-1] != lines[: count - 1]:
            continue
        if lines[count - 1] == before[-1]:
            return Repetition(count)
        if lines[count - 1].startswith(before[-1] + " "):
            return Repetition(count - 1, before[-1])
    return NOTHING
