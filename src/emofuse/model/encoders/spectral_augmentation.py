"""Changes to log-mel frames in training: a voice through another throat, room and microphone, with parts hidden.

Each draws from torch's own generator, one change for each utterance, and is nothing where its setting is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from emofuse.model.masked_streams import zero_padding

# How far, in natural logarithm of power, a noise floor may lie below an utterance's mean power.
FLOOR_BELOW = (9.5, 3.5)
# How unevenly noise is spread over the cells.
FLOOR_SPREAD = 0.5


@dataclass(frozen=True)
class SpectralAugmentation:
    """How far training may change the spectrum of an utterance.

    Attributes:
        warp: share by which the bins are spread or drawn together, the lowest in its place.
        shift: bins by which they move up or down.
        tilt: of each of gain, slope and bow over the bins, in natural logarithm of power.
        floor: share of the utterances that get a noise floor.
        bin_mask: bins that a hidden band has at most.
        time_mask: frames that a hidden stretch has at most.
        masks: how many of each are hidden.
    """

    warp: float = 0.0
    shift: float = 0.0
    tilt: float = 0.0
    floor: float = 0.0
    bin_mask: int = 0
    time_mask: int = 0
    masks: int = 0


def augment_spectrum(frames: Tensor, mask: Tensor, changes: SpectralAugmentation) -> Tensor:
    """Change each utterance at random: (batch, frames, bins) -> the same shape; padding has no part in it.

    Args:
        frames: log-mel power, natural logarithm.
        mask: (batch, frames), a prefix of each row.
        changes: how far.
    """
    frames = warp_bins(frames, changes.warp, changes.shift)
    frames = tilt_bins(frames, changes.tilt)
    frames = add_floor(frames, mask, changes.floor)
    return hide_parts(frames, mask, changes)


def warp_bins(frames: Tensor, warp: float, shift: float) -> Tensor:
    """Read each bin from beside itself, by linear interpolation; beyond the ends stands the last bin."""
    if not (warp or shift):
        return frames
    bins = torch.arange(frames.shape[2], device=frames.device, dtype=frames.dtype)
    stretch = 1.0 + _either_way(frames, warp)
    place = (stretch * (bins + 0.5) - 0.5 + _either_way(frames, shift)).clamp(0, len(bins) - 1)
    # (batch, from, to): how much of each bin goes into which.
    weight = (1.0 - (place.unsqueeze(1) - bins[:, None]).abs()).clamp(min=0)
    with torch.autocast(frames.device.type, enabled=False):  # a logarithm in half precision is a coarse one
        return torch.bmm(frames, weight)


def tilt_bins(frames: Tensor, tilt: float) -> Tensor:
    """Add a gain, a slope and a bow over the bins, each at most `tilt` up or down."""
    if not tilt:
        return frames
    height = torch.linspace(-1.0, 1.0, frames.shape[2], device=frames.device)
    curve = _either_way(frames, tilt) + _either_way(frames, tilt) * height
    curve = curve + _either_way(frames, tilt) * torch.cos(2 * math.pi * height)
    return frames + curve.unsqueeze(1)


def add_floor(frames: Tensor, mask: Tensor, share: float) -> Tensor:
    """Add the power of a noise that is alike in all cells to a share of the utterances."""
    if not share:
        return frames
    power = zero_padding(frames.exp(), mask).mean(dim=2).sum(dim=1, keepdim=True)
    loudness = (power / mask.sum(dim=1, keepdim=True).clamp(min=1)).clamp(min=1e-9).log()
    farthest, nearest = FLOOR_BELOW
    below = farthest + (nearest - farthest) * _chance(frames)
    level = torch.where(_chance(frames) < share, loudness - below, -torch.inf)
    return torch.logaddexp(frames, level.unsqueeze(2) + FLOOR_SPREAD * torch.randn_like(frames))


def hide_parts(frames: Tensor, mask: Tensor, changes: SpectralAugmentation) -> Tensor:
    """Put an utterance's mean over bands of bins and stretches of time (SpecAugment, Park et al. 2019)."""
    batch, time, bins = frames.shape
    lengths = mask.sum(dim=1)
    mean = zero_padding(frames, mask).mean(dim=2).sum(dim=1) / lengths.clamp(min=1)
    hidden = torch.zeros(batch, 1, 1, dtype=torch.bool, device=frames.device)
    for _ in range(changes.masks):
        band = random_stretch(batch, bins, changes.bin_mask, frames.device)
        stretch = random_stretch(batch, time, changes.time_mask, frames.device, lengths)
        hidden = hidden | band.unsqueeze(1) | stretch.unsqueeze(2)
    return torch.where(hidden, mean[:, None, None], frames)


def random_stretch(
    batch: int, length: int, widest: int, device: torch.device, lengths: Tensor | None = None
) -> Tensor:
    """Return (batch, length), True on one random stretch of at most `widest` steps in each row.

    A stretch is at most half as long as its row; where `lengths`, (batch,), are given, rows are that long.
    """
    room = torch.full((batch, 1), length, device=device) if lengths is None else lengths.unsqueeze(1)
    width = (torch.rand(batch, 1, device=device) * ((room // 2).clamp(max=widest) + 1)).floor()
    start = torch.rand(batch, 1, device=device) * (room - width)
    steps = torch.arange(length, device=device)
    return (steps >= start.floor()) & (steps < start.floor() + width)


def _chance(frames: Tensor) -> Tensor:
    """Draw a number from 0 to 1 for each utterance, (batch, 1)."""
    return torch.rand(frames.shape[0], 1, device=frames.device)


def _either_way(frames: Tensor, most: float) -> Tensor:
    """Draw a number from -most to most for each utterance, (batch, 1)."""
    return most * (2.0 * _chance(frames) - 1.0)
