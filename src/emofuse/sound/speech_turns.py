"""Speech in a stream of sound, as turns that a model can take: pauses joined, noises dropped, long speech cut.

A clip without such a turn holds no speech: this is what `SpeechGate` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from emofuse.errors import RecipeError
from emofuse.sound.activity import FRAME, FRAME_SECONDS, Detector, FrameScores, chunks_of, default_detector
from emofuse.sound.clips import SAMPLE_RATE, Clip, resampled
from emofuse.sound.tones import find_tones_and_music, is_voice
from emofuse.types import ExcludedSpan, Turn
from emofuse.types.arrays import Samples

# A run of speech frames that is shorter is a click.
CLICK_SECONDS = 0.08
# A longer run is yielded as several spans that touch: an hour of music is not kept in memory.
LONGEST_FRAMES = 2000
# The quietest point is looked for over so many frames: about 0.2 s.
QUIET_FRAMES = 7
# No cut leaves less than this behind, in seconds.
LAST_PIECE = 1.0
# What an excluded span leaves of a turn is analysed if it is so long.
SHORTEST_REST_SECONDS = 0.3
LONGEST_SECONDS = 15.0

# Level, and where there is evidence probability and periodicity, of a frame.
_Frame = tuple[float, ...]


@dataclass(frozen=True)
class SpeechSpan:
    """Speech without a pause; times in seconds, as exact as one frame.

    Attributes:
        levels: how loud each frame of 32 ms from `start` on is, in dB of full scale; a cut goes where it is quiet.
        evidence: of each frame, as in `FrameScores`; nothing where the detector has none.
    """

    start: float
    end: float
    levels: tuple[float, ...] = field(default=(), compare=False, repr=False)
    evidence: tuple[tuple[float, float], ...] = field(default=(), compare=False, repr=False)


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


def find_speech(blocks: Iterable[Samples], detector: Detector) -> Iterator[SpeechSpan]:
    """Find the spans of speech in a stream of mono float32 samples at 16 kHz, in blocks of any size.

    A span is yielded as soon as its end is known. A pause of one frame already separates two spans: which of
    them make one turn is decided by `to_turns`.

    Raises:
        AudioError: a sample is not a number.
    """
    # Scores are float32: the thresholds are rounded as they are.
    on, off = float(np.float32(detector.on)), float(np.float32(detector.off))
    first, run, confident, position, samples = 0, list[_Frame](), False, 0, 0
    for scored in detector(chunks_of(blocks)):
        samples += scored.samples
        for score, frame in zip(scored.scores.tolist(), _frames(scored), strict=True):
            if score >= off:
                first = first if run else position
                run.append(frame)
                confident = confident or score >= on
                if len(run) == LONGEST_FRAMES:
                    yield from _speech_span(first, run, confident, samples)
                    run = []
            else:
                yield from _speech_span(first, run, confident, samples)
                run, confident = [], False
            position += 1
    yield from _speech_span(first, run, confident, samples)


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


@dataclass(frozen=True)
class SpeechGate:
    """Tells speech from other sound.

    Attributes:
        detector: of voice activity; Silero where it is installed, else by the level.
    """

    detector: Detector = field(default_factory=default_detector)

    def has_speech(self, clip: Clip) -> bool:
        """Return whether a timeline of a clip would have a segment: speech that is no tone and no music.

        Raises:
            AudioError: a sample is not a number.
        """
        blocks = list(resampled([clip.samples], clip.rate, SAMPLE_RATE))
        turns = list(to_turns(find_speech(blocks, self.detector)))
        if not turns:
            return False
        excluded = find_tones_and_music(blocks)
        return any(True for turn in turns for _ in without_spans(turn, excluded))


def _frames(scored: FrameScores) -> Iterator[_Frame]:
    """Yield level, probability and periodicity of each frame, or its level alone."""
    if scored.evidence is None:
        return ((level,) for level in scored.levels.tolist())
    return zip(scored.levels.tolist(), *scored.evidence.T.tolist(), strict=True)


def _speech_span(first: int, run: list[_Frame], confident: bool, samples: int) -> Iterator[SpeechSpan]:
    """Yield the run of frames from `first` on, if it is speech."""
    if confident and len(run) * FRAME_SECONDS >= CLICK_SECONDS:
        end = min((first + len(run)) * FRAME, samples)
        levels, *evidence = zip(*run, strict=True)
        pairs = tuple(zip(*evidence, strict=True)) if evidence else ()
        yield SpeechSpan(first * FRAME / SAMPLE_RATE, end / SAMPLE_RATE, levels, pairs)


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
            yield from _turn(piece)
    yield from _finished(run, joining)


def _finished(run: list[SpeechSpan], joining: Joining) -> Iterator[Turn]:
    room = joining.longest - 2 * joining.pad
    while _span(run) > room:
        piece, run = _cut(run, room)
        yield from _turn(piece)
    if run and _span(run) >= joining.shortest:
        yield from _turn(run)


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
        replace(span, end=time, levels=span.levels[:frames], evidence=span.evidence[:frames]),
        replace(span, start=time, levels=span.levels[frames:], evidence=span.evidence[frames:]),
    )


def _span(run: list[SpeechSpan]) -> float:
    return run[-1].end - run[0].start if run else 0.0


def _turn(run: list[SpeechSpan]) -> Iterator[Turn]:
    """Yield the turn of some spans, if they are a voice."""
    levels = [level for span in run for level in span.levels]
    evidence = [pair for span in run for pair in span.evidence]
    if not evidence or is_voice(levels, evidence):
        yield Turn(run[0].start, run[-1].end)


def _padded(turn: Turn, earliest: float, latest: float, pad: float) -> Turn:
    """Widen a turn, not beyond the middle of the pause to its neighbours."""
    return replace(turn, start=max(earliest, turn.start - pad), end=max(turn.end, min(latest, turn.end + pad)))
