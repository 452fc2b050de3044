"""A model folder run by torch."""

from __future__ import annotations

import os
from pathlib import Path

from emofuse.box import name_of
from emofuse.data.preparation import Batch, Outputs, Preparation
from emofuse.errors import CheckpointError
from emofuse.inference.runtime import Traits
from emofuse.model.batch_inference import compute_batch, pick_device, use_threads
from emofuse.model.checkpoint import Checkpoint, load_checkpoint
from emofuse.types.arrays import Float32Array

# Of how many shapes oneDNN keeps code, unless the environment says otherwise: by itself it keeps 1,024, and every
# clip has a length of its own, so that memory would grow with the archive.
KEPT_SHAPES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
# How much sound, padding included, a GPU computes at once.
GPU_SECONDS = 60.0


class TorchRuntime:
    """Runs a checkpoint on one device, in evaluation mode.

    Sets `ONEDNN_PRIMITIVE_CACHE_CAPACITY` in the environment, unless it is there: it counts for the whole process,
    if torch has not computed in it before.

    Args:
        checkpoint: the network and its preparation.
        name: as predictions carry it.
        device: "cpu", "cuda", ...; None takes a GPU where there is one.
        threads: how many compute at once on a processor; None takes what torch would, within the process's quota.
    """

    def __init__(
        self, checkpoint: Checkpoint, name: str, device: str | None = None, threads: int | None = None
    ) -> None:
        os.environ.setdefault(*KEPT_SHAPES)
        use_threads(threads)
        self.model = checkpoint.model.to(pick_device(device)).eval()
        self.preparation = checkpoint.preparation
        config = checkpoint.model.config
        self.padded_seconds = 0.0 if self.model.device.type == "cpu" else GPU_SECONDS
        self.traits = Traits(name, config.task, config.modalities, config.missing_modalities)

    def __call__(self, batch: Batch) -> Outputs:
        """Map a batch to logits, dimensions and pooled vectors."""
        return compute_batch(self.model.eval(), batch.arrays())

    def embed(self, batch: Batch) -> Float32Array:
        """Map a batch to the pooled vectors that the model decides from, (batch, width)."""
        pooled = self(batch).pooled
        if pooled is None:
            raise CheckpointError(f"{self.traits.name}: the network gives no pooled vectors; train it again")
        return pooled


def load_torch(
    folder: Path, device: str | None = None, threads: int | None = None
) -> tuple[TorchRuntime, Preparation]:
    """Read a model folder.

    Raises:
        CheckpointError: the folder is not a whole emofuse model.
    """
    checkpoint = load_checkpoint(folder)
    return TorchRuntime(checkpoint, name_of(folder), device, threads), checkpoint.preparation
