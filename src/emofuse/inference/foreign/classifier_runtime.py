"""Runs a classifier or a regressor of others: samples or pieces in, logits or dimensions under our names out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from emofuse.data.preparation import Batch, Booleans, Outputs
from emofuse.errors import CheckpointError, OutputError, brief_message
from emofuse.evaluation.calibration import probabilities
from emofuse.inference.runtime import Traits
from emofuse.model.batch_inference import pick_device, use_threads
from emofuse.types.arrays import Float32Array, Float64Array, IntArray

# Shorter sound is filled up with silence: encoders cannot compute with less.
SHORTEST_SECONDS = 0.1
# What the outputs of a model are: one label of several, any number of labels at once, or dimensions.
OutputKind = Literal["one label", "several labels", "dimensions"]
Compute = Callable[[dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class SoundInput:
    """From samples to the input of an audio classifier.

    Attributes:
        extractor: the model's own feature extractor.
        rate: samples per second that it takes.
        longest: seconds that the model takes at once; None for any number.
    """

    extractor: Any
    rate: int
    longest: float | None

    def parts(self, samples: Float32Array) -> list[Float32Array]:
        """Cut sound into equal parts that the model takes, and fill up what is too short."""
        short = round(SHORTEST_SECONDS * self.rate) - len(samples)
        if short > 0:
            return [np.pad(samples, (0, short))]
        most = None if self.longest is None else round(self.longest * self.rate)
        return np.array_split(samples, 1 if most is None else -(-len(samples) // most))

    def __call__(self, samples: Float32Array) -> dict[str, Tensor]:
        """Return what the feature extractor makes of one part: named tensors of one row."""
        return dict(self.extractor(samples, sampling_rate=self.rate, return_tensors="pt"))


@dataclass(frozen=True)
class OutputNames:
    """What the numbers that a model computes are called here.

    Attributes:
        kind: of output.
        columns: for each name here, the numbers of the outputs that have it.
    """

    kind: OutputKind
    columns: list[list[int]]

    def merge(self, logits: Float64Array) -> Float64Array:
        """Return outputs under our names, (rows, names): labels of one name have the sum of probabilities."""
        together = np.logaddexp if self.kind == "one label" else np.maximum
        return np.stack([together.reduce(logits[:, numbers], axis=1) for numbers in self.columns], axis=1)

    def mean(self, logits: Float64Array) -> Float64Array:
        """Return the outputs for a whole from those of its equal parts, (parts, names): the mean probabilities."""
        if self.kind != "one label" or len(logits) == 1:
            return np.asarray(logits.mean(axis=0))
        return np.asarray(np.log(probabilities(logits).mean(axis=0).clip(min=np.finfo(np.float64).tiny)))


class ForeignRuntime:
    """Runs a network of others on one device, in evaluation mode; only equal lengths are computed together.

    Args:
        network: the network.
        sound: prepares its input; None for a network that takes text.
        outputs: what its outputs are called here.
        traits: name, labels and dimensions, and the modality that it takes.
        device: where it computes; None takes a GPU where there is one.
        threads: how many compute at once on a processor; None takes what torch would.
    """

    padded_seconds = 0.0

    def __init__(
        self,
        network: nn.Module,
        sound: SoundInput | None,
        outputs: OutputNames,
        traits: Traits,
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        use_threads(threads)
        self.network = network.to(pick_device(device)).eval()
        self.sound = sound
        self.outputs = outputs
        self.traits = traits

    def __call__(self, batch: Batch) -> Outputs:
        """Map a batch to logits or dimensions.

        Raises:
            OutputError: the network cannot compute with it.
        """
        logits = self._computed(batch, self._logits, self.outputs.mean)
        found = self.outputs.merge(logits).astype(np.float32)
        if self.outputs.kind == "dimensions":
            return Outputs(np.zeros((len(batch), 0), dtype=np.float32), found)
        return Outputs(found)

    def embed(self, batch: Batch) -> Float32Array:
        """Map a batch to the vectors that the last layer decides from, (batch, width); parts of sound averaged.

        Raises:
            CheckpointError: the network ends in no linear layer of a single vector.
            OutputError: the network cannot compute with the batch.
        """
        layers = [one for one in self.network.modules() if isinstance(one, nn.Linear)]
        taken: list[Tensor] = []
        with layers[-1].register_forward_pre_hook(lambda _, given: taken.append(given[0])):

            def vectors(inputs: dict[str, Tensor]) -> Tensor:
                self._logits(inputs)
                return taken[-1]

            found = self._computed(batch, vectors, lambda parts: np.asarray(parts.mean(axis=0)))
        if found.ndim != 2:
            raise CheckpointError(
                f"{self.traits.name}: decides from no single vector, so that there is none to give"
            )
        return found.astype(np.float32)

    def _logits(self, inputs: dict[str, Tensor]) -> Tensor:
        logits: Tensor = self.network(**inputs).logits
        return logits

    def _computed(
        self, batch: Batch, compute: Compute, mean: Callable[[Float64Array], Float64Array]
    ) -> Float64Array:
        """Return what is computed of each row, (batch, ...): of several parts, (parts, ...), their mean."""
        rows = np.zeros(0)
        try:
            for places, inputs in self._inputs(batch):
                parts = [self._on_device(compute, one) for one in inputs]
                merged = np.stack([mean(np.stack(row)) for row in zip(*parts, strict=True)])
                rows = np.zeros((len(batch), *merged.shape[1:])) if not rows.size else rows
                rows[places] = merged
        except (RuntimeError, ValueError, IndexError) as error:
            raise OutputError(f"the model fails on it ({brief_message(error)})") from error
        return rows

    def _on_device(self, compute: Compute, inputs: dict[str, Tensor]) -> Float64Array:
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            return compute({name: value.to(device) for name, value in inputs.items()}).double().cpu().numpy()

    def _inputs(self, batch: Batch) -> Iterator[tuple[IntArray, list[dict[str, Tensor]]]]:
        """Yield rows of equal length, and the inputs of the network for each of their parts."""
        if self.sound is None:
            for places, length in _equal(batch.text_mask):
                ids = torch.from_numpy(batch.input_ids[places, :length])
                yield places, [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}]
            return
        for places, length in _equal(batch.audio_mask):
            cut = [self.sound.parts(batch.input_values[place, :length]) for place in places]
            prepared = [[self.sound(part) for part in parts] for parts in zip(*cut, strict=True)]
            yield places, [{name: torch.cat([one[name] for one in rows]) for name in rows[0]} for rows in prepared]


def _equal(mask: Booleans) -> Iterator[tuple[IntArray, int]]:
    """Yield the rows of each length, and the length."""
    lengths = mask.sum(axis=1)
    for length in np.unique(lengths):
        yield np.flatnonzero(lengths == length), int(length)
