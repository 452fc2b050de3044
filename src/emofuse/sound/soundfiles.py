"""Recordings on disk that libsndfile reads: WAV, FLAC, OGG, Opus, MP3 ..."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from emofuse.errors import AudioError
from emofuse.sound.containers import declared_size, is_unfinished, mended_head
from emofuse.sound.float_range import FloatRange, float_range
from emofuse.sound.libsndfile import MPEG, encoded_name, hushed
from emofuse.sound.ogg_pages import refuse_damaged_pages
from emofuse.sound.patched_file import PatchedFile
from emofuse.sound.recordings import ROUNDING_SECONDS, DamagedError, block_frames, rate_fault, truncated
from emofuse.types.arrays import Samples

# libsndfile gives this number of frames, or one near it, where a header has no length.
UNKNOWN_FRAMES = 1 << 40
# Programs that stream cannot go back to the WAV header: they write 0 into it, or a size near 2 or 4 GiB.
UNKNOWN_WAV_SIZE = 0x7FFFF000
# An MP3 frame may depend on the frames before it: so many samples before a span are decoded, and dropped.
MP3_PREROLL = 10 * 1152
# The header of an MP3 may declare some frames more than there are; one that lacks more is truncated.
MP3_SURPLUS = 10 * 1152
SOUND_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".w64", ".rf64", ".bwf"),
    *(".au", ".snd", ".sph", ".nist"),
)
FLOATS = frozenset({"FLOAT", "DOUBLE"})
# What libsndfile notes of sizes, and of counts of frames, that do not fit the file: declared and present.
SIZES = re.compile(r"(?:data|SSND|Data Size|riff) *: (\d+) \(should be (\d+)\)")
COUNTS = re.compile(r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
# Of these, libsndfile does not say that they are shorter than they declare.
SIZED = frozenset({"NIST", "VOC"})
# Whose headers can be mended where their recorder did not finish them.
MENDED = frozenset({"AU", "RF64"})
UNFINISHED = "its recorder never finished its header"
# Where a block cannot be read, it is read again in steps of so many frames, up to the damage.
DAMAGE_STEP = 1024


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


@dataclass(frozen=True)
class SoundFile:
    """A recording as libsndfile reads it; see `Recording`.

    Attributes:
        form: as libsndfile calls it.
        values: how its samples become samples in [-1, 1].
        head: its first bytes, mended where its recorder did not finish them; None where they are as they are.
    """

    path: Path
    rate: int
    channels: int
    seconds: float | None
    form: str
    values: FloatRange = field(default_factory=FloatRange)
    head: bytes | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how its samples are taken; see `Recording`."""
        return () if self.values.note is None else (self.values.note,)

    @property
    def is_endless_flac(self) -> bool:
        """Whether it is a FLAC from a pipe: libsndfile reads on over a change of rate or channels in it."""
        return self.form == "FLAC" and self.seconds is None

    @property
    def is_unfinished(self) -> bool:
        """Whether its header says that there is no sound, and was not finished: there may be some behind it."""
        return self.seconds == 0 and is_unfinished(self.path)

    def blocks(self, start: float | None, end: float | None) -> Iterator[Samples]:
        """Yield the frames of a span; see `Recording`."""
        span = FrameRange.of(self.path, self.rate, start, end)
        if self.is_endless_flac and end is None:
            raise AudioError(
                f"{self.path}: its header does not say how long it is; "
                'convert it once more, to a file, or pip install "emofuse[media]"'
            )
        total, scale = 0, np.float32(self.values.scale)
        try:
            with _opened(self.path, self.head) as file:
                for block in _frames(file, self, span):
                    total += len(block)
                    yield block if scale == 1.0 else block / scale
                if end is None:
                    _refuse_cut(file, self.path, span.first + total)
                if end is None and self.head is not None:
                    raise DamagedError(self.path, UNFINISHED, "record or export it again")
        except (soundfile.SoundFileError, ValueError) as error:
            reason = f"breaks off or is damaged ({str(error).rstrip('.').removeprefix('Error : ')})"
            raise DamagedError(self.path, reason, promised=self.seconds) from error
        span.refuse_early_end(total)


