"""From utterances to prepared batches: read once, kept while memory allows, cropped and thinned for training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emofuse.config import Recipe
from emofuse.data.audio import read_clip, seconds_of
from emofuse.data.buckets import cost_of, micro_batches
from emofuse.data.labels import label_shares
from emofuse.data.prepare import AudioPreparation, Batch, Floats, Item, Preparation
from emofuse.data.sources import drawn, transcripts_of
from emofuse.errors import AudioError
from emofuse.types import Corpus, Skip, Task, Utterance

MEMORY_LIMIT = 2 << 30
# What stands for the label of an utterance that has none: such a one is scored, never learnt from.
NO_LABEL = -1


class AudioStore:
    """Prepared audio by its file and span; the least used go when `limit` bytes are reached.

    Shared by the jobs of a cross-validation, so that a clip is decoded once for all folds, seeds and systems.
    """

    def __init__(self, limit: int = MEMORY_LIMIT) -> None:
        self._limit = limit
        self._held: OrderedDict[tuple[Path, float | None, float | None, AudioPreparation], Floats] = OrderedDict()
        self._bytes = 0

    def __call__(self, utterance: Utterance, preparation: AudioPreparation) -> Floats | None:
        """Return what the encoder takes of an utterance; None where it has no audio.

        Raises:
            AudioError: the recording cannot be used.
        """
        if utterance.audio is None:
            return None
        key = (utterance.audio, utterance.start, utterance.end, preparation)
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        values = preparation(read_clip(utterance.audio, utterance.start, utterance.end, preparation.rate))
        self._held[key] = values
        self._bytes += values.nbytes
        while self._bytes > self._limit:
            self._bytes -= self._held.popitem(last=False)[1].nbytes
        return values


@dataclass(frozen=True)
class Part:
    """A part of a fold, ready to be read: utterances, their targets, and what each costs in seconds.

    Attributes:
        targets: (utterances,), the label's index, or `NO_LABEL`.
        shares: (utterances, labels), the share of each label to learn from.
        dimensions: (utterances, dimensions), NaN where the corpus does not tell.
        costs: (utterances,), seconds of sound.
        present: (utterances,), bool, whether the network gets any modality of it.
    """

    utterances: tuple[Utterance, ...]
    targets: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float32]
    dimensions: npt.NDArray[np.float32]
    costs: npt.NDArray[np.float64]
    present: npt.NDArray[np.bool_]
    preparation: Preparation
    store: AudioStore

    def __len__(self) -> int:
        return len(self.utterances)

    def to_learn_from(self) -> Part:
        """Return the utterances of which the network gets something: the others teach it nothing but a prior."""
        kept = np.flatnonzero(self.present)
        return replace(
            self,
            utterances=tuple(self.utterances[position] for position in kept),
            targets=self.targets[kept],
            shares=self.shares[kept],
            dimensions=self.dimensions[kept],
            costs=self.costs[kept],
            present=self.present[kept],
        )

    def item(self, position: int, draws: np.random.Generator | None = None) -> Item:
        """Prepare one utterance, whole; one of its transcripts is drawn where there is something to draw with."""
        utterance = self.utterances[position]
        utterance = utterance if draws is None else drawn(utterance, draws)
        return prepare_item(utterance, self.preparation, self.store)


def load_part(
    corpus: Corpus, task: Task, preparation: Preparation, store: AudioStore, soft_labels: bool = False
) -> tuple[Part, list[Skip]]:
    """Read every utterance of a part once; those that cannot be read are left out, with a record.

    With `soft_labels`, the shares to learn from are those of the votes, where an utterance has any.
    """
    kept: list[Utterance] = []
    costs: list[float] = []
    present: list[bool] = []
    skipped: list[Skip] = []
    for utterance in corpus:
        try:
            item = prepare_item(utterance, preparation, store)
        except AudioError as error:
            skipped.append(Skip(utterance.id, str(error)))
            continue
        kept.append(utterance)
        present.append(bool(item.modalities))
        costs.append(cost_of(utterance, _seconds(utterance)))
    index = {label: number for number, label in enumerate(task.labels)}
    targets = np.array([index.get(str(u.label), NO_LABEL) for u in kept], dtype=np.int64)
    shares = np.array([label_shares(u, task, soft_labels) for u in kept], dtype=np.float32)
    return Part(
        tuple(kept),
        targets,
        shares.reshape(-1, len(task.labels)),
        _dimensions(kept, task),
        np.array(costs),
        np.array(present, dtype=np.bool_),
        preparation,
        store,
    ), skipped


def _dimensions(utterances: Sequence[Utterance], task: Task) -> npt.NDArray[np.float32]:
    rows = [[(u.dimensions or {}).get(name, np.nan) for name in task.dimensions] for u in utterances]
    return np.array(rows, dtype=np.float32).reshape(len(utterances), len(task.dimensions))


def prepare_item(utterance: Utterance, preparation: Preparation, store: AudioStore) -> Item:
    """Prepare what a network takes of an utterance.

    Raises:
        AudioError: the network hears, and the recording cannot be used.
    """
    values = store(utterance, preparation.audio) if preparation.audio else None
    return Item(values, preparation(None, utterance.text).ids)


def _seconds(utterance: Utterance) -> float | None:
    """Return how long an utterance is as span or header tell it, whether the system hears it or not."""
    if utterance.audio is None:
        return None
    try:
        whole = utterance.end if utterance.end is not None else seconds_of(utterance.audio)
    except AudioError:  # a system that only reads is not stopped by what it does not hear
        return None
    return None if whole is None else max(0.0, whole - (utterance.start or 0.0))


def training_batch(part: Part, positions: Sequence[int], recipe: Recipe, rng: np.random.Generator) -> Batch:
    """Prepare utterances for a training step: crops, dropped modalities and mixed transcripts, all at random."""
    mixed = recipe.text.source == "mixed"
    items = [part.item(p, rng if mixed else None) for p in positions]
    items = [_thinned(_cropped(item, part.preparation, recipe, rng), recipe, rng) for item in items]
    return part.preparation.collate(items)


def scoring_batches(part: Part, micro_seconds: float) -> Iterator[tuple[list[int], Batch]]:
    """Yield every utterance once, whole, with its position, in batches of similar length."""
    for positions in micro_batches(part.costs.tolist(), range(len(part)), micro_seconds):
        yield positions, part.preparation.collate([part.item(position) for position in positions])


def texts_of(utterances: Iterable[Utterance], mixed: bool = False) -> list[str]:
    """Return the texts that there are; with `mixed`, all transcripts of each utterance."""
    if mixed:
        return [text for u in utterances for text in transcripts_of(u).values() if text]
    return [u.text for u in utterances if u.text]


def _cropped(item: Item, preparation: Preparation, recipe: Recipe, rng: np.random.Generator) -> Item:
    values, ids = item.values, item.ids
    if values is not None and preparation.audio is not None and recipe.audio.max_seconds is not None:
        longest = round(recipe.audio.max_seconds * preparation.audio.steps_per_second)
        start = int(rng.integers(0, max(1, len(values) - longest + 1)))
        values = values[start : start + longest]
    if ids is not None and recipe.text.max_tokens is not None:
        ids = ids[: recipe.text.max_tokens]
    return Item(values, ids)


def _thinned(item: Item, recipe: Recipe, rng: np.random.Generator) -> Item:
    """Take a modality away at the recipe's rates, never the only one."""
    if item.values is None or item.ids is None:
        return item
    draw, dropped = rng.random(), recipe.training.modality_dropout
    if draw < dropped.audio:
        return Item(None, item.ids)
    return Item(item.values, None) if draw < dropped.audio + dropped.text else item
