"""Where in a recording there is something to analyse: its turns, and what is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emofuse.inference.timeline.options import WINDOW_SECONDS, TimelineOptions
from emofuse.sound.activity import DETECTORS, Detector, default_detector, find_speech
from emofuse.sound.channels import RATE, check_channels, find_bleed
from emofuse.sound.clips import SAMPLE_RATE
from emofuse.sound.segments import Joining, given, to_turns, windows
from emofuse.sound.streams import mono_blocks
from emofuse.sound.tones import find_tones_and_music
from emofuse.turns.turn_files import attach_speakers, attach_words
from emofuse.types import ExcludedSpan, Turn
from emofuse.types.arrays import Samples

GIVEN, WINDOWS = "given", "windows"
# What is left of a turn, in seconds, must be longer to be analysed.
SHORTEST_REST = 0.3


@dataclass(frozen=True)
class Heard:
    """What is to be analysed of a recording.

    Attributes:
        turns: in order of their start.
        passed: what is not, and why.
        seconds: the length of the recording.
        segmentation: how the turns were found.
    """

    turns: tuple[Turn, ...]
    passed: tuple[ExcludedSpan, ...]
    seconds: float
    segmentation: str


def listen(path: Path, options: TimelineOptions) -> Heard:
    """Find the turns of a recording, or take those that are given, and say who speaks and what is said in them.

    Goes once through the sound, some seconds at a time.

    Raises:
        AudioError: the recording cannot be read.
        CorpusError: given turns do not fit the recording.
        MissingExtraError: the detector needs what is not installed.
    """
    sound = _Counted(mono_blocks(path, SAMPLE_RATE, options.channel))
    turns, name = _turns(sound, options)
    passed = [] if name in (GIVEN, WINDOWS) else _not_speech(path, options)
    turns = [piece for turn in turns for piece in _spared(turn, passed)]
    if options.speakers:
        # Where the segments are marked by hand, nobody asked for them to be cut.
        turns = attach_speakers(turns, options.speakers, split=options.turns is None)
    elif options.name is not None:
        turns = [replace(turn, speaker=turn.speaker or options.name) for turn in turns]
    if options.words is not None and (not isinstance(options.words, str) or len(turns) == 1):
        turns = attach_words(turns, options.words)  # a text without times belongs to the only turn, or to none
    return Heard(tuple(turns), tuple(passed), sound.seconds, name)


def _turns(sound: _Counted, options: TimelineOptions) -> tuple[list[Turn], str]:
    """Return the turns, and how they were found."""
    if options.turns is not None:
        sound.drain()
        return given(options.turns, sound.seconds, options.longest), GIVEN
    if options.segmentation == "windows":
        sound.drain()
        width = min(WINDOW_SECONDS, options.longest)
        return windows(sound.seconds, width, width), WINDOWS
    detector: Detector = (
        default_detector() if options.segmentation == "auto" else DETECTORS[options.segmentation]()
    )
    found = list(to_turns(find_speech(sound, detector), joining=Joining(longest=options.longest)))
    return [replace(turn, end=min(turn.end, sound.seconds)) for turn in found], detector.name


def _not_speech(path: Path, options: TimelineOptions) -> list[ExcludedSpan]:
    """Find what a detector may take for speech: tones, music, and in a call what bleeds from other channels."""
    found = find_tones_and_music(mono_blocks(path, RATE, options.channel), RATE)
    if options.name is not None and len(options.call) > 1:
        check_channels(path, options.call)
        found += find_bleed(path, options.call).get(options.name, [])
    return sorted(found, key=lambda stretch: (stretch.start, stretch.end))


def _spared(turn: Turn, passed: Sequence[ExcludedSpan]) -> Iterator[Turn]:
    """Yield what is left of a turn once what is passed over is taken out of it."""
    start = turn.start
    for stretch in passed:
        if stretch.end <= start or stretch.start >= turn.end:
            continue
        if stretch.start - start >= SHORTEST_REST:
            yield replace(turn, start=start, end=stretch.start)
        start = stretch.end
    if start == turn.start or turn.end - start >= SHORTEST_REST:
        yield replace(turn, start=start)


class _Counted:
    """A stream of sound that knows how long it was."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = blocks
        self._samples = 0

    def __iter__(self) -> Iterator[Samples]:
        for block in self._blocks:
            self._samples += len(block)
            yield block

    @property
    def seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    def drain(self) -> None:
        for _ in self:
            pass
