"""The interface between prediction and what computes: arrays in, logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emofuse.data.preparation import Batch, Outputs
from emofuse.types import Modality, Task
from emofuse.types.arrays import Float32Array


@dataclass(frozen=True)
class Traits:
    """The properties of a model that prediction needs.

    Attributes:
        name: of the model, as predictions carry it.
        task: labels and dimensions, in the order of the outputs.
        modalities: what the model takes.
        missing_modalities: whether it was trained with modality dropout, so that a modality may be missing.
    """

    name: str
    task: Task
    modalities: tuple[Modality, ...]
    missing_modalities: bool


class Runtime(Protocol):
    """Something that runs a model.

    Attributes:
        traits: of the model.
        padded_seconds: how much sound, padding included, it best computes at once; 0 where padding costs more
            than it saves, so that only equal lengths go together.
    """

    traits: Traits
    padded_seconds: float

    def __call__(self, batch: Batch) -> Outputs:
        """Map a batch to logits, dimensions and, where the model gives them, the vectors that it decides from."""

    def embed(self, batch: Batch) -> Float32Array:
        """Map a batch to the pooled vectors that the model decides from, (batch, width).

        Raises:
            CheckpointError: the model does not output them.
        """
