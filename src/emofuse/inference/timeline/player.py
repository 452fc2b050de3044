"""The recording on a page: the file itself, a link to it, or its samples alone."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from emofuse.errors import AudioError
from emofuse.inference.timeline.text_fields import MEDIA_TYPES
from emofuse.sound.clips import SAMPLE_RATE
from emofuse.sound.recordings import Salvage
from emofuse.sound.streams import mono_blocks
from emofuse.sound.wav_url import wav_url

# A larger recording is linked instead of embedded.
LARGEST_EMBEDDED_BYTES = 20 * 2**20
SAMPLE_BYTES = 2


@dataclass(frozen=True)
class Player:
    """The source of the player: a link to the recording, or the recording itself as a data URL."""

    source: str
    linked: bool


def recording_player(audio: Path, folder: Path = Path(), limit: int = LARGEST_EMBEDDED_BYTES) -> Player:
    """Return the player of a recording: embedded, or linked where it is large.

    Args:
        audio: the recording.
        folder: where the page will be saved; a large recording is linked relative to it.
        limit: the largest recording, in bytes, that is embedded.

    Raises:
        AudioError: the recording cannot be read.
    """
    try:
        if audio.stat().st_size <= limit:
            return Player(_embedded(audio), linked=False)
    except OSError as error:
        raise AudioError(f"{audio}: cannot be opened ({error.strerror}), and the page plays it") from error
    return Player(_link(audio, folder), linked=True)


def nameless_player(audio: Path, seconds: float, limit: int = LARGEST_EMBEDDED_BYTES) -> Player | None:
    """Return the player of a recording's samples alone: no name, no tags; None where they would be too large.

    Raises:
        AudioError: the recording cannot be read.
    """
    if seconds * SAMPLE_RATE * SAMPLE_BYTES > limit:
        return None
    return Player(wav_url(mono_blocks(audio, salvage=Salvage()), SAMPLE_RATE), linked=False)


def _embedded(audio: Path) -> str:
    kind = MEDIA_TYPES.get(audio.suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(audio.read_bytes()).decode()}"


def _link(audio: Path, folder: Path) -> str:
    relative = Path(os.path.relpath(audio.resolve(), folder.resolve()))
    return quote(os.fsencode(relative.as_posix()))
