"""The seam between the recogniser and whatever computes: arrays in, logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from emofuse.data.prepare import Batch
from emofuse.types import Modality, Task


@dataclass(frozen=True)
class Traits:
    """What a recogniser must know of a model.

    Attributes:
        name: of the model, as predictions carry it.
        task: the labels in the order of the logits.
        modalities: what the model takes.
        missing_modalities: whether it was trained with modalities taken away, so that one may be missing.
    """

    name: str
    task: Task
    modalities: tuple[Modality, ...]
    missing_modalities: bool


class Runtime(Protocol):
    """Something that runs a model."""

    traits: Traits

    def __call__(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Map a batch to logits, (batch, labels)."""