def open_soundfile(path: Path, head: bytes | None = None) -> SoundFile | None:
    """Open a file; None where libsndfile cannot read even its first sample.

    A header that declares no sound, since it was not finished, is mended: `head` replaces the first bytes.

    Raises:
        AudioError: its rate is none of sound.
    """
    try:
        with _opened(path, head) as file:
            if file.format == "RAW":  # text by the name of .au: anything at all would pass for mu-law
                return None
            mended = mended_head(path) if head is None and file.format in MENDED and not file.frames else None
            if mended is not None:
                return open_soundfile(path, mended)
            if fault := rate_fault(file.samplerate):
                raise AudioError(f"{path}: {fault}")
            with hushed(file.format):
                file.read(1)
            seconds = None if file.frames >= UNKNOWN_FRAMES else file.frames / file.samplerate
            values = float_range(path, head) if file.subtype in FLOATS else FloatRange()
            return SoundFile(path, file.samplerate, file.channels, seconds, file.format, values, head)
    except (soundfile.SoundFileError, TypeError):
        return None


def _opened(path: Path, head: bytes | None) -> soundfile.SoundFile:
    try:
        with path.open("rb") as file:
            begins = file.read(2)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    with hushed(MPEG if begins == b"ID" or begins >= b"\xff\xe0" else ""):
        return soundfile.SoundFile(encoded_name(path) if head is None else PatchedFile(path, head))


def _frames(file: soundfile.SoundFile, recording: SoundFile, span: FrameRange) -> Iterator[Samples]:
    if span.first and span.first >= file.frames:
        raise span.after_the_end()
    before = min(span.first, MP3_PREROLL) if file.format == MPEG else 0
    with hushed(file.format):
        _skip(file, span.first - before)
        if before:
            file.read(before)
    size, total = block_frames(file.samplerate, file.channels), 0
    while span.length is None or total < span.length:
        count = size if span.length is None else min(size, span.length - total)
        try:
            with hushed(file.format):
                block = file.read(count, "float32", always_2d=True)
        except soundfile.SoundFileError:
            yield _before_damage(recording, span.first + total, count)
            raise
        if not len(block):
            break
        total += len(block)
        yield block


def _skip(file: soundfile.SoundFile, frames: int) -> None:
    """Go to a frame; some codecs (GSM 6.10) must be decoded up to there."""
    step = block_frames(file.samplerate, file.channels)
    if file.seekable():
        file.seek(frames)
    else:
        for start in range(0, frames, step):
            file.read(min(step, frames - start))


def _before_damage(recording: SoundFile, first: int, count: int) -> Samples:
    """Return the frames, of `count` from `first` on, that can be read."""
    with _opened(recording.path, recording.head) as file, hushed(file.format):
        pieces: list[Samples] = [np.zeros((0, file.channels), dtype=np.float32)]
        try:
            _skip(file, first)
            for start in range(0, count, DAMAGE_STEP):
                pieces.append(file.read(min(DAMAGE_STEP, count - start), "float32", always_2d=True))
        except soundfile.SoundFileError:  # this is the damage
            pass
    return np.concatenate(pieces)


def _refuse_cut(file: soundfile.SoundFile, path: Path, reached: int) -> None:
    """Refuse a file that was read to its end, and ends before its header or container declares.

    Raises:
        DamagedError: it does.
    """
    declared = SIZES.search(file.extra_info)
    if declared:
        size, present = int(declared[1]), int(declared[2])
        if present < size < UNKNOWN_WAV_SIZE:
            raise truncated(path, reached / file.samplerate * size / present if present else None)
    counted = COUNTS.search(file.extra_info)
    if counted and int(counted[1]) < int(counted[2]) < UNKNOWN_FRAMES:
        raise truncated(path, int(counted[2]) / file.samplerate)
    surplus = 0.01 * file.frames + (MP3_SURPLUS if file.format == MPEG else 1152)
    if file.frames < UNKNOWN_FRAMES and reached < file.frames - surplus:
        raise truncated(path, file.frames / file.samplerate)
    if file.format in SIZED and (declared_size(path) or 0) > (size := path.stat().st_size):
        raise truncated(path, reached / file.samplerate * (declared_size(path) or 0) / size)
    if file.format == "OGG":
        refuse_damaged_pages(path, file.samplerate, reached / file.samplerate)
