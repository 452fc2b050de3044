"""The protocol of a recording on disk, whichever library reads it, and the frames of a span in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from emofuse.errors import AudioError
from emofuse.types.arrays import Samples

BLOCK_SECONDS = 30
# A span may end so many seconds after the recording: annotators round.
ROUNDING_SECONDS = 0.1


class Recording(Protocol):
    """A file with sound; it is opened anew for each call of `blocks`."""

    @property
    def rate(self) -> int:
        """Samples per second, as the file has them."""

    @property
    def channels(self) -> int:
        """As the file has them."""

    @property
    def seconds(self) -> float | None:
        """Length from the header; None where the header has none."""

    def blocks(self, start: float | None, end: float | None) -> Iterator[Samples]:
        """Yield (frames, channels) from `start` to `end` seconds, never more than `BLOCK_SECONDS` at a time.

        Raises:
            AudioError: the span lies outside the recording, or the file breaks off, is damaged or
                changes its rate or channels.
        """


@dataclass(frozen=True)
class FrameRange:
    """A span of a recording, in frames.

    Attributes:
        start: in seconds; None for the beginning.
        end: in seconds; None for the end of the recording.
        first: its first frame.
        length: number of frames; None up to the end of the recording.
    """

    path: Path
    rate: int
    start: float | None
    end: float | None
    first: int
    length: int | None

    @classmethod
    def of(cls, path: Path, rate: int, start: float | None, end: float | None) -> FrameRange:
        """Turn seconds into frames.

        Raises:
            AudioError: the span holds nothing, or begins before the recording.
        """
        first = round((start or 0.0) * rate)
        length = None if end is None else round(end * rate) - first
        if first < 0:
            raise AudioError(f"{path}: the span starts at {start} s, before the recording; check the annotation")
        if length is not None and length <= 0:
            raise AudioError(f"{path}: the span from {start} to {end} s is empty; check the annotation")
        return cls(path, rate, start, end, first, length)

    def refuse_early_end(self, total: int) -> None:
        """Refuse a recording that ended after `total` frames of the span, when more were needed.

        Raises:
            AudioError: the recording is shorter by more than annotators round.
        """
        if self.first and not total:
            raise self.after_the_end()
        if self.length is not None and total < self.length - ROUNDING_SECONDS * self.rate:
            raise AudioError(
                f"{self.path}: the span ends at {self.end} s, but the recording ends at "
                f"{(self.first + total) / self.rate:.2f} s; check the annotation or the file"
            )

    def after_the_end(self) -> AudioError:
        """Return the error for a span that starts after the recording."""
        return AudioError(f"{self.path}: the span starts at {self.start} s, after the end of the recording")


def truncated(path: Path) -> AudioError:
    """Return the error for a file that lacks its end."""
    return AudioError(f"{path}: is truncated, it ends before its header says; copy it again")


def regrouped(pieces: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Join small pieces of (frames, channels) to blocks of `size` frames; the last may be shorter."""
    waiting: list[Samples] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= size:
            yield np.concatenate([*waiting, piece[: size - count]])
            piece, waiting, count = piece[size - count :], [], 0
        if len(piece):
            waiting.append(piece)
            count += len(piece)
    if waiting:
        yield np.concatenate(waiting)
