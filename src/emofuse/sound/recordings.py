"""What every recording promises, whichever library reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from emofuse.types.arrays import Samples


class Recording(Protocol):
    """A file with sound; it is opened again for each call of `blocks`."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def rate(self) -> int:
        """Samples per second, as the file has them."""

    @property
    def channels(self) -> int:
        """As the file has them."""

    @property
    def seconds(self) -> float | None:
        """Length from the header; None where the header has none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how its samples are taken, one sentence each."""

    def blocks(self, start: float | None, end: float | None) -> Iterator[Samples]:
        """Yield (frames, channels) from `start` to `end` seconds, never more than half a minute at a time.

        Raises:
            AudioError: the span lies outside the recording.
            DamagedError: the file breaks off, is damaged or changes its rate or channels; what can be decoded
                before that was yielded.
        """
