"""What flows inside the network: streams of frames with their masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from emofuse.data.prepare import Batch


@dataclass(frozen=True)
class Stream:
    """Frames in time and where they are real.

    Attributes:
        frames: (batch, time, width), or (batch, layers, time, width) before a learnt layer mix.
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


def as_tensors(batch: Batch, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Return the arrays of a batch as tensors under the names that `EmotionModel.forward` takes."""
    return {
        "input_values": torch.from_numpy(batch.input_values).to(device),
        "audio_mask": torch.from_numpy(batch.audio_mask).to(device),
        "input_ids": torch.from_numpy(batch.input_ids).to(device),
        "text_mask": torch.from_numpy(batch.text_mask).to(device),
    }
