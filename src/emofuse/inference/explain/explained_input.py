"""An utterance to explain: read, prepared, and the positions of its sound and its words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emofuse.data.preparation import AudioPreparation, Item, Preparation
from emofuse.errors import AudioError, ModalityError
from emofuse.inference.explain.moments import count_moments, seconds_cut
from emofuse.inference.explain.word_spans import TokenizedText, tokenize_text
from emofuse.sound.clips import Clip, read_clip

# An explanation is of one utterance.
LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class ExplainedInput:
    """An utterance to explain, and the input of the network.

    Attributes:
        id: the name of its file.
        audio: the file; None without.
        clip: its sound; None if the model takes none.
        reading: its words; None if the model takes none, or there are none.
        item: the input of the network.
        start: seconds of the clip before the part that the network gets.
    """

    id: str
    audio: Path | None
    clip: Clip | None
    reading: TokenizedText | None
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


def prepare_input(preparation: Preparation, audio: Path | None, text: str | None) -> ExplainedInput:
    """Read and prepare an utterance; what the model does not take is not used.

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
    reading = tokenize_text(preparation.text, text) if preparation.text and text and item.ids is not None else None
    return ExplainedInput(audio.stem if audio is not None else "text", audio, clip, reading, item, start)


def _clip(audio: Path, preparation: AudioPreparation) -> Clip:
    clip = read_clip(audio, rate=preparation.rate)
    if clip.seconds > LONGEST_SECONDS:
        raise AudioError(
            f"{audio}: {clip.seconds:.0f} s are too long for one utterance; cut it to {LONGEST_SECONDS:.0f} s"
        )
    return clip
