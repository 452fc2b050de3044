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


def run_batches(model: EmotionModel, batches: Iterable[Mapping[str, npt.NDArray[Any]]]) -> Iterator[Outputs]:
    """Yield the outputs of the network for each batch of named arrays, in evaluation mode, without the vectors."""
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            yield compute_batch(model, batch)._replace(pooled=None)
    finally:
        model.train(was_training)


def compute_batch(model: EmotionModel, batch: Mapping[str, npt.NDArray[Any]]) -> Outputs:
    """Return the outputs of the network for a batch of named arrays, and the vectors that it decides from.

    The network must be in evaluation mode.
    """
    with torch.inference_mode():
        output = model(**as_tensors(batch, next(model.parameters()).device))
    dimensions = None if output.dimensions is None else output.dimensions.float().cpu().numpy()
    return Outputs(output.logits.float().cpu().numpy(), dimensions, output.pooled.float().cpu().numpy())


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
