"""From the utterances of a fold's part to what a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.data.batching import cost_of, micro_batches
from emofuse.data.labels import label_shares
from emofuse.data.preparation import Item, Preparation, pad
from emofuse.data.text_sources import draw_transcript, transcripts_of
from emofuse.errors import AudioError
from emofuse.sound.clips import seconds_of
from emofuse.training.audio_cache import AudioCache
from emofuse.training.frozen_features import EncoderCost, FrozenFeatureSources
from emofuse.types import MODALITIES, Corpus, Modality, Skip, Task, Utterance
from emofuse.types.arrays import Float32Array, Float64Array, IntArray

# The target of an utterance without a label: it is scored, never trained on.
NO_LABEL = -1


@dataclass(frozen=True)
class InputReader:
    """Turns utterances into the inputs of a network: prepared values, or frames of frozen encoders.

    Attributes:
        preparation: of the network.
        store: cache of prepared audio.
        frozen: sources of the frames of frozen encoders; by default every encoder gets values.
        cost: counts the encoder forwards.
        keep: the modalities that the network gets; others are removed.
    """

    preparation: Preparation
    store: AudioCache
    frozen: FrozenFeatureSources = field(default_factory=FrozenFeatureSources)
    cost: EncoderCost = field(default_factory=EncoderCost)
    keep: tuple[Modality, ...] = MODALITIES

    def item(self, utterance: Utterance, copy: int = 0) -> Item:
        """Return the inputs of an utterance, uncropped; an altered copy of its audio if `copy` is not 0.

        Raises:
            AudioError: the network takes audio, and the recording cannot be used.
        """
        ids = self.preparation(None, utterance.text).ids if "text" in self.keep else None
        text = self.frozen.text(ids) if self.frozen.text is not None and ids is not None else ids
        if "audio" not in self.keep:
            return Item(None, text)
        if self.frozen.audio is not None:
            return Item(self.frozen.audio(utterance, self.store, copy), text)
        return Item(self.store(utterance, self.preparation.audio, copy) if self.preparation.audio else None, text)

    def collate(self, items: Sequence[Item]) -> dict[str, npt.NDArray[Any]]:
        """Pad items to one batch of named arrays, as `EmotionModel.forward` takes them."""
        values, ids = [item.values for item in items], [item.ids for item in items]
        audio, text, nothing = self.frozen.audio, self.frozen.text, [None] * len(items)
        raw = [Item(*pair) for pair in zip(nothing if audio else values, nothing if text else ids, strict=True)]
        self.cost.encoder_forwards += sum(len(item.modalities) for item in raw)
        arrays = self.preparation.collate(raw).arrays()
        if audio is not None:
            arrays["audio_frames"], arrays["audio_mask"] = _padded(values, audio.source.shape)
            del arrays["input_values"]
        if text is not None:
            arrays["text_frames"], arrays["text_mask"] = _padded(ids, text.source.shape)
            del arrays["input_ids"]
        return arrays

    def steps_per_second(self, values: npt.NDArray[Any], seconds: float) -> float:
        """Return how many time steps of an item's values make a second."""
        if self.frozen.audio is not None or self.preparation.audio is None:
            return len(values) / seconds
        return self.preparation.audio.steps_per_second


def _padded(rows: Sequence[npt.NDArray[Any] | None], tail: tuple[int, ...]) -> tuple[Any, Any]:
    """Pad frames, (time[, layers], width) each, to (batch[, layers], time, width), and return their mask."""
    half = all(row is None or row.dtype == np.float16 for row in rows)
    frames, mask = pad(rows, np.float16 if half else np.float32, 0, tail)
    return (frames if frames.ndim == 3 else frames.transpose(0, 2, 1, 3)), mask


