"""Any other recording, and the sound of videos, decoded by PyAV as it streams."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import AudioError
from emofuse.sound.containers import is_cut
from emofuse.sound.float_range import FloatRange, range_of
from emofuse.sound.ogg_pages import refuse_damaged_pages
from emofuse.sound.recordings import DamagedError, block_frames, rate_fault, truncated
from emofuse.sound.soundfiles import UNFINISHED, FrameRange
from emofuse.sound.tracks import Track, open_track, samples_of
from emofuse.types.arrays import Samples

MEDIA_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".webm", ".mkv", ".mka"),
    *(".aac", ".amr", ".awb", ".wma", ".wmv", ".asf", ".avi", ".caf", ".flv", ".mts", ".m2ts", ".mpg", ".mpeg"),
    *(".mp2", ".mpa", ".vob", ".ac3", ".eac3", ".ec3", ".dts", ".thd", ".mlp", ".wv", ".tta", ".tak", ".ape"),
    *(".mpc", ".mpp", ".dsf", ".dff", ".wsd", ".shn", ".oma", ".aa3", ".voc", ".xwma", ".rm", ".ra", ".ogv"),
)
# Their clocks are exact wherever they are entered, and gaps in them are gaps in the sound.
ENTERABLE = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
CLOCKED = ENTERABLE | {"mpegts", "flv", "flac"}
# So many seconds before a span are decoded and dropped: a frame may depend on those before it.
PREROLL_SECONDS = 1.0
# Clocks are rounded: less than this is no gap.
GAP_SECONDS = 0.05
# Clocks restart where recordings were joined; no pause in a recording is as long as the maximum.
JOINED_SECONDS, MAXIMUM_GAP_SECONDS = -1.0, 600.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Media:
    """A recording as PyAV reads it, the best of its audio tracks; see `Recording`.

    Second 0 is the first sample of sound. A gap in the container's clock is filled with silence.

    Attributes:
        form: the name of its demuxer.
        origin: the container's clock at the first sample; None where that clock is not used.
        salvage: pass over what cannot be decoded, and raise `DamagedError` only after all that can be.
        unfinished: its recorder did not finish the header, so it is not known whether it is whole.
        values: how its samples become samples in [-1, 1].
    """

    path: Path
    rate: int
    channels: int
    seconds: float | None
    form: str
    origin: float | None
    salvage: bool = False
    unfinished: bool = False
    values: FloatRange = field(default_factory=FloatRange)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how its samples are taken; see `Recording`."""
        return () if self.values.note is None else (self.values.note,)

    def blocks(self, start: float | None, end: float | None) -> Iterator[Samples]:
        """Yield the frames of a span; see `Recording`."""
        span = FrameRange.of(self.path, self.rate, start, end)
        total, scale = 0, np.float32(self.values.scale)
        for block in _regrouped(self._within(span), block_frames(self.rate, self.channels)):
            total += len(block)
            yield block if scale == 1.0 else block / scale
        span.refuse_early_end(total)

    def _within(self, span: FrameRange) -> Iterator[Samples]:
        for position, piece in self._from(span):
            left = None if span.length is None else span.first + span.length - position
            if left is not None and left <= 0:
                return
            yield piece[max(0, span.first - position) : left]

    def _from(self, span: FrameRange) -> Iterator[tuple[int, Samples]]:
        """Yield sound and its position, from a little before a span where that is safe, else from the start."""
        entry = span.first / self.rate - PREROLL_SECONDS
        if self.form in ENTERABLE and self.origin is not None and entry > 0:
            decoded = self._decoded(span, self.origin + entry)
            near = next(decoded, None)
            if near is not None and near[0] <= span.first:
                yield near
                yield from decoded
                return
        yield from self._decoded(span, None)

    def _decoded(self, span: FrameRange, entry: float | None) -> Iterator[tuple[int, Samples]]:
        """Decode from a time of the container's clock, or from the beginning; check that the end is the end."""
        with open_track(self.path, self.salvage) as track:
            if track is None or (entry is not None and not track.enter(entry)):
                return
            end = 0
            for position, piece in self._placed(track, entered=entry is not None):
                yield position, piece
                end = position + len(piece)
            if span.end is None:
                self._refuse_damage(track, end / self.rate)

    def _refuse_damage(self, track: Track, seconds: float) -> None:
        """Refuse a track that was decoded to its end, after so many seconds, and is not whole."""
        if track.lost or (self.form == "flac" and track.filled):  # its clock counts samples: a gap is a loss
            what = f"{track.lost} of its packets" if track.lost else "a part of it"
            reason = f"is damaged, {what} cannot be decoded"
            raise DamagedError(self.path, reason, "copy or export it again", self.seconds, track.filled)
        if self.form == "ogg":
            refuse_damaged_pages(self.path, self.rate, seconds)
        if track.ended_early(seconds):
            raise truncated(self.path, self.seconds)
        if self.unfinished:
            raise DamagedError(self.path, UNFINISHED, "record or export it again")

    def _placed(self, track: Track, entered: bool) -> Iterator[tuple[int, Samples]]:
        """Yield frames as samples with their position, and silence where the clock leaves a gap."""
        position, joined, gaps = 0, 0, 0
        for frame in track.frames():
            self._refuse_change(frame, position)
            clock = position
            if self.origin is not None and frame.time is not None:
                clock = round((frame.time - self.origin) * self.rate) + joined
            ahead = clock - position
            if entered:
                position, entered, ahead = clock, False, 0
            if (
                ahead and self.form == "flac" and not self.salvage
            ):  # it counts samples: what does not follow is lost
                raise DamagedError(
                    self.path,
                    f"is damaged at {position / self.rate:.2f} s",
                    "copy or export it again",
                    self.seconds,
                )
            if ahead < JOINED_SECONDS * self.rate:
                joined -= ahead
            elif ahead > GAP_SECONDS * self.rate:
                gaps += 1
                self._report_gap(position, ahead, gaps)
                track.filled += ahead / self.rate
                for silence in _silence(ahead, self.channels, self.rate):
                    yield position, silence
                    position += len(silence)
            piece = samples_of(frame)
            yield position, piece
            position += len(piece)

    def _report_gap(self, position: int, length: int, number: int) -> None:
        start, end = position / self.rate, (position + length) / self.rate
        if end - start > MAXIMUM_GAP_SECONDS:
            reason = f"its clock jumps from {start:.2f} to {end:.2f} s"
            raise DamagedError(self.path, reason, "export it again, or cut it there", self.seconds)
        if number == 1:
            logger.warning(
                "%s: no sound from %.2f to %.2f s; this gap and any other are filled with silence",
                self.path,
                start,
                end,
            )

    def _refuse_change(self, frame: Any, position: int) -> None:
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        if (rate, channels) != (self.rate, self.channels):
            reason = (
                f"changes at {position / self.rate:.2f} s from {self.channels} channels at {self.rate} Hz "
                f"to {channels} at {rate} Hz"
            )
            raise DamagedError(self.path, reason, "export it again, in one form", self.seconds)


