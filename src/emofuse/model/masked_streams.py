"""Streams of frames with their masks, as they flow inside the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class Stream:
    """Frames in time and where they are real.

    Attributes:
        frames: (batch, time, width), or (batch, layers, time, width) before a learned layer mix.
        mask: (batch, time), bool; a prefix of each row, all False where the modality is absent.
    """

    frames: Tensor
    mask: Tensor

    def zeroed(self) -> Stream:
        """Return the stream with zeros where it is not real: needed before whatever mixes time."""
        return Stream(zero_padding(self.frames, self.mask), self.mask)


@dataclass(frozen=True)
class Encoded:
    """What the heavy half of the network hands to the light half; None without such an encoder."""

    audio: Stream | None
    text: Stream | None


def zero_padding(frames: Tensor, mask: Tensor) -> Tensor:
    """Put zeros where the mask is False: (batch, time, width) and (batch, time) -> (batch, time, width)."""
    return frames.masked_fill(~mask.unsqueeze(-1), 0.0)


def at_least_one(mask: Tensor) -> Tensor:
    """Return a mask whose empty rows have their first step True, so that attention has something to see.

    What such a row gives is not used: its own mask stays all False.
    """
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return mask | (first & ~mask.any(dim=1, keepdim=True))


def mask_of_lengths(lengths: Tensor, steps: int) -> Tensor:
    """Turn lengths, (batch,), into a prefix mask, (batch, steps)."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def as_tensors(arrays: Mapping[str, npt.NDArray[Any]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Return named arrays as tensors; frames in half precision become single."""
    tensors = {name: torch.from_numpy(values).to(device) for name, values in arrays.items()}
    return {name: t.float() if t.dtype == torch.float16 else t for name, t in tensors.items()}
