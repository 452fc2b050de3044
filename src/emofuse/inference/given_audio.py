"""A recording as code has it: a path, bytes, an open file, or samples with their rate."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import soundfile

from emofuse.errors import AudioError

# What a recording without a path is called, in predictions and messages.
RECORDING = "recording"
# The shorter side of a two-dimensional array holds its channels, and no recording has more of them.
MOST_CHANNELS = 32
LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000
# How libsndfile stores samples of each type without changing them; it takes any length in W64.
SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
LINUX_DESCRIPTORS = Path("/proc/self/fd")


@runtime_checkable
class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self) -> bytes:
        """Return what is left of it."""


# Samples are (n,) or, with several channels, (n, channels) or (channels, n). A mapping is one of `transformers` or
# `datasets`: `array` (or `raw`) and `sampling_rate`, or `bytes`, or `path`.
GivenAudio = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | Readable | tuple[Any, int] | Mapping[str, Any]
)


@dataclass(frozen=True)
class OpenedAudio:
    """A recording that can be read.

    Attributes:
        path: of its file; None without a recording.
        in_memory: it was given without a path: the file is there only as long as it is used.
    """

    path: Path | None
    in_memory: bool = False


@contextmanager
def opened_audio(audio: GivenAudio | None) -> Iterator[OpenedAudio]:
    """Make a recording readable as a file, as long as the block runs.

    What has no path is read like any file, whatever its format. It lies in memory on Linux, and elsewhere in a
    temporary file that only its owner can read. Errors call it `recording`.

    Raises:
        AudioError: it is nothing that can be a recording.
    """
    plain = _unpacked(audio) if isinstance(audio, Mapping) else audio
    if plain is None or isinstance(plain, str | os.PathLike):
        yield OpenedAudio(None if plain is None else Path(plain))
        return
    with _written(_content(plain)) as path:
        try:
            yield OpenedAudio(path, in_memory=True)
        except AudioError as error:
            error.args = (str(error).replace(str(path), RECORDING),)
            raise


def _unpacked(audio: Mapping[str, Any]) -> Any:
    """Return what a mapping of `transformers` or `datasets` holds."""
    samples = next((audio[key] for key in ("array", "raw") if audio.get(key) is not None), None)
    if samples is not None and "sampling_rate" in audio:
        return samples, audio["sampling_rate"]
    whole = next((audio[key] for key in ("bytes", "path") if samples is None and audio.get(key) is not None), None)
    if whole is None:
        keys = ", ".join(map(str, audio)) or "nothing"
        raise AudioError(f"audio: give 'array' and 'sampling_rate', or 'bytes', or 'path'; the mapping has {keys}")
    return whole


def _content(audio: bytes | bytearray | memoryview | Readable | tuple[Any, int]) -> bytes:
    """Return the bytes of a file with the recording."""
    if isinstance(audio, bytes | bytearray | memoryview):
        return bytes(audio)
    if isinstance(audio, tuple) and len(audio) == 2:
        return _encoded(*audio)
    if isinstance(audio, Readable):
        content = audio.read()
        if not isinstance(content, bytes):
            raise AudioError(f"audio: the file gives {type(content).__name__}, not bytes; open it in binary mode")
        return content
    raise AudioError(
        f"audio: a {type(audio).__name__} is no recording; give a path, bytes, a file open in binary mode, or "
        "samples with their rate: (samples, rate)"
    )


def _encoded(samples: npt.ArrayLike, rate: object) -> bytes:
    """Return samples as the bytes of a file that holds them unchanged."""
    if np.ndim(samples) == 0:
        raise AudioError("audio: give the samples first and their rate second: (samples, rate)")
    frames, file = _frames(np.asarray(samples)), io.BytesIO()
    try:
        soundfile.write(file, frames, _checked_rate(rate), SUBTYPES[str(frames.dtype)], format="W64")
    except soundfile.SoundFileError as error:
        raise AudioError(f"audio: the samples cannot be used ({error})") from error
    return file.getvalue()


def _frames(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return samples as (frames, channels), in a type that libsndfile stores.

    Raises:
        AudioError: their type or their shape can be no sound.
    """
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.int16) - 128) * 256
    if samples.dtype == np.float16:
        samples = samples.astype(np.float32)
    if str(samples.dtype) not in SUBTYPES:
        raise AudioError(
            f"audio: samples of type {samples.dtype} have no known full scale; give floating-point numbers in "
            "[-1, 1], or int16 or int32"
        )
    if not samples.size:
        raise AudioError("audio: there are no samples")
    if samples.ndim == 1:
        return samples[:, None]
    channels = min(samples.shape)
    if samples.ndim != 2 or channels > MOST_CHANNELS or samples.shape[0] == samples.shape[1]:
        raise AudioError(
            f"audio: an array of shape {samples.shape} is no recording; give (samples,), (samples, channels) or "
            f"(channels, samples), with up to {MOST_CHANNELS} channels"
        )
    return samples if samples.shape[1] == channels else samples.T


def _checked_rate(rate: object) -> int:
    number = float(rate) if isinstance(rate, int | float | np.integer | np.floating) else 0.0
    if not (number.is_integer() and LOWEST_RATE <= number <= HIGHEST_RATE):
        raise AudioError(f"audio: the rate {rate!r} is none; give samples per second, such as 16000")
    return int(number)


@contextmanager
def _written(content: bytes) -> Iterator[Path]:
    """Write bytes where only this user can read them, in memory if possible, and remove them afterwards."""
    if sys.platform == "linux" and LINUX_DESCRIPTORS.is_dir():
        descriptor = os.memfd_create("emofuse")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            yield LINUX_DESCRIPTORS / str(descriptor)
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory(prefix="emofuse-") as folder:
        path = Path(folder) / RECORDING
        path.write_bytes(content)
        yield path
