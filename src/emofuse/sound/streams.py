"""Stream recordings of any length: all of a channel, or many spans in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emofuse.errors import AudioError
from emofuse.sound.clips import SAMPLE_RATE, Clip, decoded, mixed, open_recording, resampled
from emofuse.sound.recordings import ROUNDING_SECONDS, Recording, Salvage
from emofuse.types.arrays import Samples


def channels_of(path: Path) -> int:
    """Return how many channels a recording has.

    Raises:
        AudioError: the file is missing or not audio.
    """
    return open_recording(path).channels


def mono_blocks(
    path: Path, rate: int = SAMPLE_RATE, channel: int | None = None, salvage: Salvage | None = None
) -> Iterator[Samples]:
    """Stream a whole recording, however long, as blocks of mono samples in [-1, 1] at `rate` Hz.

    Args:
        path: the recording.
        rate: samples per second of what is yielded.
        channel: the one to take, the first is 0; None for the average of all.
        salvage: allows the use of a damaged recording as far as it decodes, and notes that; None refuses it.

    Raises:
        AudioError: the file is missing, not audio, truncated, damaged, empty or not finite, or lacks the channel.
    """
    recording = open_recording(path, salvage is not None)
    if channel is not None and not 0 <= channel < recording.channels:
        raise AudioError(
            f"{path}: there is no channel {channel}, it has {recording.channels} and the first is 0; "
            "check the number of the channel"
        )
    any_sound = False
    for block in resampled(_one(recording, channel, salvage), recording.rate, rate):
        if not np.isfinite(block).all():
            raise AudioError(f"{path}: holds samples that are not numbers; export it again")
        any_sound = any_sound or bool(len(block))
        yield np.clip(block, -1.0, 1.0)
    if not any_sound:
        raise AudioError(f"{path}: holds no samples; record it again")


def clips_of(
    path: Path,
    spans: Iterable[tuple[float, float]],
    rate: int = SAMPLE_RATE,
    channel: int | None = None,
    salvage: Salvage | None = None,
) -> Iterator[Clip]:
    """Read many spans of a recording in one pass: a clip for each, silent or not, in the order of `spans`.

    Each is the slice that the whole recording at `rate` Hz would give. Only the current
    span and one block are in memory.

    Args:
        path: the recording.
        spans: start and end in seconds, in order of their start; they may overlap.
        rate: samples per second of the clips.
        channel: the one to take; None for the average of all.
        salvage: as for `mono_blocks`.

    Raises:
        AudioError: what `mono_blocks` raises, or a span is empty, out of order or outside the recording.
    """
    buffer = _Buffer(mono_blocks(path, rate, channel, salvage))
    for start, end in spans:
        first, stop = round(start * rate), round(end * rate)
        if stop <= first or first < 0:
            raise AudioError(
                f"{path}: the span from {start} to {end} s is empty or begins before 0; check the annotation"
            )
        if first < buffer.first:
            raise AudioError(
                f"{path}: the span from {start} to {end} s is out of order; sort the spans by their start"
            )
        samples = buffer.between(first, stop)
        if len(samples) < stop - first - ROUNDING_SECONDS * rate or not len(samples):
            raise AudioError(
                f"{path}: the span from {start} to {end} s ends after the recording, at "
                f"{buffer.reached / rate:.2f} s; check the annotation or the file"
            )
        yield Clip(samples, rate)


def decoded_seconds(path: Path, enough: float, salvage: Salvage | None = None) -> float:
    """Return how long a recording is by decoding it, no further than just beyond `enough` seconds.

    Raises:
        AudioError: what `mono_blocks` raises.
    """
    seconds = 0.0
    for block in mono_blocks(path, salvage=salvage):
        seconds += len(block) / SAMPLE_RATE
        if seconds > enough:
            break
    return seconds


class _Buffer:
    """The part of a stream that may still be needed."""

    def __init__(self, blocks: Iterator[Samples]) -> None:
        self._blocks = blocks
        self._waiting: list[Samples] = []
        self.first = 0
        self.reached = 0

    def between(self, first: int, stop: int) -> Samples:
        """Return the samples of a range, as far as there are any, and drop those before it."""
        self._forget(first)
        while self.reached < stop:
            block = next(self._blocks, None)
            if block is None:
                break
            self._waiting.append(block)
            self.reached += len(block)
            self._forget(first)
        if len(self._waiting) != 1:
            self._waiting = [np.concatenate([np.zeros(0, dtype=np.float32), *self._waiting])]
        return self._waiting[0][: stop - self.first].copy()

    def _forget(self, first: int) -> None:
        """Drop the blocks, and the part of a block, that lie before a sample."""
        while self._waiting and self.first < first:
            block = self._waiting[0][first - self.first :]
            self.first += len(self._waiting[0]) - len(block)
            self._waiting[:1] = [block] if len(block) else []
        if not self._waiting:
            self.first = self.reached


def _one(recording: Recording, channel: int | None, salvage: Salvage | None) -> Iterator[Samples]:
    for block in decoded(recording, None, None, salvage):
        yield mixed(block, salvage) if channel is None else block[:, channel]
