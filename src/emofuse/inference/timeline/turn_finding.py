"""The turns of a recording that are analysed, and the spans that are not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from emofuse.errors import CorpusError, RecipeError
from emofuse.inference.timeline.options import WINDOW_SECONDS, TimelineOptions
from emofuse.sound.activity import DETECTORS, Detector, default_detector
from emofuse.sound.channels import tones_and_music
from emofuse.sound.clips import SAMPLE_RATE
from emofuse.sound.recordings import Salvage
from emofuse.sound.speech_turns import LAST_PIECE, LONGEST_SECONDS, Joining, find_speech, to_turns, without_spans
from emofuse.sound.streams import mono_blocks
from emofuse.turns.attaching import attach_speakers, attach_words
from emofuse.types import ExcludedSpan, Turn
from emofuse.types.arrays import Samples

GIVEN, WINDOWS = "given", "windows"


@dataclass(frozen=True)
class FoundTurns:
    """What of a recording is analysed, and what is not.

    Attributes:
        turns: in order of their start.
        excluded: spans that are not analysed, and why.
        seconds: the length of the recording.
        segmentation: how the turns were found.
        damaged: what is wrong with the recording; None where it is whole.
        notes: what else is to be known of its sound, one sentence each.
    """

    turns: tuple[Turn, ...]
    excluded: tuple[ExcludedSpan, ...]
    seconds: float
    segmentation: str
    damaged: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, and before them that the recording is damaged."""
        return self.notes if self.damaged is None else (f"damaged recording: {self.damaged}", *self.notes)


def find_turns(path: Path, options: TimelineOptions) -> FoundTurns:
    """Find the turns of a recording, or take the given ones, and add their speakers and words.

    Streams the sound once, some seconds at a time, and once more for what is not speech.

    Raises:
        AudioError: the recording cannot be read.
        CorpusError: given turns do not fit the recording.
        MissingExtraError: the detector of speech needs a package that is not installed.
    """
    salvage = None if options.strict else Salvage()
    sound = _CountedStream(mono_blocks(path, SAMPLE_RATE, options.channel, salvage), salvage)
    turns, segmentation = _turns(sound, options)
    excluded = [] if segmentation in (GIVEN, WINDOWS) else _not_speech(path, options)
    turns = [piece for turn in turns for piece in without_spans(turn, excluded)]
    if options.speakers:
        # Turns marked by hand are not cut where another speaker begins.
        turns = attach_speakers(turns, options.speakers, split=options.turns is None)
    elif options.name is not None:
        turns = [replace(turn, speaker=turn.speaker or options.name) for turn in turns]
    if options.words is not None and (not isinstance(options.words, str) or len(turns) == 1):
        turns = attach_words(turns, options.words)  # a text without times belongs to the only turn, or to none
    notes = tuple(salvage.notes) if salvage else ()
    return FoundTurns(tuple(turns), tuple(excluded), sound.seconds, segmentation, sound.damaged, notes)


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


def _turns(sound: _CountedStream, options: TimelineOptions) -> tuple[list[Turn], str]:
    """Return the turns, and how they were found."""
    if options.turns is not None:
        sound.drain()
        given = options.turns
        if sound.damaged is not None:  # what is marked behind the damage cannot be decoded
            given = tuple(turn for turn in given if turn.start < sound.seconds)
        return split_long_turns(given, sound.seconds, options.longest), GIVEN
    if options.segmentation == "windows":
        sound.drain()
        width = min(WINDOW_SECONDS, options.longest)
        return windows(sound.seconds, width, width), WINDOWS
    detector: Detector = (
        default_detector() if options.segmentation == "auto" else DETECTORS[options.segmentation]()
    )
    turns = list(to_turns(find_speech(sound, detector), joining=Joining(longest=options.longest)))
    return [replace(turn, end=min(turn.end, sound.seconds)) for turn in turns], detector.name


def _not_speech(path: Path, options: TimelineOptions) -> list[ExcludedSpan]:
    """Find what a detector may take for speech: tones, music, and in a call the bleed of other channels."""
    if options.call is not None and options.name is not None:
        return options.call.not_speech(options.name)
    return tones_and_music(path, options.channel)


class _CountedStream:
    """A stream of samples that counts them."""

    def __init__(self, blocks: Iterable[Samples], salvage: Salvage | None) -> None:
        self._blocks, self._salvage = blocks, salvage
        self._samples = 0

    def __iter__(self) -> Iterator[Samples]:
        for block in self._blocks:
            self._samples += len(block)
            yield block

    @property
    def seconds(self) -> float:
        """How much has gone through."""
        return self._samples / SAMPLE_RATE

    @property
    def damaged(self) -> str | None:
        """What turned out to be wrong with it so far; None for nothing."""
        return None if self._salvage is None else self._salvage.damaged

    def drain(self) -> None:
        """Read the stream to its end."""
        for _ in self:
            pass
