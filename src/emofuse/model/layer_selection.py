"""Which layers of an encoder are used: the last, one, or a learned mix of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from emofuse.config import Layers
from emofuse.errors import RecipeError
from emofuse.model.masked_streams import Stream

# From all hidden states, embeddings first, and the last one to the selected layers.
LayerSelector: TypeAlias = Callable[[Sequence[Tensor], Tensor], Tensor]


def layer_selector(layers: Layers, count: int) -> LayerSelector:
    """Return a function of (all hidden states, last hidden state): the last, one by index, or all stacked.

    Index 0 is the embeddings, index n the output of layer n, as in `transformers`' `hidden_states`.

    Raises:
        RecipeError: the encoder has fewer than `layers` layers.
    """
    if layers == "last":
        return lambda states, last: last
    if layers == "weighted":
        return lambda states, last: torch.stack(list(states), dim=1)
    if int(layers) >= count:
        raise RecipeError(f"layers: {layers}, but the encoder has layers 0 (its embeddings) to {count - 1}")
    return lambda states, last: states[int(layers)]


class LayerMix(nn.Module):
    """A learned softmax-weighted sum over an encoder's layers (as in SUPERB)."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, layers, time, width) to (batch, time, width)."""
        share = torch.softmax(self.weights, dim=0).view(1, -1, 1, 1)
        return Stream((stream.frames * share).sum(dim=1), stream.mask)
