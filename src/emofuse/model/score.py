"""Run a network over prepared batches: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from emofuse.data.prepare import Batch
from emofuse.model.batch import as_tensors
from emofuse.model.network import EmotionModel


def score_batches(model: EmotionModel, batches: Iterable[Batch]) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the logits of each batch, (batch, labels), with the network in evaluation mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            with torch.inference_mode():
                logits = model(**as_tensors(batch, device)).logits
            yield logits.float().cpu().numpy()
    finally:
        model.train(was_training)


def pick_device(wanted: str | None) -> str:
    """Return where to compute: where it is wanted, else on a GPU where there is one."""
    return wanted or ("cuda" if torch.cuda.is_available() else "cpu")
