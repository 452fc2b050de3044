"""Utterances on their way to a network: read and prepared, too long, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from emofuse.data.buckets import cost_of
from emofuse.data.preparation import Item, Preparation
from emofuse.errors import AudioError, EmofuseError
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip, seconds_of
from emofuse.sound.streams import mono_blocks
from emofuse.types import Prediction, Utterance

R_co = TypeVar("R_co", covariant=True)
# An emotion does not last so long: a recording of more seconds is not one utterance.
LONGEST_UTTERANCE_SECONDS = 30.0


@dataclass(frozen=True)
class LongRecordings:
    """What happens to recordings that are too long to be one utterance.

    Attributes:
        predict: predicts such a recording.
        seconds: the longest that an utterance may be.
    """

    predict: Callable[[Utterance], Prediction]
    seconds: float = LONGEST_UTTERANCE_SECONDS

    def seconds_over(self, utterance: Utterance) -> float | None:
        """Return the seconds of a recording that is too long; None for any other, and for a span of one.

        Raises:
            AudioError: the recording cannot be read.
        """
        if utterance.audio is None or utterance.start or utterance.end is not None:
            return None
        seconds = seconds_of(utterance.audio)
        if seconds is None:  # the header does not state it: decode until it is too long
            seconds = 0.0
            for block in mono_blocks(utterance.audio):
                seconds += len(block) / SAMPLE_RATE
                if seconds > self.seconds:
                    break
        return seconds if seconds > self.seconds else None


@dataclass(frozen=True)
class Ready:
    """An utterance that can be predicted.

    Attributes:
        item: the input of the network.
        cost: seconds of sound; of an utterance without sound, those that speaking its text would take.
        seconds: of sound.
    """

    utterance: Utterance
    item: Item
    cost: float
    seconds: float


@dataclass(frozen=True)
class Refused:
    """An utterance that cannot be predicted, and why; it costs nothing."""

    utterance: Utterance
    error: EmofuseError
    cost: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class TooLong:
    """A recording that is too long to be one utterance; `predict` is called when its turn comes."""

    utterance: Utterance
    seconds: float
    predict: Callable[[Utterance], Prediction]

    @property
    def cost(self) -> float:
        """Seconds of sound."""
        return self.seconds

    @property
    def error(self) -> EmofuseError:
        """Why it cannot be computed as one utterance."""
        return AudioError(f"{self.utterance.id}: {self.seconds:.0f} s are too long for one utterance")


@dataclass(frozen=True)
class Computed(Generic[R_co]):
    """An utterance, and what the network computed of it."""

    utterance: Utterance
    item: Item
    seconds: float
    row: R_co


def prepare_utterance(preparation: Preparation, utterance: Utterance, clip: Clip | None = None) -> Ready:
    """Read the sound of an utterance, unless `clip` is it, and prepare what the model takes.

    Raises:
        AudioError: the recording cannot be used.
    """
    if clip is None and preparation.audio and utterance.audio:
        clip = read_clip(utterance.audio, utterance.start, utterance.end, preparation.audio.rate)
    seconds = clip.seconds if clip else None
    return Ready(utterance, preparation(clip, utterance.text), cost_of(utterance, seconds), seconds or 0.0)
