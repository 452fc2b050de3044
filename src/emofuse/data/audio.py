"""From a recording on disk to a mono clip, block by block, with every oddity named."""

from __future__ import annotations

import hashlib
import math
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emofuse.errors import AudioError

SAMPLE_RATE = 16_000
MAXIMUM_SECONDS = 3600.0
BLOCK_SECONDS = 30
# Below one step of 16 bits nothing was recorded.
SILENCE = 1.0 / 32768.0
# The largest sample of 16 bits, and what codecs with loss make of it.
FULL_SCALE = 32766.0 / 32768.0
# libsndfile gives this number of frames, or one near it, where a header does not tell.
UNKNOWN_FRAMES = 1 << 40
# Programs that cannot go back to mend a WAV header write 0 into it, or a size near 2 or 4 GiB.
UNKNOWN_WAV_SIZE = 0x7FFFF000
# An MP3 frame may need what stands in frames before it: so many samples before a span are decoded, and dropped.
MP3_PREROLL = 10 * 1152
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".au")

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A stretch of sound: mono float32 samples in [-1, 1] and their rate in Hz."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Measures:
    """What can be told of a recording, or a span of it, without understanding it.

    Attributes:
        seconds: length.
        rate: samples per second, as the file has them.
        channels: as the file has them.
        loudness: root mean square of the mono mix, in dB of full scale; minus infinity for digital silence.
        clipped: share of the samples at full scale, in any channel.
        digest: SHA-256 of the mono mix: two clips with one digest sound the same.
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
    with _open(path) as file:
        for block in _blocks(file, path, start, end, MAXIMUM_SECONDS):
            mono = _mixed(block)
            frames += len(mono)
            energy += float(np.square(mono, dtype=np.float64).sum())
            limit += int(np.count_nonzero(np.abs(block).max(axis=1) >= FULL_SCALE))
            digest.update(np.ascontiguousarray(mono).tobytes())
        if end is None:
            _refuse_truncated(file, path)
        rate, channels = file.samplerate, file.channels
    if not frames or not math.isfinite(energy):
        raise AudioError(f"{path}: holds no samples, or samples that are not numbers; record or export it again")
    loudness = 10.0 * math.log10(energy / frames) if energy else -math.inf
    return Measures(frames / rate, rate, channels, loudness, limit / frames, digest.hexdigest())


def read_clip(
    path: Path,
    start: float | None = None,
    end: float | None = None,
    rate: int = SAMPLE_RATE,
    max_seconds: float = MAXIMUM_SECONDS,
) -> Clip:
    """Read a recording, or the span of it from `start` to `end` seconds, as mono at `rate` Hz.

    Channels are averaged. Only the span is decoded where the format can be entered in the middle.

    Raises:
        AudioError: the file is missing, not audio, truncated, empty, silent, not finite or too long, or the
            span lies outside it; the message names the file and the reason.
    """
    with _open(path) as file:
        if file.format == "FLAC" and file.frames >= UNKNOWN_FRAMES and end is None:
            # libsndfile would read on over a change of rate or channels, and nothing would tell.
            raise AudioError(f"{path}: its header does not say how long it is; convert it once more, to a file")
        mono = map(_mixed, _blocks(file, path, start, end, max_seconds))
        blocks = list(_resampled(mono, file.samplerate, rate))
        if end is None:
            _refuse_truncated(file, path)
    samples = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    _refuse_unusable(samples, path)
    return Clip(np.clip(samples, -1.0, 1.0), rate)


def seconds_of(path: Path) -> float | None:
    """Return a recording's length in seconds as its header tells it, or None where it does not.

    Raises:
        AudioError: the file is missing or not audio.
    """
    with _open(path) as file:
        return None if file.frames >= UNKNOWN_FRAMES else file.frames / file.samplerate


def _open(path: Path) -> soundfile.SoundFile:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AudioError(f"{path}: no such file; check the path or the corpus root") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"{str(path)[:200]!r}: cannot be opened ({error}); check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{path}: is a folder, not a recording")
    if status.st_size == 0:
        raise AudioError(f"{path}: is empty (0 bytes); copy or record it again")
    try:
        file = soundfile.SoundFile(path)
        if file.format == "RAW":  # text by the name of .au: anything at all would pass for mu-law
            raise soundfile.SoundFileError("no header")
        return file
    except (soundfile.SoundFileError, TypeError) as error:
        if not _readable(path):
            raise AudioError(f"{path}: cannot be opened; check its permissions") from error
        raise AudioError(
            f"{path}: is not audio that can be read here; convert it to WAV, FLAC, OGG, Opus or MP3"
        ) from error


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _blocks(
    file: soundfile.SoundFile, path: Path, start: float | None, end: float | None, max_seconds: float
) -> Iterator[Samples]:
    """Yield the frames of the span, (frames, channels), some seconds at a time."""
    first = round((start or 0.0) * file.samplerate)
    wanted = None if end is None else round(end * file.samplerate) - first
    if wanted is not None and wanted <= 0:
        raise AudioError(f"{path}: the span from {start} to {end} s is empty; check the annotation")
    if first and first >= file.frames:
        raise AudioError(f"{path}: the span starts at {start} s, after the end of the recording")
    if (wanted or 0) > max_seconds * file.samplerate:
        raise AudioError(_too_long(path, max_seconds))
    total = 0
    try:
        _go_to(file, first)
        while wanted is None or total < wanted:
            size = BLOCK_SECONDS * file.samplerate
            block = file.read(size if wanted is None else min(size, wanted - total), "float32", always_2d=True)
            if not len(block):
                break
            total += len(block)
            if total > max_seconds * file.samplerate:
                raise AudioError(_too_long(path, max_seconds))
            yield block
    except (soundfile.SoundFileError, ValueError) as error:
        raise AudioError(f"{path}: breaks off or is damaged ({_reason(error)}); copy it again") from error
    # A span may end a little after the recording: annotators round.
    if wanted is not None and total < wanted - 0.1 * file.samplerate:
        raise AudioError(
            f"{path}: the span ends at {end} s, but the recording ends at "
            f"{(first + total) / file.samplerate:.2f} s; check the annotation or the file"
        )


def _go_to(file: soundfile.SoundFile, first: int) -> None:
    """Put a file's reading position where a span begins."""
    before = min(first, MP3_PREROLL) if file.format == "MP3" else 0
    file.seek(first - before)
    if before:
        file.read(before)


