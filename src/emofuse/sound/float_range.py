"""Files of floating-point samples outside [-1, 1]: integers that are to be scaled, or sound that is clipped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from emofuse.errors import AudioError
from emofuse.sound.libsndfile import encoded_name
from emofuse.sound.patched_file import PatchedFile
from emofuse.types.arrays import Samples

# What whole numbers of 16, 24 and 32 bits are divided by.
FULL_SCALES = (2.0**15, 2.0**23, 2.0**31)
# A resampler or an encoder may have gone so far beyond full scale.
OVERSHOOT = 1.05
# Numbers up to here may be sound that is too loud; whole numbers beyond are those of integers.
LOUDEST_SOUND = 2.0
# Numbers that are not whole (after resampling) are those of integers from here on, where most are beyond 1.
LEAST_RESAMPLED_PEAK = 100.0
# So far a sample may be from a whole number, and so many of them must be whole.
WHOLE_DISTANCE, WHOLE_SHARE = 1e-3, 0.99
BLOCK_FRAMES = 1 << 18


@dataclass(frozen=True)
class FloatRange:
    """How the samples of a file become samples in [-1, 1].

    Attributes:
        scale: what they are divided by.
        note: what a reader must know; None where all are in [-1, 1].
    """

    scale: float = 1.0
    note: str | None = None


@dataclass
class _Counts:
    samples: int = 0
    audible: int = 0
    outside: int = 0
    whole: int = 0
    peak: float = 0.0
    energy: float = 0.0

    def add(self, block: Samples) -> None:
        sizes = np.abs(block)
        self.samples += sizes.size
        largest = float(sizes.max(initial=0.0))
        if not math.isfinite(largest):  # it stays so: nothing is greater than what is no number
            self.peak = largest
            return
        self.peak = max(self.peak, largest)
        self.outside += int(np.count_nonzero(sizes > 1.0))
        self.audible += int(np.count_nonzero(sizes))
        self.energy += float(np.square(sizes, dtype=np.float64).sum())
        distance = np.abs(sizes - np.round(sizes))
        self.whole += int(np.count_nonzero((distance <= WHOLE_DISTANCE) & (sizes > 0)))


def float_range(path: Path, head: bytes | None = None) -> FloatRange:
    """Return the range of a file of floating-point samples that libsndfile reads; the file is read once for it.

    Args:
        path: of the file.
        head: replaces its first bytes; None leaves them.
    """
    status = path.stat()
    return _float_range(path, head, (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=256)
def _float_range(path: Path, head: bytes | None, state: tuple[int, ...]) -> FloatRange:
    """Return the range of a file as it was when it was last changed, or another one took its name."""
    with soundfile.SoundFile(encoded_name(path) if head is None else PatchedFile(path, head)) as file:
        return range_of(file.blocks(BLOCK_FRAMES, dtype="float32"))


def range_of(blocks: Iterable[Samples]) -> FloatRange:
    """Return the range of floating-point samples; if they break off, by those before."""
    counts = _Counts()
    try:
        for block in blocks:
            counts.add(block)
    except (soundfile.SoundFileError, AudioError):  # it is damaged, and decides by what can be read of it
        pass
    peak = counts.peak
    if not math.isfinite(peak) or peak <= 1.0:
        return FloatRange()
    scale = next((scale for scale in FULL_SCALES if peak <= scale * OVERSHOOT), None)
    whole = peak >= LOUDEST_SOUND and counts.whole >= WHOLE_SHARE * counts.audible
    resampled = peak >= LEAST_RESAMPLED_PEAK and counts.energy > counts.samples
    if scale is not None and (whole or resampled):
        bits = round(math.log2(scale)) + 1
        return FloatRange(
            scale,
            f"its samples go up to {peak:.6g}, as {bits}-bit integers do: they were divided by {scale:.0f}",
        )
    share = counts.outside / counts.samples
    return FloatRange(
        note=f"{share:.1%} of its samples are outside [-1, 1], up to {peak:.4g}, and were clipped; "
        "export it again, less loud"
    )
