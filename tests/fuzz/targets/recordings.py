"""Recordings in the containers of libsndfile, which PyAV also tries: strictly, and as far as they decode."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from emofuse.sound.clips import read_clip, seconds_of

TONE = (0.3 * np.sin(0.2 * np.arange(800))).astype(np.float32)
FORMATS = (
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "GSM610"), ("RF64", "PCM_16"), ("W64", "PCM_16"),
    ("AIFF", "PCM_24"), ("AU", "ULAW"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"), ("CAF", "ALAC_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"),
)  # fmt: skip


def strict(data: bytes, folder: Path) -> None:
    (folder / "a.wav").write_bytes(data)
    read_clip(folder / "a.wav")


def damaged(data: bytes, folder: Path) -> None:
    (folder / "a.wav").write_bytes(data)
    seconds_of(folder / "a.wav")
    read_clip(folder / "a.wav", strict=False)


def seeds() -> list[bytes]:
    contents = []
    for form, subtype in FORMATS:
        file = io.BytesIO()
        soundfile.write(file, TONE, 8_000, subtype, format=form)
        contents.append(file.getvalue())
    return contents


READERS = [strict, damaged]