def _mixed(block: Samples) -> Samples:
    """Average the channels of (frames, channels)."""
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def _resampled(blocks: Iterator[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    if rate == wanted:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, wanted, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _refuse_truncated(file: soundfile.SoundFile, path: Path) -> None:
    """Refuse a file that ends before its header, or its container, says that it does."""
    declared = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info)
    cut = file.frames < UNKNOWN_FRAMES and file.tell() < 0.99 * file.frames - 1152
    if declared:
        size, found = int(declared[1]), int(declared[2])
        cut = cut or found < size < UNKNOWN_WAV_SIZE
    if file.format == "OGG":
        cut = cut or not _ogg_is_closed(path)
    if cut:
        raise AudioError(f"{path}: is truncated, it ends before its header says; copy it again")


def _ogg_is_closed(path: Path) -> bool:
    """Tell whether the last page is whole and carries the end-of-stream flag (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_536))
        tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + 27:
        return False
    segments = tail[page + 26]
    lacing = tail[page + 27 : page + 27 + segments]
    whole = len(lacing) == segments and len(tail) >= page + 27 + segments + sum(lacing)
    return whole and bool(tail[page + 5] & 0x04)


def _refuse_unusable(samples: Samples, path: Path) -> None:
    if not len(samples):
        raise AudioError(f"{path}: holds no samples; record it again")
    peak = float(np.abs(samples).max())
    if not np.isfinite(peak):
        raise AudioError(f"{path}: holds samples that are not numbers; export it again")
    if peak < SILENCE:
        raise AudioError(f"{path}: is silent, there is nothing to hear in it")


def _too_long(path: Path, max_seconds: float) -> str:
    return f"{path}: is longer than {max_seconds:g} s; cut it, or give start and end"


def _reason(error: Exception) -> str:
    return str(error).rstrip(".").removeprefix("Error : ")
