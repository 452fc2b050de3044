"""A voice encoder trained from scratch: residual 2-D convolutions over log-mel frames.

Its inputs keep the shape and the changes of an utterance's spectrum, not its level. Padding is zero before every
layer that mixes time, and counts in no mean: an utterance gives the same frames alone and in any batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from emofuse.model.encoders.masked_layers import (
    Gate,
    MaskedBatchNorm2d,
    ScratchModel,
    downsample_mask,
    masked_average_pool,
)
from emofuse.model.encoders.spectral_augmentation import SpectralAugmentation, augment_spectrum
from emofuse.model.masked_streams import zero_padding

# The usual spread of natural-logarithm mel power around an utterance's mean.
SPREAD = 4.0
# Added to each bin's deviation, so that a bin that hardly moves is not blown up.
STILLNESS = 0.5


class VoiceCNNConfig(PreTrainedConfig):
    """Configuration of `VoiceCNN`.

    Attributes:
        bins: mel bins.
        widths: channels of each stage; each halves time and bins, the first one before its blocks.
        blocks: residual blocks of each stage.
        hidden_size: of the frames that come out.
        dropout: share of the channels that a block's branch loses in training.
        warp, shift, tilt, floor, bin_mask, time_mask, masks: changes in training (see `SpectralAugmentation`).
    """

    model_type = "emofuse-voice-cnn"

    bins: int = 64
    widths: list[int] | tuple[int, ...] = (16, 32, 64, 128)
    blocks: list[int] | tuple[int, ...] = (1, 1, 1, 1)
    hidden_size: int = 192
    dropout: float = 0.0
    warp: float = 0.06
    shift: float = 1.0
    tilt: float = 0.5
    floor: float = 0.3
    bin_mask: int = 6
    time_mask: int = 16
    masks: int = 2

    @property
    def changes(self) -> SpectralAugmentation:
        """What training does to the spectrum."""
        return SpectralAugmentation(
            self.warp, self.shift, self.tilt, self.floor, self.bin_mask, self.time_mask, self.masks
        )


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 with a gate over their channels, beside a way past them (He et al. 2016)."""

    def __init__(self, width_in: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.first_norm = MaskedBatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = MaskedBatchNorm2d(width)
        self.gate = Gate(width)
        self.dropout = nn.Dropout2d(dropout)
        changes = stride > 1 or width_in != width
        self.past = nn.Conv2d(width_in, width, 1, bias=False) if changes else None
        self.past_norm = MaskedBatchNorm2d(width) if changes else None

    def forward(self, picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, width_in, time, bins), zero where masked, to (batch, width, time, bins) and its mask."""
        mixed = self.first(picture)
        left = mask if self.stride == 1 else downsample_mask(mask, mixed.shape[2])
        mixed = nn.functional.relu(self.first_norm(mixed, left))
        mixed = self.dropout(self.gate(self.second_norm(self.second(mixed), left), left))
        if self.past is not None and self.past_norm is not None:
            picture = picture if self.stride == 1 else masked_average_pool(picture, mask)
            picture = self.past_norm(self.past(picture), left)
        return nn.functional.relu(mixed + picture), left


class VoiceCNN(ScratchModel):
    """Log-mel frames, around the utterance's mean and around each bin's, through 2-D residual convolutions."""

    config_class = VoiceCNNConfig
    main_input_name = "input_values"

    def __init__(self, config: VoiceCNNConfig) -> None:
        super().__init__(config)
        _refuse_unfit(config)
        self.stem = nn.Conv2d(2, config.widths[0], 5, stride=2, padding=2, bias=False)
        self.stem_norm = MaskedBatchNorm2d(config.widths[0])
        blocks, before, bins = [], config.widths[0], config.bins
        for stage, (width, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(count):
                blocks.append(ResidualBlock(before, width, 2 if stage and not block else 1, config.dropout))
                before = width
            bins = (bins + 1) // 2
        self.blocks = nn.ModuleList(blocks)
        self.projection = nn.Linear(before * bins, config.hidden_size, bias=False)
        self.projection_norm = MaskedBatchNorm2d(config.hidden_size)
        self.post_init()

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        """Return how many frames come out: half, rounded up, for each stage."""
        for _ in self.config.widths:
            lengths = (lengths + 1) // 2
        return lengths

    def forward(self, input_values: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Map (batch, frames, bins) and its mask to (batch, fewer frames, hidden_size), zero where masked."""
        mask = attention_mask.bool()
        if self.training:
            input_values = augment_spectrum(input_values, mask, self.config.changes)
        picture = self.stem(normalised_views(input_values, mask))
        mask = downsample_mask(mask, picture.shape[2])
        picture = nn.functional.relu(self.stem_norm(picture, mask))
        for block in self.blocks:
            picture, mask = block(picture, mask)
        projected = self.projection(picture.permute(0, 2, 3, 1).flatten(2))
        narrow = self.projection_norm(projected.transpose(1, 2).unsqueeze(3), mask)
        return BaseModelOutput(last_hidden_state=nn.functional.relu(narrow.squeeze(3).transpose(1, 2)))


def normalised_views(frames: Tensor, mask: Tensor) -> Tensor:
    """Put an utterance around its own mean, and each bin around its own: two channels, zero where masked.

    (batch, frames, bins) -> (batch, 2, frames, bins), in memory with the channels last. The level of a recording
    is in neither. The first keeps the shape of the spectrum; the second keeps only how each bin moves.
    """
    count = mask.sum(dim=1).clamp(min=1)[:, None, None]
    bin_mean = zero_padding(frames, mask).sum(dim=1, keepdim=True) / count
    moved = zero_padding(frames - bin_mean, mask)
    deviation = torch.sqrt(moved.square().sum(dim=1, keepdim=True) / count + 1e-8)
    shaped = zero_padding((frames - bin_mean.mean(dim=2, keepdim=True)) / SPREAD, mask)
    return torch.stack([shaped, moved / (deviation + STILLNESS)], dim=-1).permute(0, 3, 1, 2)


def _refuse_unfit(config: VoiceCNNConfig) -> None:
    """Refuse sizes of which no network can be made, and changes of the spectrum by less than nothing."""
    sizes = {"bins": config.bins, "hidden_size": config.hidden_size, "masks": config.masks + 1}
    for name, sequence in (("widths", config.widths), ("blocks", config.blocks)):
        if not isinstance(sequence, (list, tuple)) or not sequence:
            raise ValueError(f"{name}: give a list, one number for each stage")
        sizes |= {f"{name}[{position}]": size for position, size in enumerate(sequence)}
    wrong = [name for name, size in sizes.items() if not isinstance(size, int) or size < 1]
    for name in ("warp", "shift", "tilt", "floor", "dropout", "bin_mask", "time_mask"):
        value = getattr(config, name)
        if not isinstance(value, (int, float)) or value < 0:
            wrong.append(name)
    if wrong or len(config.widths) != len(config.blocks):
        raise ValueError(f"{', '.join(wrong) or 'widths and blocks'}: out of range for a voice CNN")
