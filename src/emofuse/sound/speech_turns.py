"""From spans of speech to turns that a model can take: short pauses joined, noises dropped, long speech cut."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from emofuse.errors import CorpusError, RecipeError
from emofuse.sound.activity import SpeechSpan
from emofuse.sound.loudness import FRAME_SECONDS
from emofuse.types import ExcludedSpan, Turn

# The quietest point is looked for over so many frames: about 0.2 s.
QUIET_FRAMES = 7
# No cut leaves less than this behind, in seconds.
LAST_PIECE = 1.0
# What an excluded span leaves of a turn is analysed if it is so long.
SHORTEST_REST_SECONDS = 0.3
LONGEST_SECONDS = 15.0


@dataclass(frozen=True)
class Joining:
    """How spans of speech become turns; all in seconds.

    Attributes:
        gap: a pause that is shorter does not part two turns.
        shortest: shorter turns, pauses included, are dropped.
        longest: what is longer is cut at its longest pause, or else where it is quietest.
        pad: what is kept of the silence at either end.
    """

    gap: float = 0.3
    shortest: float = 0.2
    longest: float = LONGEST_SECONDS
    pad: float = 0.15

    def __post_init__(self) -> None:
        if min(self.gap, self.shortest, self.pad) < 0:
            raise RecipeError("gap, shortest and pad are seconds, not below 0")
        if self.longest - 2 * self.pad < 2 * LAST_PIECE:
            raise RecipeError(
                f"longest is {self.longest:g} s; a segment needs {2 * LAST_PIECE:g} s and its padding"
            )


DEFAULT_JOINING = Joining()


def to_turns(
    spans: Iterable[SpeechSpan], seconds: float = math.inf, joining: Joining = DEFAULT_JOINING
) -> Iterator[Turn]:
    """Make turns of spans of speech; each is yielded as soon as the next one is known.

    Args:
        spans: in order, as `find_speech` yields them.
        seconds: the length of the recording, where it is known: no turn goes beyond it.
        joining: what is joined, dropped, cut and padded.
    """
    before, run = 0.0, None
    for piece in _pieces(spans, joining):
        if run is not None:
            middle = (run.end + piece.start) / 2
            yield _padded(run, before, middle, joining.pad)
            before = middle
        run = piece
    if run is not None:
        yield _padded(run, before, seconds, joining.pad)


def windows(seconds: float, width: float, step: float) -> list[Turn]:
    """Lay windows of one width over a recording, one each `step` seconds.

    A rest below one second, or below half a window, is left to the window before it.

    Raises:
        RecipeError: a width or a step with which there are no windows, or gaps between them.
    """
    if not 0 < step <= width:
        raise RecipeError(f"windows of {width:g} s every {step:g} s do not cover it; take 0 < step <= width")
    if seconds <= 0:
        return []
    rest = min(LAST_PIECE, width / 2)
    count = max(0, math.ceil(round((seconds - width) / step, 6))) + 1
    if count > 1 and seconds - (count - 1) * step < rest:
        count -= 1
    ends = [number * step + width for number in range(count - 1)]
    return [Turn(number * step, end) for number, end in enumerate([*ends, seconds])]


def split_long_turns(
    turns: Iterable[Turn], seconds: float = math.inf, longest: float = LONGEST_SECONDS
) -> list[Turn]:
    """Sort turns that were marked by hand by their start, and cut long ones into equal pieces.

    Each piece keeps the speaker and the words of the whole turn, since words have no times.

    Raises:
        CorpusError: a turn begins after the end of the recording.
    """
    pieces = []
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.end)):
        if turn.start >= seconds:
            raise CorpusError(
                f"a turn begins at {turn.start:.2f} s, but the recording ends at {seconds:.2f} s; "
                "check that the turns belong to this recording"
            )
        end = min(turn.end, seconds)
        count = max(1, math.ceil(round((end - turn.start) / longest, 6)))
        edges = [turn.start + number * (end - turn.start) / count for number in range(count)]
        pieces += [replace(turn, start=first, end=last) for first, last in pairwise([*edges, end])]
    return pieces


def without_spans(turn: Turn, excluded: Iterable[ExcludedSpan]) -> Iterator[Turn]:
    """Yield what is left of a turn without the excluded spans, which are in order."""
    start = turn.start
    for span in excluded:
        if span.end <= start or span.start >= turn.end:
            continue
        if span.start - start >= SHORTEST_REST_SECONDS:
            yield replace(turn, start=start, end=span.start)
        start = span.end
    if start == turn.start or turn.end - start >= SHORTEST_REST_SECONDS:
        yield replace(turn, start=start)


def _pieces(spans: Iterable[SpeechSpan], joining: Joining) -> Iterator[Turn]:
    """Join spans over short pauses, drop what is too short, and cut what is too long, as they come."""
    run: list[SpeechSpan] = []
    room = joining.longest - 2 * joining.pad
    for span in spans:
        if run and span.start - run[-1].end >= joining.gap:
            yield from _finished(run, joining)
            run = []
        run.append(span)
        while _span(run) >= room + LAST_PIECE:
            piece, run = _cut(run, room)
            yield _turn(piece)
    yield from _finished(run, joining)


def _finished(run: list[SpeechSpan], joining: Joining) -> Iterator[Turn]:
    room = joining.longest - 2 * joining.pad
    while _span(run) > room:
        piece, run = _cut(run, room)
        yield _turn(piece)
    if run and _span(run) >= joining.shortest:
        yield _turn(run)


def _cut(run: list[SpeechSpan], room: float) -> tuple[list[SpeechSpan], list[SpeechSpan]]:
    """Cut what is longer than `room` seconds in two, the first of which is not."""
    first = run[0].start
    low, high = first + room / 3, min(first + room, run[-1].end - LAST_PIECE)
    pauses = [
        (after.start - before.end, number)
        for number, (before, after) in enumerate(pairwise(run), start=1)
        if before.end <= high and after.start >= low and after.start > before.end
    ]
    if pauses:
        _, number = max(pauses)
        return run[:number], run[number:]
    time = _quietest(run, low, high)
    number = next(number for number, span in enumerate(run) if span.end > time)
    left, right = _halved(run[number], time)
    return [*run[:number], left], [right, *run[number + 1 :]]


def _quietest(run: list[SpeechSpan], low: float, high: float) -> float:
    """Return when it is quietest between two times, to a frame; the later time where there are no levels."""
    times, levels = [high], [math.inf]
    for span in run:
        if len(span.levels) >= QUIET_FRAMES:
            means = np.convolve(span.levels, np.ones(QUIET_FRAMES) / QUIET_FRAMES, "valid")
            first = span.start + QUIET_FRAMES // 2 * FRAME_SECONDS
            times += [first + number * FRAME_SECONDS for number in range(len(means))]
            levels += means.tolist()
    within = [(level, time) for level, time in zip(levels, times, strict=True) if low <= time <= high]
    return min(within)[1]


def _halved(span: SpeechSpan, time: float) -> tuple[SpeechSpan, SpeechSpan]:
    frames = round((time - span.start) / FRAME_SECONDS)
    return (
        replace(span, end=time, levels=span.levels[:frames]),
        replace(span, start=time, levels=span.levels[frames:]),
    )


def _span(run: list[SpeechSpan]) -> float:
    return run[-1].end - run[0].start if run else 0.0


def _turn(run: list[SpeechSpan]) -> Turn:
    return Turn(run[0].start, run[-1].end)


def _padded(turn: Turn, earliest: float, latest: float, pad: float) -> Turn:
    """Widen a turn, not beyond the middle of the pause to its neighbours."""
    return replace(turn, start=max(earliest, turn.start - pad), end=max(turn.end, min(latest, turn.end + pad)))
