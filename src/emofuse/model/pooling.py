"""From a stream to one vector per utterance, over its real frames only."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from emofuse.config import PoolingName
from emofuse.model.batch import Stream

# Keeps the square root's gradient finite where frames do not differ.
FLOOR = 1e-5


def masked_mean(stream: Stream) -> Tensor:
    """Average the real frames: (batch, time, width) -> (batch, width)."""
    weight = stream.mask.unsqueeze(-1).to(stream.frames.dtype)
    return (stream.frames * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def masked_statistics(stream: Stream) -> Tensor:
    """Concatenate mean and standard deviation of the real frames: (batch, time, width) -> (batch, 2 * width).

    Statistics pooling as in Snyder et al. (2017) and Krishna (2021); the deviation is the population's.
    """
    weight = stream.mask.unsqueeze(-1).to(stream.frames.dtype)
    count = weight.sum(dim=1).clamp(min=1)
    mean = (stream.frames * weight).sum(dim=1) / count
    squares = (stream.frames - mean.unsqueeze(1)).square() * weight
    return torch.cat([mean, torch.sqrt(squares.sum(dim=1) / count + FLOOR)], dim=-1)


POOLINGS: dict[PoolingName, Callable[[Stream], Tensor]] = {
    "statistics": masked_statistics,
    "mean": masked_mean,
}
# How many times wider than a frame the pooled vector is.
POOLED_WIDTH: dict[PoolingName, int] = {"statistics": 2, "mean": 1}
