"""Recordings in containers that only PyAV writes and reads, made by its own encoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emofuse.types.arrays import Samples

av = pytest.importorskip("av", reason="the extra media is not installed")


@dataclass(frozen=True)
class Encoding:
    """One way to store sound.

    Attributes:
        lag: by how much, in seconds, the encoder delays the sound and pads its end, at most.
        told: whether the header tells the length.
        cut_tells: whether the file shows that its last 20 bytes are missing.
        half_tells: whether the file shows that half of it is missing.
    """

    suffix: str
    codec: str
    rate: int = 48_000
    channels: int = 1
    video: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    lag: float = 0.03
    told: bool = True
    cut_tells: bool = True
    half_tells: bool = True

    def __str__(self) -> str:
        return "-".join([self.suffix, self.codec, *([self.video] if self.video else []), *dict(self.options)])


ENCODINGS = (
    Encoding("m4a", "aac", 44_100, channels=2),
    Encoding("mp4", "aac", video="mpeg4"),
    Encoding("mp4", "aac", video="mpeg4", options=(("movflags", "faststart"),)),
    Encoding("mp4", "aac", options=(("movflags", "frag_every_frame+empty_moov"),)),
    Encoding("mov", "pcm_s16le", 16_000, channels=2, video="mpeg4"),
    Encoding("webm", "libopus", channels=2),
    Encoding("webm", "libopus", video="libvpx"),
    Encoding("webm", "libopus", options=(("live", "1"),), told=False, cut_tells=False, half_tells=False),
    Encoding("mkv", "flac", 16_000, video="mpeg4"),
    Encoding("wma", "wmav2", 44_100, channels=2, lag=0.1),
    Encoding("aac", "aac", 44_100, told=False, lag=0.06),
    Encoding("amr", "libopencore_amrnb", 8000, told=False),
    Encoding("3gp", "libopencore_amrnb", 8000),
    Encoding("avi", "libmp3lame", 44_100, video="mpeg4", lag=0.06),
    Encoding("caf", "alac", 44_100),
    Encoding("ac3", "ac3", channels=2, told=False, cut_tells=False, half_tells=False),
    Encoding("eac3", "eac3", told=False, cut_tells=False, half_tells=False),
    Encoding("wv", "wavpack", 44_100, channels=2),
    Encoding("tta", "tta", 44_100, cut_tells=False),
)
ALL = [pytest.param(encoding, id=str(encoding)) for encoding in ENCODINGS if encoding.codec in av.codecs_available]


def chirp(rate: int, seconds: float, channels: int = 1) -> Samples:
    """Return (frames, channels): a rising tone, quieter in each further channel."""
    time = np.arange(round(rate * seconds)) / rate
    tone = 0.4 * np.sin(2 * np.pi * (200 + 80 * time) * time)
    return np.stack([tone / (1 + channel) for channel in range(channels)], axis=1).astype(np.float32)


def encode(folder: Path, encoding: Encoding, sound: Samples, pause: tuple[float, float] | None = None) -> Path:
    """Write (frames, channels) to a file; between the seconds of `pause` no packet is written."""
    path = folder / f"a.{encoding.suffix}"
    with av.open(str(path), "w", options=dict(encoding.options)) as container:
        track = container.add_stream(encoding.codec, rate=encoding.rate)
        track.layout = {1: "mono", 2: "stereo"}[encoding.channels]
        if encoding.codec == "wmav2":
            track.bit_rate = 128_000
        film = None if encoding.video is None else container.add_stream(encoding.video, rate=10)
        if film is not None:
            film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
            for picture in _pictures(len(sound) / encoding.rate):
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
        for frame in [*_frames(track, encoding, sound), None]:
            for packet in track.encode(frame):
                if pause is None or not pause[0] <= packet.pts * packet.time_base < pause[1]:
                    container.mux(packet)
    return path


def video_without_sound(folder: Path) -> Path:
    """Write a second of grey."""
    path = folder / "a.mp4"
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=10)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        for picture in [*_pictures(1.0), None]:
            container.mux(film.encode(picture))
    return path


def _pictures(seconds: float) -> Iterator[Any]:
    for number in range(round(10 * seconds)):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 255, np.uint8), format="rgb24")
        picture.pts = number
        yield picture


def _frames(track: Any, encoding: Encoding, sound: Samples) -> Iterator[Any]:
    layout = track.layout.name
    resampler = av.AudioResampler(track.codec_context.format.name, layout, encoding.rate)
    size = track.codec_context.frame_size or 1024
    for start in range(0, len(sound), size):
        piece = np.ascontiguousarray(sound[start : start + size].T)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = encoding.rate, start, Fraction(1, encoding.rate)
        yield from resampler.resample(frame)
