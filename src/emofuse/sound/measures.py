"""Technical measures of recordings: length, level, clipping, and whether two of them hold the same sound."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emofuse.errors import AudioError
from emofuse.sound.clips import decoded, limited, mixed, open_recording

# The largest sample of 16 bits, less one step for lossy codecs.
FULL_SCALE = 32766.0 / 32768.0


@dataclass(frozen=True)
class Measures:
    """Technical measures of a recording, or of a span of it.

    Attributes:
        seconds: length.
        rate: samples per second, as the file has them.
        channels: as the file has them.
        loudness: root mean square of the mono mix, in dB of full scale; minus infinity for digital silence.
        clipped: share of the samples at full scale, in any channel.
        digest: SHA-256 of the mono mix: equal digests mean equal sound.
    """

    seconds: float
    rate: int
    channels: int
    loudness: float
    clipped: float
    digest: str


def measure_clip(path: Path, start: float | None = None, end: float | None = None) -> Measures:
    """Measure a recording, or the span of it from `start` to `end` seconds; a silent one is measured too.

    Raises:
        AudioError: the file is missing, not audio, truncated, empty, not finite or too long, or the span lies
            outside it.
    """
    digest, frames, energy, limit = hashlib.sha256(), 0, 0.0, 0
    recording = open_recording(path)
    for block in limited(decoded(recording, start, end, None), recording, (start, end)):
        mono = mixed(block)
        frames += len(mono)
        energy += float(np.square(mono, dtype=np.float64).sum())
        limit += int(np.count_nonzero(np.abs(block).max(axis=1) >= FULL_SCALE))
        digest.update(np.ascontiguousarray(mono).tobytes())
    if not frames or not math.isfinite(energy):
        raise AudioError(f"{path}: holds no samples, or samples that are not numbers; record or export it again")
    loudness = 10.0 * math.log10(energy / frames) if energy else -math.inf
    return Measures(
        frames / recording.rate, recording.rate, recording.channels, loudness, limit / frames, digest.hexdigest()
    )
