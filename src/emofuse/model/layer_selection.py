"""Which layers of an encoder are used: the last, one, or a trained mix of some or all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emofuse.config import Layers
from emofuse.errors import RecipeError
from emofuse.model.masked_streams import Stream


@dataclass(frozen=True)
class LayerSelection:
    """The layers that an encoder gives out.

    Index 0 is the embeddings, index n the output of layer n, as in `transformers`' `hidden_states`.

    Attributes:
        indices: of the layers; None for the last hidden state as the encoder gives it.
        mixed: how many are stacked for a trained mix; 0 where there is only one.
        deepest: index of the last layer that must be computed.
    """

    indices: tuple[int, ...] | None
    mixed: int
    deepest: int

    @property
    def count(self) -> int:
        """How many layers are given out."""
        return self.mixed or 1

    @classmethod
    def of(cls, layers: Layers, count: int) -> LayerSelection:
        """Select from an encoder with so many hidden states, its embeddings counted.

        Raises:
            RecipeError: the encoder has fewer layers.
        """
        if layers == "last":
            return cls(None, 0, count - 1)
        if layers == "weighted":
            return cls(tuple(range(count)), count, count - 1)
        # A list where a configuration was read from JSON.
        indices = (layers,) if isinstance(layers, int) else tuple(layers)
        if max(indices) >= count:
            raise RecipeError(
                f"layers: {max(indices)}, but the encoder has layers 0 (its embeddings) to {count - 1}"
            )
        return cls(indices, 0 if isinstance(layers, int) else len(indices), max(indices))

    def pick(self, states: Sequence[Tensor], last: Tensor) -> Tensor:
        """Return (batch, time, width), or (batch, layers, time, width) for a mix.

        Args:
            states: the hidden states, embeddings first, at least as far as the deepest.
            last: the last hidden state.
        """
        if self.indices is None:
            return last
        if self.mixed:
            return torch.stack([states[index] for index in self.indices], dim=1)
        return states[self.indices[0]]


class LayerMix(nn.Module):
    """A trained softmax-weighted sum over an encoder's layers (as in SUPERB)."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))

    def forward(self, stream: Stream) -> Stream:
        """Map (batch, layers, time, width) to (batch, time, width)."""
        shares = torch.softmax(self.weights, dim=0).unbind()
        first, *others = stream.frames.unbind(dim=1)
        mixed = first * shares[0]
        for frames, share in zip(others, shares[1:], strict=True):
            mixed = torch.addcmul(mixed, frames, share)
        return Stream(mixed, stream.mask)
