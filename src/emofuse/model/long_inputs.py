"""Inputs longer than an encoder's own maximum: cut into windows as rows of the batch, and joined again in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def to_windows(values: Tensor, mask: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cut rows into windows of one width, the last one padded: (batch * windows, width, ...) and their mask.

    Args:
        values: (batch, time) or (batch, time, bins).
        mask: (batch, time).
        width: time steps of a window.
    """
    count = (values.shape[1] + width - 1) // width
    missing = count * width - values.shape[1]
    tail = (0, 0) * (values.dim() - 2)
    values = nn.functional.pad(values, (*tail, 0, missing))
    mask = nn.functional.pad(mask, (0, missing))
    rows = values.shape[0] * count
    return values.reshape(rows, width, *values.shape[2:]), mask.reshape(rows, width)


def from_windows(frames: Tensor, batch: int, steps: int) -> Tensor:
    """Join windows in time: (batch * windows, [layers,] time, width) -> (batch, [layers,] steps, width)."""
    parts = frames.unflatten(0, (batch, frames.shape[0] // batch))
    if frames.dim() == 4:
        parts = parts.transpose(1, 2)
    return parts.flatten(-3, -2)[..., :steps, :]


def window_width(steps: int, longest: int | None) -> int:
    """Return how wide windows are: all of the time steps where that is not too many.

    Written so that an exporter sees a function of the length, not one of two cases.
    """
    return steps if longest is None else torch.sym_min(steps, longest)
