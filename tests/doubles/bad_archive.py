"""An archive as people have them: good recordings, and bad ones of twenty kinds, each of which must fail alone."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def _sound(seed: int, seconds: float = 0.3) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def _wav(path: Path, seed: int) -> bytes:
    soundfile.write(os.fsencode(path), _sound(seed), RATE, format="WAV")
    return path.read_bytes()


def _not_numbers(path: Path) -> None:
    soundfile.write(path, np.full(4000, np.nan, dtype=np.float32), RATE, "FLOAT")


def _silent(path: Path) -> None:
    soundfile.write(path, np.zeros(4000, dtype=np.float32), RATE)


def _no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0, dtype=np.float32), RATE)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _latin_name(path: Path) -> None:
    (path.parent / os.fsdecode(b"caf\xe9-" + os.fsencode(path.name))).write_bytes(b"")


def _long_name(path: Path) -> None:
    (path.parent / f"{path.stem}{'x' * (240 - len(path.stem))}.wav").write_bytes(b"RIFF")


def _cut(path: Path) -> None:
    path.write_bytes(_wav(path, 0)[:40])


def _random_codec(path: Path) -> None:
    body = (
        b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 0x7777, 1, RATE, RATE, 1, 8)
        + b"data"
        + struct.pack("<I", 4)
        + b"1234"
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


# How each kind comes about; the name of a file that is there afterwards may differ from the one asked for.
KINDS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "text": lambda path: path.write_text("this is no sound\n"),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "header": _cut,
    "codec": _random_codec,
    "silent": _silent,
    "samples": _no_samples,
    "nan": _not_numbers,
    "broken-link": lambda path: path.symlink_to("nowhere.wav"),
    "link-loop": _loop,
    "pipe": lambda path: os.mkfifo(path),
    "lfs": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    "web-page": lambda path: path.write_text("<!doctype html><title>404</title>"),
    "latin-name": _latin_name,
    "long-name": _long_name,
    "zip": lambda path: path.with_suffix(".m4a").write_bytes(b"PK\x03\x04" + bytes(400)),
    "flac": lambda path: path.with_suffix(".flac").write_bytes(b"fLaC" + bytes(60)),
    "ogg": lambda path: path.with_suffix(".ogg").write_bytes(b"OggS" + bytes(60)),
    "mp3": lambda path: path.with_suffix(".mp3").write_bytes(b"ID3\x04\x00" + bytes(900)),
}
# Good recordings whose names are trouble.
GOOD_NAMES = (
    b"caf\xe9.wav",
    "cafe\u0301.wav".encode(),
    "日本語.wav".encode(),
    b"a" * 240 + b".wav",
    b"two words.wav",
    b"=cmd.wav",
    b"line\nbreak.wav",
)


def make_bad_archive(folder: Path, good: int, of_each_kind: int) -> None:
    """Fill a folder with so many good recordings, and so many bad ones of each kind, mixed, in subfolders."""
    names = [*GOOD_NAMES, *(f"{number:04}.wav".encode() for number in range(good - len(GOOD_NAMES)))]
    for number, name in enumerate(names):
        place = folder / f"day{number % 5}"
        place.mkdir(parents=True, exist_ok=True)
        _wav(place / os.fsdecode(name), number)
    for number in range(of_each_kind):
        for place, (kind, make) in enumerate(KINDS.items()):
            make(folder / f"day{(place + number) % 5}" / f"bad-{number}-{kind}.wav")
    for hidden in (".git", "day0/.trash"):
        (folder / hidden).mkdir()
        _wav(folder / hidden / "hidden.wav", 0)
