"""An utterance as it is given to be explained: read, prepared, and where its sound and its words stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emofuse.data.preparation import AudioPreparation, Item, Preparation
from emofuse.errors import AudioError, ModalityError
from emofuse.inference.explain.moments import count_moments, seconds_cut
from emofuse.inference.explain.word_spans import Reading, read
from emofuse.sound.clips import Clip, read_clip

# An explanation is of one utterance.
LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Given:
    """An utterance as it was given, and as the model gets it.

    Attributes:
        id: the name of its file.
        audio: the file; None without.
        clip: its sound; None if the model takes none.
        reading: its words; None if the model takes none, or there are none.
        item: what the network gets.
        start: seconds of the clip before what the network hears.
    """

    id: str
    audio: Path | None
    clip: Clip | None
    reading: Reading | None
    item: Item
    start: float

    @property
    def seconds(self) -> float:
        """How long the recording is; 0 without."""
        return self.clip.seconds if self.clip else 0.0

    @property
    def moments(self) -> int:
        """How many moments it has; 0 without."""
        return count_moments(self.seconds) if self.clip else 0


def given_to(preparation: Preparation, audio: Path | None, text: str | None) -> Given:
    """Read and prepare an utterance; what the model does not take is left aside.

    Raises:
        AudioError: the recording cannot be used, or is too long for one utterance.
        ModalityError: there is neither a recording nor a text.
    """
    if audio is None and text is None:
        raise ModalityError("there is nothing to explain: give audio, text or both")
    clip, start = None, 0.0
    if preparation.audio and audio is not None:
        clip = _clip(audio, preparation.audio)
        start = seconds_cut(clip.samples, preparation.audio)
    item = preparation(clip, text)
    reading = read(preparation.text, text) if preparation.text and text and item.ids is not None else None
    return Given(audio.stem if audio is not None else "text", audio, clip, reading, item, start)


def _clip(audio: Path, preparation: AudioPreparation) -> Clip:
    clip = read_clip(audio, rate=preparation.rate)
    if clip.seconds > LONGEST_SECONDS:
        raise AudioError(
            f"{audio}: {clip.seconds:.0f} s are too long for one utterance; cut it to {LONGEST_SECONDS:.0f} s"
        )
    return clip
