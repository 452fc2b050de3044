"""The MP3 decoder is silent, and whatever else is written to stderr is kept."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import soundfile

from emofuse.sound.clips import read_clip
from emofuse.sound.libsndfile import MPEG, hushed


def test_damaged_mp3_is_read_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "damaged.mp3"
    soundfile.write(path, (0.1 * np.random.default_rng(0).normal(size=16_000)).astype(np.float32), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[:1500] + b"junk" * 200 + content[1500:])
    with soundfile.SoundFile(path) as file:
        file.read()
    assert "[src/libmpg123/" in capfd.readouterr().err  # so it speaks where nobody prevents it
    assert read_clip(path, strict=False).seconds > 0.5
    assert capfd.readouterr().err == ""


def test_what_other_threads_write_meanwhile_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    def decode() -> None:
        for _ in range(20):
            with hushed(MPEG):
                os.write(2, b"Note: Trying to resync...\n")

    threads = [Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(50):
        os.write(2, f"line {number}\n".encode())
    for thread in threads:
        thread.join()
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(f"line {number}" for number in range(50))


def test_without_stderr_it_decodes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: int) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    with hushed(MPEG):
        pass
