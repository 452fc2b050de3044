"""A WAV file in a page holds the samples, all blocks of them."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from emofuse.sound.wav_url import wav_url


def test_blocks_make_one_file() -> None:
    blocks = [np.full(100, 0.25, dtype=np.float32), np.full(50, -0.5, dtype=np.float32)]
    kind, _, data = wav_url(blocks, 8000).partition(",")
    assert kind == "data:audio/wav;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
    assert rate == 8000
    np.testing.assert_allclose(samples, np.concatenate(blocks), atol=1e-4)