@dataclass(frozen=True)
class PreparedPart:
    """A part of a fold, ready for a network: utterances, their targets, and the cost of each in seconds.

    Attributes:
        targets: (utterances,), the label's index, or `NO_LABEL`.
        shares: (utterances, labels), the target share of each label.
        dimensions: (utterances, dimensions), NaN where unknown.
        costs: (utterances,), seconds of sound.
        modalities: (utterances,), the modalities of each that the network gets.
    """

    utterances: tuple[Utterance, ...]
    targets: IntArray
    shares: Float32Array
    dimensions: Float32Array
    costs: Float64Array
    modalities: tuple[tuple[Modality, ...], ...]
    reader: InputReader

    def __len__(self) -> int:
        return len(self.utterances)

    def with_inputs(self) -> PreparedPart:
        """Return the utterances with at least one modality: the others would teach only a prior."""
        return self._at([position for position, modalities in enumerate(self.modalities) if modalities])

    def with_labels(self) -> PreparedPart:
        """Return the utterances that have a label: others can be drawn by none."""
        return self._at(np.flatnonzero(self.targets != NO_LABEL).tolist())

    def _at(self, kept: Sequence[int]) -> PreparedPart:
        return replace(
            self,
            utterances=tuple(self.utterances[position] for position in kept),
            targets=self.targets[list(kept)],
            shares=self.shares[list(kept)],
            dimensions=self.dimensions[list(kept)],
            costs=self.costs[list(kept)],
            modalities=tuple(self.modalities[position] for position in kept),
        )

    def of_pattern(self, modalities: tuple[Modality, ...]) -> PreparedPart:
        """Return the utterances of which the network gets exactly these modalities."""
        return self._at([position for position, present in enumerate(self.modalities) if present == modalities])

    def sample(self, most: int) -> PreparedPart:
        """Return so many utterances at most, evenly over the part."""
        return self._at(range(0, len(self), -(-len(self) // most) or 1))

    def only(self, modality: Modality) -> PreparedPart:
        """Return the utterances that have a modality, with the other one removed."""
        there = self._at([position for position, present in enumerate(self.modalities) if modality in present])
        reader = replace(self.reader, keep=(modality,))
        return replace(there, reader=reader, modalities=((modality,),) * len(there))

    def item(self, position: int, draws: np.random.Generator | None = None, copy: int = 0) -> Item:
        """Prepare one utterance, uncropped; with `draws`, one of its transcripts is drawn at random.

        A `copy` other than 0 is the number of an altered copy of its audio.
        """
        utterance = self.utterances[position]
        utterance = utterance if draws is None else draw_transcript(utterance, draws)
        return self.reader.item(utterance, copy)


def prepare_part(
    corpus: Corpus, task: Task, reader: InputReader, soft_labels: bool = False
) -> tuple[PreparedPart, list[Skip]]:
    """Read every utterance of a part once; those that cannot be read are left out, with a record.

    With `soft_labels`, the targets are the shares of the votes, where an utterance has any.
    """
    kept: list[Utterance] = []
    costs: list[float] = []
    present: list[tuple[Modality, ...]] = []
    skipped: list[Skip] = []
    for utterance in corpus:
        try:
            item = reader.item(utterance)
        except AudioError as error:
            skipped.append(Skip(utterance.id, str(error)))
            continue
        kept.append(utterance)
        present.append(item.modalities)
        costs.append(cost_of(utterance.text, seconds_in(utterance)))
    index = {label: number for number, label in enumerate(task.labels)}
    targets = np.array(
        [NO_LABEL if u.label is None else index.get(u.label, NO_LABEL) for u in kept], dtype=np.int64
    )
    shares = np.array([label_shares(u, task, soft_labels) for u in kept], dtype=np.float32)
    return PreparedPart(
        tuple(kept),
        targets,
        shares.reshape(-1, len(task.labels)),
        _dimensions(kept, task),
        np.array(costs),
        tuple(present),
        reader,
    ), skipped


def _dimensions(utterances: Sequence[Utterance], task: Task) -> Float32Array:
    rows = [[(u.dimensions or {}).get(name, np.nan) for name in task.dimensions] for u in utterances]
    return np.array(rows, dtype=np.float32).reshape(len(utterances), len(task.dimensions))


def seconds_in(utterance: Utterance) -> float | None:
    """Return the length of an utterance by its span or file header, in seconds; None if unknown."""
    if utterance.audio is None:
        return None
    try:
        whole = utterance.end if utterance.end is not None else seconds_of(utterance.audio)
    except AudioError:  # a text system does not need the recording
        return None
    return None if whole is None else max(0.0, whole - (utterance.start or 0.0))


def scoring_batches(
    part: PreparedPart, micro_seconds: float
) -> Iterator[tuple[list[int], dict[str, npt.NDArray[Any]]]]:
    """Yield every utterance once, whole, with its position, in batches of similar length."""
    for positions in micro_batches(part.costs.tolist(), range(len(part)), micro_seconds):
        yield positions, part.reader.collate([part.item(position) for position in positions])


def texts_in(utterances: Iterable[Utterance], mixed: bool = False) -> list[str]:
    """Return the texts of utterances that have one; with `mixed`, all transcripts of each utterance."""
    if mixed:
        return [text for u in utterances for text in transcripts_of(u).values() if text]
    return [u.text for u in utterances if u.text]
