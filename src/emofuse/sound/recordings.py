"""What every recording promises, whichever library reads it: blocks, rates, what damage is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from emofuse.errors import AudioError
from emofuse.types.arrays import Samples

BLOCK_SECONDS = 30
# Of all channels of a block; those of high rates and many channels are shorter than `BLOCK_SECONDS`.
MOST_BLOCK_SAMPLES = 1 << 23
# A span may end so many seconds after the recording: annotators round.
ROUNDING_SECONDS = 0.1
# Telephones have 8 kHz, the fastest DSD 2.8 MHz. A header with another rate is damaged: a few thousand samples at
# 1 Hz would be an hour.
LOWEST_RATE, HIGHEST_RATE = 1_000, 3_000_000


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


def block_frames(rate: int, channels: int) -> int:
    """Return how many frames are read at a time: those of half a minute, or fewer that fit into memory."""
    return max(1, min(BLOCK_SECONDS * rate, MOST_BLOCK_SAMPLES // max(1, channels)))


def rate_fault(rate: int) -> str | None:
    """Return what is wrong with a rate in Hz that no sound has; None for others."""
    if LOWEST_RATE <= rate <= HIGHEST_RATE:
        return None
    sound = f"sound has {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz"
    return f"has a rate of {rate} Hz, where {sound}; its header is damaged, export it again"


class DamagedError(AudioError):
    """A recording breaks off, or cannot be decoded from some point on.

    Attributes:
        reason: what is wrong with it, without its path.
        promised: how many seconds its header declares; None where it declares none.
        lost: how many of the seconds that were yielded are silence in place of what cannot be decoded.
    """

    def __init__(
        self,
        path: Path,
        reason: str,
        advice: str = "copy it again",
        promised: float | None = None,
        lost: float = 0.0,
    ) -> None:
        super().__init__(f"{path}: {reason}; {advice}")
        self.reason, self.promised, self.lost = reason, promised, lost


class Salvage:
    """Allows the use of a damaged recording as far as it decodes, and collects what a reader must know.

    Attributes:
        damaged: what is wrong with the recording, and how many seconds of it were decoded; None where it is whole.
        notes: anything else that was done to its sound, one sentence each.
    """

    def __init__(self) -> None:
        self.damaged: str | None = None
        self.notes: list[str] = []

    def add_damage(self, error: DamagedError, seconds: float) -> None:
        """Note that only so many seconds could be decoded."""
        decoded, promised = max(0.0, seconds - error.lost), error.promised
        if promised is None or promised <= decoded:
            length = f"{decoded:.2f} s were decoded, and how long it was meant to be is not known"
        else:
            length = f"{decoded:.2f} of {promised:.2f} s were decoded"
        self.damaged = f"{error.reason}; {length}"

    def add_note(self, note: str) -> None:
        """Note something, once."""
        if note not in self.notes:
            self.notes.append(note)


def truncated(path: Path, promised: float | None = None) -> DamagedError:
    """Return the error for a file that lacks its end, of which `promised` seconds are declared."""
    return DamagedError(path, "is truncated, it ends before its header says", promised=promised)
