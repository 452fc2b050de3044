"""Voice activity: where in a stream of sound there is speech, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np

from emofuse.errors import AudioError, MissingExtraError
from emofuse.sound.clips import SAMPLE_RATE
from emofuse.sound.loudness import FRAME, FRAME_SECONDS, FrameScores, frames_of, levels_of, with_nearness
from emofuse.types.arrays import Samples

# So many frames go through a detector at once: about one second.
CHUNK_FRAMES = 32
# A run of speech frames that is shorter is a click.
CLICK_SECONDS = 0.08
# A longer run is yielded as several spans that touch: an hour of music is not kept in memory.
LONGEST_FRAMES = 2000

# Silero sees the last samples before each frame, and carries two states of this shape along.
CONTEXT, STATE = 64, (1, 1, 128)
# Below this probability Silero is certain that there is no speech.
DOUBTED = 0.1
SILERO_PACKAGE, SILERO_FILE = "faster_whisper", Path("assets", "silero_vad_v6.onnx")

DetectorName = Literal["silero", "energy"]


@dataclass(frozen=True)
class SpeechSpan:
    """Speech without a pause; times in seconds, as exact as one frame.

    Attributes:
        levels: how loud each frame of 32 ms from `start` on is, in dB of full scale; a cut goes where it is quiet.
    """

    start: float
    end: float
    levels: tuple[float, ...] = field(default=(), compare=False, repr=False)


class Detector(Protocol):
    """Scores frames of sound as speech or not; it keeps no state between streams.

    Attributes:
        name: as a timeline shows it.
        on: a run of frames is speech if one of its scores reaches this ...
        off: ... and it goes as far as scores reach this.
    """

    name: ClassVar[DetectorName]
    on: float
    off: float

    def __call__(self, chunks: Iterator[Samples]) -> Iterator[FrameScores]:
        """Score chunks of samples in order; all but the last hold whole frames."""
        ...


class Silero:
    """The Silero network, version 6, on ONNX Runtime; streamed, its states and the last samples carried along."""

    name: ClassVar[DetectorName] = "silero"

    def __init__(self, on: float = 0.5, off: float = 0.35) -> None:
        """Load the network.

        Raises:
            MissingExtraError: the package that carries it is not installed.
        """
        self.on, self.off = on, off
        path = _silero_file()
        if path is None:
            raise MissingExtraError("vad", "voice activity with Silero")
        from emofuse.onnx_library import onnxruntime  # heavy; only this detector needs it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, chunks: Iterator[Samples]) -> Iterator[FrameScores]:
        """Score chunks of samples in order: the probability of speech.

        The network reacts slowly to a voice after silence. Frames with a low probability that are as loud as
        speech are raised to the lower threshold: they belong to a run with a high probability elsewhere.
        """
        for scored, nearness in with_nearness(self._probabilities(chunks)):
            doubted = (scored.scores >= DOUBTED) & (nearness >= 1.0)
            scores = np.where(doubted, np.maximum(scored.scores, np.float32(self.off)), scored.scores)
            yield replace(scored, scores=scores)

    def _probabilities(self, chunks: Iterator[Samples]) -> Iterator[FrameScores]:
        hidden = cell = np.zeros(STATE, dtype=np.float32)
        before = np.zeros(CONTEXT, dtype=np.float32)
        for chunk in chunks:
            frames = frames_of(chunk)
            run = np.concatenate([before, frames.ravel()])
            windows = np.lib.stride_tricks.sliding_window_view(run, CONTEXT + FRAME)[::FRAME]
            before = run[-CONTEXT:]
            feeds = {"input": np.ascontiguousarray(windows), "h": hidden, "c": cell}
            scores, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], feeds)
            yield FrameScores(scores, levels_of(frames), len(chunk))


class Energy:
    """How close the level of a frame is to the loudest frames around it: no network, no other package."""

    name: ClassVar[DetectorName] = "energy"
    on, off = 1.0, 0.0

    def __call__(self, chunks: Iterator[Samples]) -> Iterator[FrameScores]:
        """Score chunks of samples in order: 1 where speech begins, 0 where it ends."""
        measured = ((levels_of(frames_of(chunk)), len(chunk)) for chunk in chunks)
        for scored, nearness in with_nearness(FrameScores(levels, levels, count) for levels, count in measured):
            yield replace(scored, scores=nearness)


DETECTORS: dict[DetectorName, Callable[[], Detector]] = {"silero": Silero, "energy": Energy}


def default_detector() -> Detector:
    """Return Silero where its network is installed, else the energy detector."""
    return Energy() if _silero_file() is None else Silero()


def find_speech(blocks: Iterable[Samples], detector: Detector) -> Iterator[SpeechSpan]:
    """Find the spans of speech in a stream of mono float32 samples at 16 kHz, in blocks of any size.

    A span is yielded as soon as its end is known. A pause of one frame already separates two spans: which of
    them make one turn is decided by `emofuse.sound.speech_turns`.

    Raises:
        AudioError: a sample is not a number.
    """
    # Scores are float32: the thresholds are rounded as they are.
    on, off = float(np.float32(detector.on)), float(np.float32(detector.off))
    first, levels, confident, position, samples = 0, list[float](), False, 0, 0
    for scored in detector(_chunks(blocks)):
        samples += scored.samples
        for score, level in zip(scored.scores.tolist(), scored.levels.tolist(), strict=True):
            if score >= off:
                first = first if levels else position
                levels.append(level)
                confident = confident or score >= on
                if len(levels) == LONGEST_FRAMES:
                    yield from _speech_span(first, levels, confident, samples)
                    levels = []
            else:
                yield from _speech_span(first, levels, confident, samples)
                levels, confident = [], False
            position += 1
    yield from _speech_span(first, levels, confident, samples)


def _speech_span(first: int, levels: list[float], confident: bool, samples: int) -> Iterator[SpeechSpan]:
    """Yield the run of frames from `first` on, if it is speech."""
    if confident and len(levels) * FRAME_SECONDS >= CLICK_SECONDS:
        end = min((first + len(levels)) * FRAME, samples)
        yield SpeechSpan(first * FRAME / SAMPLE_RATE, end / SAMPLE_RATE, tuple(levels))


def _chunks(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Regroup blocks of any size into chunks of whole frames; the last holds what is left."""
    size = CHUNK_FRAMES * FRAME
    pending: list[Samples] = []
    count = passed = 0
    for block in chain(blocks, (None,)):
        if block is not None:
            pending.append(block)
            count += len(block)
        if count < size and block is not None:
            continue
        run = np.concatenate(pending) if pending else np.zeros(0, dtype=np.float32)
        whole = len(run) if block is None else count // size * size
        for start in range(0, whole, size):
            chunk = run[start : min(start + size, whole)]
            if not np.isfinite(chunk).all():
                raise AudioError(
                    f"the second from {passed / SAMPLE_RATE:.0f} s on holds samples that are not numbers"
                )
            passed += len(chunk)
            yield chunk
        pending, count = [run[whole:]], len(run) - whole


def _silero_file() -> Path | None:
    """Return where the network lies, without importing the package that carries it; None where it is not."""
    package = find_spec(SILERO_PACKAGE)
    folders = package.submodule_search_locations if package else None
    return next(
        (Path(folder) / SILERO_FILE for folder in folders or () if (Path(folder) / SILERO_FILE).is_file()), None
    )
