"""Voice activity: how likely each frame of a stream is speech, in memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np

from emofuse.errors import AudioError, MissingExtraError
from emofuse.sound.clips import SAMPLE_RATE
from emofuse.types.arrays import Samples

# Both detectors use frames of 32 ms, the length that Silero was trained with.
FRAME = 512
FRAME_SECONDS = FRAME / SAMPLE_RATE
# Levels are of this band, in Hz, where most of a voice is; hum and hiss are not.
BAND = (200.0, 4000.0)
# The power that is added to each frame, in dB of full scale: the smallest level.
FLOOR_DECIBELS = -85.0
# Floor and top of the levels are these percentiles over so many chunks before and after.
FLOOR_PERCENT, TOP_PERCENT = 20.0, 95.0
CHUNKS_BEFORE, CHUNKS_AFTER = 12, 4
# Where they are closer than this, in dB, there is only noise: its ripple is not speech.
SMALLEST_RANGE_DECIBELS = 24.0
# A run of frames is speech if it comes within this of the top, in dB, or within this share of the range ...
ON_BELOW, ON_SHARE = 13.0, 0.25
# ... and it lasts as long as the level stays within this.
OFF_BELOW, OFF_SHARE = 18.0, 0.35
# Levels are smoothed over so many frames, so that neither ripple nor the gaps of consonants part a run.
SMOOTH_FRAMES = 7
# A voice repeats itself with a pitch between these, in Hz; the spectrum is that of two frames, in this band.
PITCH, PITCH_FFT = (65.0, 500.0), 2048
PITCH_BINS = slice(round(46.0 / SAMPLE_RATE * PITCH_FFT), round(2000.0 / SAMPLE_RATE * PITCH_FFT) + 1)
# So many frames go through a detector at once: about one second.
CHUNK_FRAMES = 32

# Silero sees the last samples before each frame, and carries two states of this shape along.
CONTEXT, STATE = 64, (1, 1, 128)
# Below this probability Silero is certain that there is no speech.
DOUBTED = 0.1
SILERO_PACKAGE, SILERO_FILE = "faster_whisper", Path("assets", "silero_vad_v6.onnx")

DetectorName = Literal["silero", "energy"]


@dataclass(frozen=True)
class FrameScores:
    """Scores and levels of about a second of sound, frame by frame.

    Attributes:
        scores: (frames,), the detector's score for speech.
        levels: (frames,), in dB of full scale.
        samples: number of samples; the last frame of a stream may be padded with zeros.
        evidence: (frames, 2), by which a turn is called speech: the probability of speech, and how well each frame
            repeats itself, from 0 to 1; None where a detector has none.
    """

    scores: Samples
    levels: Samples
    samples: int
    evidence: Samples | None = None


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
        before = np.zeros(FRAME, dtype=np.float32)
        for chunk in chunks:
            frames = frames_of(chunk)
            run = np.concatenate([before, frames.ravel()])
            windows = np.lib.stride_tricks.sliding_window_view(run[FRAME - CONTEXT :], CONTEXT + FRAME)[::FRAME]
            before = run[-FRAME:]
            feeds = {"input": np.ascontiguousarray(windows), "h": hidden, "c": cell}
            scores, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], feeds)
            evidence = np.stack([scores.reshape(-1), periodicity_of(run)], axis=1)
            yield FrameScores(scores, levels_of(frames), len(chunk), evidence)


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


def chunks_of(blocks: Iterable[Samples]) -> Iterator[Samples]:
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


def frames_of(chunk: Samples) -> Samples:
    """Cut a chunk into (frames, 512), the last padded with zeros."""
    return np.pad(chunk, (0, -len(chunk) % FRAME)).reshape(-1, FRAME)


def levels_of(frames: Samples) -> Samples:
    """Return the level of each frame in the band of a voice, (frames,), in dB of full scale."""
    spectrum = np.fft.rfft(frames * np.hanning(FRAME), axis=1)
    low, high = (round(hertz * FRAME / SAMPLE_RATE) for hertz in BAND)
    # Parseval, both halves of the spectrum; a Hann window leaves 3/8 of the power.
    power = 2.0 * np.square(np.abs(spectrum[:, low:high])).sum(axis=1) / (0.375 * FRAME**2)
    return np.asarray(10.0 * np.log10(power + 10.0 ** (FLOOR_DECIBELS / 10.0)), dtype=np.float32)


def periodicity_of(run: Samples) -> Samples:
    """Return how well each frame repeats itself with the pitch of a voice, together with the frame before it.

    The height of the strongest peak of the normalised autocorrelation (Boersma 1993, equation 9), from the power
    spectrum between 46 and 2000 Hz.

    Args:
        run: whole frames; of the first one only the second one's past is used.
    """
    windows = np.lib.stride_tricks.sliding_window_view(run, 2 * FRAME)[::FRAME]
    spectrum = np.fft.rfft(windows * _window(), n=PITCH_FFT, axis=1)[:, PITCH_BINS]
    power = np.square(np.abs(spectrum))
    similar = power @ _lags() / np.maximum(power.sum(axis=1, keepdims=True), 1e-12)
    left, here, right = similar[:, :-2], similar[:, 1:-1], similar[:, 2:]
    peaks = np.where((here >= left) & (here > right), here, 0.0).max(axis=1)
    return np.asarray(np.clip(peaks, 0.0, 1.0), dtype=np.float32)


@lru_cache(maxsize=1)
def _window() -> Samples:
    return np.hanning(2 * FRAME).astype(np.float32)


@lru_cache(maxsize=1)
def _lags() -> Samples:
    """Return what turns a power spectrum into its autocorrelation divided by that of the window, (bins, lags)."""
    lags = np.arange(int(SAMPLE_RATE / PITCH[1]), int(SAMPLE_RATE / PITCH[0]) + 2)
    bins = np.arange(PITCH_FFT // 2 + 1)[PITCH_BINS]
    products = np.correlate(_window(), _window(), mode="full")[2 * FRAME - 1 :]
    cosines = np.cos(2.0 * np.pi * bins[:, None] * lags / PITCH_FFT)
    return np.asarray(cosines * products[0] / products[lags], dtype=np.float32)


def with_nearness(scored: Iterable[FrameScores]) -> Iterator[tuple[FrameScores, Samples]]:
    """Yield each chunk with the closeness of its frames to the loudest around them, once enough is known."""
    window: deque[FrameScores] = deque(maxlen=CHUNKS_BEFORE + 1 + CHUNKS_AFTER)
    waiting = 0
    for chunk in scored:
        window.append(chunk)
        waiting += 1
        if waiting > CHUNKS_AFTER:
            yield window[-waiting], _nearness(list(window), waiting)
            waiting -= 1
    for left in range(waiting, 0, -1):
        yield window[-left], _nearness(list(window), left)


def _nearness(window: list[FrameScores], back: int) -> Samples:
    """Score the chunk that is the `back`-th from the end of a window: 1 where a run is speech, 0 where it ends."""
    levels = np.concatenate([each.levels for each in window])
    floor, top = np.percentile(levels, (FLOOR_PERCENT, TOP_PERCENT))
    top = max(top, floor + SMALLEST_RANGE_DECIBELS)
    on = top - max(ON_BELOW, ON_SHARE * (top - floor))
    off = top - max(OFF_BELOW, OFF_SHARE * (top - floor))
    power = np.pad(10.0 ** (levels / 10.0), SMOOTH_FRAMES // 2, mode="edge")
    smooth = 10.0 * np.log10(np.convolve(power, np.full(SMOOTH_FRAMES, 1.0 / SMOOTH_FRAMES), mode="valid"))
    first = sum(len(each.levels) for each in window[:-back])
    scores = (smooth[first : first + len(window[-back].levels)] - off) / (on - off)
    return np.asarray(scores, dtype=np.float32)


def _silero_file() -> Path | None:
    """Return where the network lies, without importing the package that carries it; None where it is not."""
    package = find_spec(SILERO_PACKAGE)
    folders = package.submodule_search_locations if package else None
    return next(
        (Path(folder) / SILERO_FILE for folder in folders or () if (Path(folder) / SILERO_FILE).is_file()), None
    )
