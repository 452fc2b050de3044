"""Layers of our own encoders over maps of frames and bins, in which padding does not count; and their base class.

A map is (batch, channels, time, bins), in memory with its channels last; its mask is (batch, time). Each layer
takes zeros where the mask is False and gives zeros there, so that what mixes time next finds nothing in padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from emofuse.model.masked_streams import mask_of_lengths

# Of how many channels a gate makes one to decide by, and at least how many of those it has.
SQUEEZED, NARROWEST = 8, 8


class ScratchModel(PreTrainedModel):
    """What our encoders share: torch's own initialisation is kept, and time may shrink."""

    def _init_weights(self, module: nn.Module) -> None:
        """Keep what the layers' own constructors drew."""

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        """Return how many frames come out of rows of these lengths; 0 stays 0."""
        return lengths


class MaskedBatchNorm2d(nn.Module):
    """Batch normalisation over the real cells of a batch; in evaluation by running figures."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)

    def forward(self, picture: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, channels, time, bins), whatever stands in its padding, to the same with zeros there.

        In training the real frames are packed side by side, normalised by torch's own layer, and put back.
        """
        if not self.training:
            return zero_padding_2d(self.norm(picture), mask)
        frames = picture.permute(0, 2, 3, 1).flatten(0, 1)  # a view, as channels are last
        real = mask.flatten().nonzero().squeeze(1)
        packed = frames.index_select(0, real).permute(2, 0, 1).unsqueeze(0)
        normalised = self._normalise(packed).squeeze(0).permute(1, 2, 0)
        whole = frames.new_zeros(frames.shape).index_copy_(0, real, normalised)
        return whole.unflatten(0, mask.shape).permute(0, 3, 1, 2)

    def _normalise(self, cells: Tensor) -> Tensor:
        """Normalise (1, channels, frames, bins); by running figures where there is no spread to be measured."""
        norm = self.norm
        if cells.shape[2] * cells.shape[3] > 1:
            return norm(cells)
        return nn.functional.batch_norm(
            cells, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )


class Gate(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): channels weighed by the mean of an utterance's real cells.

    Args:
        width: channels that go in and come out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = max(NARROWEST, width // SQUEEZED)
        self.squeeze = nn.Linear(width, narrow)
        self.excite = nn.Linear(narrow, width)

    def forward(self, picture: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, channels, time, bins), zero where masked, to the same shape."""
        count = mask.sum(dim=1, keepdim=True).clamp(min=1) * picture.shape[3]
        mean = picture.sum(dim=(2, 3), dtype=torch.float32) / count
        weight = self.excite(nn.functional.relu(self.squeeze(mean))).sigmoid()
        return picture * weight[:, :, None, None].to(picture.dtype)


def zero_padding_2d(picture: Tensor, mask: Tensor) -> Tensor:
    """Put zeros where the mask, (batch, time), is False."""
    return picture.masked_fill(~mask[:, None, :, None], 0.0)


def masked_average_pool(picture: Tensor, mask: Tensor) -> Tensor:
    """Average the real cells of each square of two frames and two bins; an odd end is averaged alone.

    (batch, channels, time, bins), zero where masked -> (batch, channels, time / 2, bins / 2), rounded up.
    """
    bins = picture.shape[3]
    real = mask[:, None, :, None].to(picture.dtype).expand(-1, -1, -1, bins)
    share = nn.functional.avg_pool2d(real, 2, ceil_mode=True)
    # Runtimes differ in whether cells beyond the end count: here they do in both or in neither. Padding is zero.
    return nn.functional.avg_pool2d(picture, 2, ceil_mode=True) / share.clamp(min=0.25)


def downsample_mask(mask: Tensor, steps: int) -> Tensor:
    """Return the mask that a stride of 2 leaves, (batch, steps): half the real frames, rounded up."""
    return mask_of_lengths((mask.sum(dim=1) + 1) // 2, steps)