def open_media(path: Path, salvage: bool = False) -> Media | None:
    """Open a file and decode its first frame; None where PyAV cannot read it.

    With `salvage`, what cannot be decoded is passed over; see `Media`.

    Raises:
        MissingMediaError: PyAV is not installed.
        AudioError: it is a video without sound, breaks off before any sound, or its rate is none of sound.
    """
    try:
        with open_track(path, salvage) as track:
            frame = None if track is None else next(track.frames(), None)
            if track is None or frame is None:
                return None
            if fault := rate_fault(frame.sample_rate):
                raise AudioError(f"{path}: {fault}")
            origin = frame.time if track.form in CLOCKED else None
            channels = frame.layout.nb_channels
            media = Media(path, frame.sample_rate, channels, track.seconds, track.form, origin, salvage)
            return replace(media, values=range_of(media.blocks(None, None))) if track.stores_floats else media
    except DamagedError as error:
        if is_cut(path):
            raise truncated(path) from error
        return None


def _silence(length: int, channels: int, rate: int) -> Iterator[Samples]:
    """Yield frames of nothing, a second at a time."""
    for start in range(0, length, rate):
        yield np.zeros((min(rate, length - start), channels), dtype=np.float32)


def _regrouped(pieces: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Join small pieces of (frames, channels) to blocks of `size` frames; the last may be shorter."""
    waiting: list[Samples] = []
    count = 0
    broken: DamagedError | None = None
    try:
        for piece in pieces:
            while count + len(piece) >= size:
                yield np.concatenate([*waiting, piece[: size - count]])
                piece, waiting, count = piece[size - count :], [], 0
            if len(piece):
                waiting.append(piece)
                count += len(piece)
    except DamagedError as error:  # what came before it is not lost
        broken = error
    if waiting:
        yield np.concatenate(waiting)
    if broken is not None:
        raise broken
