"""From a stream to one vector per utterance, over its real frames only."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from emofuse.config import PoolingName
from emofuse.model.masked_streams import Stream, at_least_one

Pooling: TypeAlias = Callable[[Stream], Tensor]

# Keeps the square root's gradient finite where frames do not differ.
FLOOR = 1e-5
# Width of the hidden layer that scores frames.
ATTENTIVE_HIDDEN = 64


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


class LayerStatistics(nn.Module):
    """Mean and standard deviation of the real frames of every layer of an encoder, side by side: one vector.

    It has the shape of a stream of one frame, and is computed in the encoder's place where that is frozen.

    Args:
        layers: how many layers the encoder gives out.
        width: of its frames.
    """

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.width = 2 * layers * width

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, [layers,] time, width) to (batch, 1, 2 * layers * width); what is pooled already stays."""
        if stream.frames.shape[-1] == self.width:
            return stream
        frames = stream.frames
        if frames.dim() == 4:
            frames = frames.transpose(1, 2).flatten(2)
        pooled = masked_statistics(Stream(frames, stream.mask))
        return Stream(pooled.unsqueeze(1), stream.mask.any(dim=1, keepdim=True))


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation of the real frames, each channel weighed by scores that it learns for them.

    Attentive statistics pooling (Okabe et al. 2018), the scores of each channel its own (Desplanques et al. 2020).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, ATTENTIVE_HIDDEN)
        self.score = nn.Linear(ATTENTIVE_HIDDEN, width)

    def forward(self, stream: Stream) -> Tensor:
        """Map (batch, time, width) to (batch, 2 * width); a row without real frames is like a frame of zeros."""
        frames = stream.zeroed().frames.float()
        scores = self.score(torch.tanh(self.hidden(frames))).float()
        seen = at_least_one(stream.mask).unsqueeze(-1)
        weight = scores.masked_fill(~seen, -torch.inf).softmax(dim=1)
        mean = (frames * weight).sum(dim=1)
        variance = ((frames - mean.unsqueeze(1)).square() * weight).sum(dim=1)
        return torch.cat([mean, torch.sqrt(variance + FLOOR)], dim=-1)


# From the width of a stream to what pools it.
POOLINGS: dict[PoolingName, Callable[[int], Pooling]] = {
    "statistics": lambda width: masked_statistics,
    "mean": lambda width: masked_mean,
    "attentive": AttentiveStatistics,
    # Streams are vectors already, each of one frame.
    "layers": lambda width: masked_mean,
}
# How many times wider than a frame the pooled vector is.
POOLED_WIDTH: dict[PoolingName, int] = {"statistics": 2, "mean": 1, "attentive": 2, "layers": 1}


def build_pooling(name: PoolingName, width: int) -> Pooling:
    """Return what pools a stream of a width: a function, or a module where it learns."""
    return POOLINGS[name](width)


def layer_statistics(name: PoolingName, layers: int, width: int) -> LayerStatistics | None:
    """Return what pools an encoder of so many layers in place of a stream; None for a pooling of streams."""
    return LayerStatistics(layers, width) if name == "layers" else None


def for_two_streams(pooling: Pooling) -> tuple[Pooling, Pooling]:
    """Return a pooling for each of two streams, alike at first; one that learns is not shared."""
    return pooling, copy.deepcopy(pooling) if isinstance(pooling, nn.Module) else pooling
