"""Samples as the address of a WAV file that a page holds itself: without a name, without tags."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import soundfile

from emofuse.types.arrays import Samples


def wav_url(blocks: Iterable[Samples], rate: int) -> str:
    """Return consecutive blocks of mono samples in [-1, 1] as a data URL, 16 bits a sample."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format="WAV", subtype="PCM_16") as sound:
        for block in blocks:
            sound.write(block)
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
