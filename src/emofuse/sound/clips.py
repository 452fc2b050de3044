"""From a recording on disk to a mono clip, block by block, with every oddity named."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr

from emofuse.errors import AudioError
from emofuse.sound.containers import is_media, stand_in
from emofuse.sound.media import MEDIA_SUFFIXES, Media, open_media
from emofuse.sound.recordings import ROUNDING_SECONDS, DamagedError, Recording, Salvage
from emofuse.sound.soundfiles import SOUND_SUFFIXES, SoundFile, open_soundfile
from emofuse.sound.tracks import MissingMediaError
from emofuse.types.arrays import Samples

SAMPLE_RATE = 16_000
# One clip of this length takes 154 MB, whatever the size of the file: 86 kB of FLAC may hold an hour.
MAXIMUM_SECONDS = 2400.0
# A peak below one step of 16 bits is silence.
SILENCE = 1.0 / 32768.0
# Channels cancel each other out where their mean has less than this share of the energy it had if unrelated.
CANCELLED_SHARE = 0.1
# Formats of libsndfile in which PyAV finds the sound behind damage.
RESUMABLE = frozenset({"FLAC", "MP3"})
AUDIO_SUFFIXES = (*SOUND_SUFFIXES, *MEDIA_SUFFIXES)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """Decoded sound: mono float32 samples in [-1, 1] and their rate in Hz.

    Attributes:
        damaged: what is wrong with the recording, and how many seconds were decoded; None where it is whole.
        notes: what else a reader must know, one sentence each.
    """

    samples: Samples
    rate: int
    damaged: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def open_recording(path: Path, salvage: bool = False) -> Recording:
    """Open a recording with libsndfile or, where that fails, with PyAV; its content decides, not its name.

    With `salvage`, PyAV passes over what it cannot decode, and says so at the end.

    Raises:
        AudioError: the file is missing, not audio, or needs the extra `media`, which is not installed.
    """
    _check_file(path)
    sound = open_soundfile(path)
    if sound is not None and not (sound.is_endless_flac or sound.is_unfinished):
        return sound
    what = stand_in(path) if sound is None else None
    if what is not None:
        raise AudioError(f"{path}: {what}")
    media: Media | None = None
    try:
        media = open_media(path, salvage)
    except MissingMediaError:
        known = path.suffix.lower() in MEDIA_SUFFIXES or is_media(path)
        if sound.is_unfinished if sound is not None else known:
            raise
    if media is not None:
        return replace(media, unfinished=sound is not None and sound.is_unfinished)
    if sound is None:
        raise AudioError(f"{path}: is not audio that can be read here; convert it to WAV, FLAC, OGG, Opus or MP3")
    return sound


def decoded(
    recording: Recording, start: float | None, end: float | None, salvage: Salvage | None
) -> Iterator[Samples]:
    """Yield the blocks of a span; with `salvage`, a recording that breaks off ends there, and that is noted.

    Raises:
        AudioError: what `Recording.blocks` raises; damage only without `salvage`, or where nothing decodes.
    """
    for note in recording.notes:
        if salvage is None:
            logger.warning("%s: %s", recording.path, note)
        else:
            salvage.add_note(note)
    frames = 0
    try:
        for block in recording.blocks(start, end):
            frames += len(block)
            yield block
    except DamagedError as error:
        if salvage is None:
            raise
        damage = error
    else:
        return
    silence = 0.0
    try:
        for block in _behind_damage(recording, (start or 0.0) + frames / recording.rate, end):
            frames += len(block)
            yield block
    except AudioError as error:  # there is nothing more
        silence = error.lost if isinstance(error, DamagedError) else 0.0
    if not frames:
        raise damage
    salvage.add_damage(damage, frames / recording.rate - silence)


def _behind_damage(recording: Recording, start: float, end: float | None) -> Iterator[Samples]:
    """Yield what PyAV decodes behind the place where libsndfile gives up; in a FLAC silence fills the gap."""
    if isinstance(recording, SoundFile) and recording.form in RESUMABLE:
        media = open_media(recording.path, salvage=True)
        if media is not None and (media.rate, media.channels) == (recording.rate, recording.channels):
            yield from media.blocks(start, end)


def read_clip(
    path: Path,
    start: float | None = None,
    end: float | None = None,
    rate: int = SAMPLE_RATE,
    max_seconds: float = MAXIMUM_SECONDS,
    strict: bool = True,
) -> Clip:
    """Read a recording, or the span of it from `start` to `end` seconds, as mono at `rate` Hz.

    Channels are averaged. Only the span is decoded where the format can be entered in the middle. If not `strict`,
    a damaged recording is used as far as it decodes, and of channels that cancel each other out the louder one is
    taken; the clip says so.

    Raises:
        AudioError: the file is missing, not audio, truncated, empty, silent, not finite or too long, or the
            span lies outside it; the message names the file and the reason.
    """
    salvage = None if strict else Salvage()
    recording = open_recording(path, salvage is not None)
    declared = max_seconds if recording.seconds is None or end is not None else recording.seconds - (start or 0.0)
    if strict and declared > max_seconds + ROUNDING_SECONDS:
        raise _too_long(recording, max_seconds)
    within = limited(decoded(recording, start, end, salvage), recording, (start, end), max_seconds)
    mono = (mixed(block, salvage) for block in within)
    samples = _joined(resampled(mono, recording.rate, rate))
    _check_samples(samples, path)
    np.clip(samples, -1.0, 1.0, out=samples)
    return Clip(samples, rate) if salvage is None else Clip(samples, rate, salvage.damaged, tuple(salvage.notes))


def limited(
    blocks: Iterable[Samples],
    recording: Recording,
    span: tuple[float | None, float | None],
    max_seconds: float = MAXIMUM_SECONDS,
) -> Iterator[Samples]:
    """Yield the blocks of a span, and raise where they are longer than `max_seconds` together."""
    start, end = span
    limit = max_seconds * recording.rate
    if end is not None and round(end * recording.rate) - round((start or 0.0) * recording.rate) > limit:
        raise _too_long(recording, max_seconds)
    total = 0
    for block in blocks:
        total += len(block)
        if total > limit:
            raise _too_long(recording, max_seconds)
        yield block


def _too_long(recording: Recording, max_seconds: float) -> AudioError:
    return AudioError(f"{recording.path}: is longer than {max_seconds:g} s; cut it, or give start and end")


def seconds_of(path: Path) -> float | None:
    """Return a recording's length in seconds from its header, or None where the header has none.

    Raises:
        AudioError: the file is missing or not audio.
    """
    return open_recording(path).seconds


def mixed(block: Samples, salvage: Salvage | None = None) -> Samples:
    """Average the channels of (frames, channels); with `salvage`, take the louder of those that cancel out."""
    if block.shape[1] == 1:
        return block[:, 0]
    mean: Samples = block.mean(axis=1, dtype=np.float32)
    if salvage is None:
        return mean
    energies = np.square(block, dtype=np.float64).sum(axis=0)
    unrelated = energies.sum() / block.shape[1] ** 2
    if not np.square(mean, dtype=np.float64).sum() < CANCELLED_SHARE * unrelated:
        return mean
    loudest = int(energies.argmax())
    salvage.add_note(f"its channels cancel each other out: channel {loudest}, the loudest, was used instead")
    return block[:, loudest]


def resampled(blocks: Iterable[Samples], rate: int, new_rate: int) -> Iterator[Samples]:
    """Resample the blocks of a mono recording, as if they were one block."""
    if rate == new_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, new_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _joined(blocks: Iterable[Samples]) -> Samples:
    """Join blocks to one array, which grows where it lies: an hour of sound is in memory once."""
    samples = np.zeros(0, dtype=np.float32)
    for block in blocks:
        count = len(samples)
        samples.resize(count + len(block), refcheck=False)
        samples[count:] = block
    return samples


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise AudioError(
                f"{path}: is a link to a file that is not there; restore that, or the link"
            ) from error
        raise AudioError(f"{path}: no such file; check the path or the corpus root") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError(f"{str(path)[:200]!r}: cannot be opened ({reason}); check the path") from error
    if stat.S_ISDIR(status.st_mode):
        if not os.access(path, os.R_OK | os.X_OK):
            raise AudioError(f"{path}: is a folder that cannot be opened; check its permissions")
        raise AudioError(f"{path}: is a folder, not a recording")
    if not stat.S_ISREG(status.st_mode):  # to open a pipe waits for its writer
        raise AudioError(f"{path}: is no file but a pipe, a socket or a device; write the sound to a file")
    if status.st_size == 0:
        raise AudioError(f"{path}: is empty (0 bytes); copy or record it again")
    try:
        path.open("rb").close()
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened; check its permissions") from error


def _check_samples(samples: Samples, path: Path) -> None:
    if not len(samples):
        raise AudioError(f"{path}: holds no samples; record it again")
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise AudioError(f"{path}: holds samples that are not numbers; export it again")
    if peak < SILENCE:
        raise AudioError(f"{path}: is silent; check the recording, or leave it out")
