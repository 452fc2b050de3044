"""The audio track of a container, decoded by PyAV: strict where it is damaged, and checked for its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.errors import AudioError, MissingExtraError
from emofuse.sound.containers import is_cut
from emofuse.sound.patched_file import PatchedFile
from emofuse.sound.recordings import DamagedError
from emofuse.types.arrays import Samples

# Demuxers of what may carry speech: no playlists, no lists of files, nothing that opens a second file or address.
DEMUXERS = (
    "mov,matroska,asf,avi,flv,mpegts,mpeg,aac,amr,amrnb,amrwb,caf,flac,wav,w64,mp3,aiff,au,ogg,"
    "ac3,eac3,dts,dtshd,truehd,mlp,wv,tta,tak,ape,mpc,mpc8,dsf,iff,wsd,shn,oma,voc,xwma,rm,gxf,mxf,nistsphere"
)
# Their headers have no length: the library's value is a guess from the bit rate.
WITHOUT_LENGTH = frozenset(
    {"aac", "amr", "amrnb", "amrwb", "mpegts", "mpeg", "mp3", "ac3", "eac3", "dts", "dtshd", "truehd", "mlp"}
    | {"rm", "voc", "shn"}
)
# Last frames are padded and clocks are rounded: a recording may end so much before its declared end.
END_SECONDS = 0.1
# Damage is refused, not concealed.
STRICT = {"err_detect": "crccheck+explode"}
# Integers of 64 bits, which numpy gets as floating-point numbers.
LONG_INTEGERS = frozenset({"s64", "s64p"})


class MissingMediaError(MissingExtraError, AudioError):
    """A recording can only be read where PyAV is installed: a refusal of this one file."""


class Track:
    """The audio track of an open container that a player would take.

    Attributes:
        form: the name of the container's demuxer.
        seconds: its length from the header, else that of the container; None where there is none.
        stores_floats: whether its samples are stored as floating-point numbers.
        lost: how many packets could not be decoded, and were passed over.
        filled: how many seconds of silence were put where its clock leaves a gap.
    """

    def __init__(self, library: Any, container: Any, track: Any, path: Path, salvage: bool) -> None:
        self._salvage, self.lost, self.filled = salvage, 0, 0.0
        self._library, self._container, self._track, self._path = library, container, track, path
        self.form: str = container.format.name
        self.stores_floats: bool = track.codec_context.name.startswith("pcm_f")
        self._alone = self._together = None
        if self.form not in WITHOUT_LENGTH:
            self._alone = float(track.duration * track.time_base) if track.duration else None
            self._together = container.duration / 1e6 if container.duration else None
        self.seconds: float | None = self._alone or self._together
        self._reached = 0.0

    def frames(self) -> Iterator[Any]:
        """Decode it, from the beginning or from where it was entered."""
        # A container that declares only its whole length is complete where any of its tracks is that long.
        tracks = () if self._alone is None and self._together is not None else (self._track,)
        for packet in self._container.demux(*tracks):
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self._reached = max(self._reached, end)
            if packet.stream.index == self._track.index:
                yield from self._decoded(packet)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            frames: list[Any] = packet.decode()
            return frames
        except self._library.FFmpegError:
            if not self._salvage:
                raise
        self.lost += 1
        return []

    def enter(self, entry: float) -> bool:
        """Seek to a time of the container's clock, or a little before it; return whether that worked."""
        try:
            self._container.seek(int(entry / self._track.time_base), stream=self._track)
        except self._library.FFmpegError:
            return False
        return True

    def ended_early(self, seconds: float) -> bool:
        """Return whether a track of so many seconds ended before its declared end."""
        if self._alone is not None:
            early = seconds < self._alone - END_SECONDS
        else:
            early = self._together is not None and self._reached < self._together - END_SECONDS
        return early or is_cut(self._path)


@contextmanager
def open_track(path: Path, salvage: bool = False) -> Iterator[Track | None]:
    """Open a container and its best audio track; None where it has no track of any kind.

    With `salvage`, packets that cannot be decoded are passed over and counted.

    Raises:
        MissingMediaError: PyAV is not installed.
        DamagedError: as long as it is open, something in it cannot be read.
        AudioError: it is a video without sound, or coded in a way that is not known.
    """
    try:
        import av
    except ImportError as error:
        raise MissingMediaError("media", f"{path}: reading {path.suffix or 'it'}") from error
    try:
        with PatchedFile(path) as file, _opened(av, file) as container:
            track = _best(container, path)
            yield None if track is None else Track(av, container, track, path, salvage)
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise DamagedError(path, f"breaks off or is damaged ({reason})", "copy or export it again") from error


def _opened(library: Any, file: PatchedFile) -> Any:
    """Open a container; its titles and comments may be in any encoding, for they are not read."""
    return library.open(file, options={"format_whitelist": DEMUXERS}, metadata_errors="replace")


def _best(container: Any, path: Path) -> Any:
    track = container.streams.best("audio")
    if track is None and container.streams.video:
        raise AudioError(f"{path}: is a video without sound; give the recording that belongs to it")
    if track is not None and track.codec_context is None:
        raise AudioError(f"{path}: its sound is coded in a way that is not known here; convert it to WAV")
    if track is not None:
        track.codec_context.options = STRICT
    return track


def samples_of(frame: Any) -> Samples:
    """Return the samples of a decoded frame as (frames, channels) in [-1, 1]."""
    if frame.format.name in LONG_INTEGERS:
        import av

        (frame,) = av.AudioResampler(format="dbl").resample(frame)
    samples: npt.NDArray[Any] = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    converted: Samples = samples.astype(np.float32)
    if samples.dtype == np.uint8:
        converted = converted / np.float32(128) - np.float32(1)
    elif samples.dtype.kind == "i":
        converted /= np.float32(np.iinfo(samples.dtype).max + 1)
    return converted
