"""An utterance to explain: read, prepared, and the positions of its sound and its words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emofuse.data.preparation import AudioPreparation, Item
from emofuse.errors import AudioError, ModalityError
from emofuse.inference.explain.explained_model import ExplainedModel
from emofuse.inference.explain.moments import count_moments, seconds_cut
from emofuse.inference.explain.word_spans import TokenizedText, tokenize_text
from emofuse.inference.ready import Ready, without_foreign_text
from emofuse.inference.utterance_stream import prepare_utterance
from emofuse.sound.clips import Clip, read_clip
from emofuse.types import Utterance

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
        notes: what of the utterance is not used, or of little use, one sentence each.
    """

    id: str
    audio: Path | None
    clip: Clip | None
    reading: TokenizedText | None
    item: Item
    start: float
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the recording is; 0 without."""
        return self.clip.seconds if self.clip else 0.0

    @property
    def moments(self) -> int:
        """How many moments it has; 0 without."""
        return count_moments(self.seconds) if self.clip else 0


def prepare_input(
    explained: ExplainedModel, audio: Path | None, text: str | None, language: str | None = None
) -> ExplainedInput:
    """Read and prepare an utterance as a prediction does; what the model does not take is not used.

    Args:
        explained: the model.
        audio: the recording.
        text: its transcript.
        language: ISO 639-1 code of the transcript; None where it is not known.

    Raises:
        AudioError: the recording cannot be used, or is too long for one utterance.
        ModalityError: there is neither a recording nor a text.
    """
    if audio is None and text is None:
        raise ModalityError("there is nothing to explain: give audio, text or both")
    preparation, needs_all = explained.preparation, not explained.runtime.traits.missing_modalities
    clip, start = None, 0.0
    if preparation.audio and audio is not None:
        clip = _clip(audio, preparation.audio)
        start = seconds_cut(clip.samples, preparation.audio)
    name = "text" if audio is None else audio.stem
    utterance = Utterance(name, audio=audio, text=text, language=language)
    ready = prepare_utterance(preparation, utterance, clip)
    ready = without_foreign_text(ready, explained.text_languages, needs_all)
    used = preparation.text if ready.item.ids is not None else None
    reading = tokenize_text(used, text) if used and text else None
    return ExplainedInput(name, audio, clip, reading, ready.item, start, _notes(ready, clip))


def _notes(ready: Ready, clip: Clip | None) -> tuple[str, ...]:
    notes = list(ready.notes)
    if ready.utterance.text and ready.item.ids is None and ready.text_unused is None:
        notes.append("the text was not used: the model takes no text, or the text has no words")
    if ready.utterance.audio is not None and clip is None:
        notes.append("the recording was not used: the model takes no audio")
    return tuple(notes)


def _clip(audio: Path, preparation: AudioPreparation) -> Clip:
    clip = read_clip(audio, rate=preparation.rate)
    if clip.seconds > LONGEST_SECONDS:
        raise AudioError(
            f"{audio}: {clip.seconds:.0f} s are too long for one utterance; cut it to {LONGEST_SECONDS:.0f} s"
        )
    return clip
