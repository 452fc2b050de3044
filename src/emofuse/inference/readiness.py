"""Utterances made ready for a network: decoded, prepared, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emofuse.data.buckets import cost_of
from emofuse.data.preparation import Batch, Item, Preparation
from emofuse.errors import AudioError, EmofuseError, ModalityError
from emofuse.inference.runtime import Traits
from emofuse.inference.schedule import company
from emofuse.sound.clips import SAMPLE_RATE, Clip, read_clip, seconds_of
from emofuse.sound.streams import mono_blocks
from emofuse.types import Utterance

if TYPE_CHECKING:
    from emofuse.inference.timeline.options import TimelineOptions

R = TypeVar("R")
# Nobody speaks as one feels for so long: a recording of more seconds is no utterance.
LONGEST_UTTERANCE = 30.0


@dataclass(frozen=True)
class Ready:
    """An utterance that can be predicted.

    Attributes:
        item: what the network gets.
        cost: in seconds of sound, said or only written.
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
    """A recording that is too long to be one utterance; it is cut up later, when its turn comes."""

    utterance: Utterance
    cost: float
    seconds: float


@dataclass(frozen=True)
class LongRecordings:
    """What becomes of whole recordings that are too long to be one utterance: they are cut into segments.

    Attributes:
        seconds: that an utterance may last.
        options: how one is cut; None takes the defaults.
    """

    seconds: float = LONGEST_UTTERANCE
    options: Callable[[Utterance], TimelineOptions] | None = None

    def holds(self, utterance: Utterance) -> float | None:
        """Return the seconds of a recording that is too long; None of one that is not, and of a span.

        Raises:
            AudioError: the recording cannot be read.
        """
        if utterance.audio is None or utterance.start or utterance.end is not None:
            return None
        seconds = seconds_of(utterance.audio)
        if seconds is None:  # its header does not tell: it is heard until it is too long
            seconds = 0.0
            for block in mono_blocks(utterance.audio):
                seconds += len(block) / SAMPLE_RATE
                if seconds > self.seconds:
                    break
        return seconds if seconds > self.seconds else None


@dataclass(frozen=True)
class Readying:
    """Makes utterances ready for a model.

    Attributes:
        preparation: what turns recordings and words into arrays.
        traits: of the model.
        allow_missing: let a modality be missing even if the model was not trained for that.
        long: which recordings are no utterance; None takes any length.
    """

    preparation: Preparation
    traits: Traits
    allow_missing: bool = False
    long: LongRecordings | None = None

    def __call__(self, utterance: Utterance, clip: Clip | None = None) -> Ready | Refused | TooLong:
        """Prepare one utterance; `clip` is its sound, where it is decoded already."""
        try:
            if clip is None and self.preparation.audio and utterance.audio:
                seconds = self.long.holds(utterance) if self.long else None
                if seconds is not None:
                    return TooLong(utterance, seconds, seconds)
                rate = self.preparation.audio.rate
                clip = read_clip(utterance.audio, utterance.start, utterance.end, rate)
            item = self.preparation(clip, utterance.text)
            self._refuse_missing(utterance, item)
        except (AudioError, ModalityError) as error:
            return Refused(utterance, error)
        heard = clip.seconds if clip else None
        return Ready(utterance, item, cost_of(utterance, heard), heard or 0.0)

    def _refuse_missing(self, utterance: Utterance, item: Item) -> None:
        """Refuse an utterance that lacks a modality which the model needs."""
        traits = self.traits
        if not item.modalities:
            raise ModalityError(f"{utterance.id}: the model takes {' and '.join(traits.modalities)}; give it that")
        missing = [modality for modality in traits.modalities if modality not in item.modalities]
        if missing and not (traits.missing_modalities or self.allow_missing):
            raise ModalityError(
                f"{utterance.id}: has no {missing[0]}, and the model was not trained to do without; "
                "give it, or allow it with --allow-missing (allow_missing=True)"
            )


def run_together(
    compute: Callable[[Batch], Sequence[R]],
    ready: Sequence[Ready],
    preparation: Preparation,
    padded_seconds: float,
) -> list[R]:
    """Compute utterances in batches, and return what is said of each, in order.

    Args:
        compute: from a batch to one result a row.
        ready: the utterances.
        preparation: what puts them into a batch.
        padded_seconds: of a batch, where batches are padded; else 0.
    """
    rows: dict[int, R] = {}
    items, costs = [one.item for one in ready], [one.cost for one in ready]
    for positions in company(items, costs, padded_seconds):
        said = compute(preparation.collate([items[position] for position in positions]))
        rows.update(zip(positions, said, strict=True))
    return [rows[position] for position in range(len(ready))]
