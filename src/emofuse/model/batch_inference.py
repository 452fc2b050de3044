"""Run a network over prepared batches: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
import torch

from emofuse.data.preparation import Outputs
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.threads import usable_processors
from emofuse.types.arrays import Float32Array


def run_batches(model: EmotionModel, batches: Iterable[Mapping[str, npt.NDArray[Any]]]) -> Iterator[Outputs]:
    """Yield the outputs of the network for each batch of named arrays, in evaluation mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            with torch.inference_mode():
                output = model(**as_tensors(batch, device))
            dimensions = None if output.dimensions is None else output.dimensions.float().cpu().numpy()
            yield Outputs(output.logits.float().cpu().numpy(), dimensions)
    finally:
        model.train(was_training)


def pool_batch(model: EmotionModel, batch: Mapping[str, npt.NDArray[Any]]) -> Float32Array:
    """Return the vectors that the network decides from, (batch, width), of a batch of named arrays.

    The network must be in evaluation mode.
    """
    with torch.inference_mode():
        output = model(**as_tensors(batch, next(model.parameters()).device))
    values: Float32Array = output.pooled.float().cpu().numpy()
    return values


def pick_device(wanted: str | None) -> str:
    """Return where to compute: where it is wanted, else on a GPU where there is one."""
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Let at most so many threads compute at once on a processor meanwhile, in this whole process.

    Where torch would take fewer by itself, as many as the machine has real cores, it does.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, threads)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_threads(count: int | None) -> None:
    """Let so many threads compute at once on a processor, in this whole process.

    None takes what torch would, within the quota of the process.
    """
    torch.set_num_threads(count or min(torch.get_num_threads(), usable_processors()))
