"""Our own small encoders, trained from scratch: log-mel CNN, raw-waveform CNN, word CNN; and all of them by name.

They are ordinary `transformers` models with an own `model_type`, configured, saved and loaded like all others.
Each normalises frame by frame or over the real frames only, and zeros padding before it mixes time: an utterance
gives the same frames alone and in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from emofuse.model.encoders.masked_layers import ScratchModel
from emofuse.model.encoders.spectral_augmentation import random_stretch
from emofuse.model.encoders.voice_cnn import VoiceCNN, VoiceCNNConfig
from emofuse.model.masked_streams import mask_of_lengths, zero_padding

# Typical mean and spread of natural-logarithm mel power of speech, to bring it near unit scale.
LOG_MEL_MEAN, LOG_MEL_SPREAD = -7.0, 4.0


class LogMelCNNConfig(PreTrainedConfig):
    """Configuration of `LogMelCNN`: mel bins, channels of each block, strides in time."""

    model_type = "emofuse-log-mel-cnn"

    bins: int = 64
    hidden_size: int = 128
    strides: list[int] | tuple[int, ...] = (2, 2, 1)
    kernel: int = 5
    dropout: float = 0.1
    time_mask: int = 0
    bin_mask: int = 0


class WaveformCNNConfig(PreTrainedConfig):
    """Configuration of `WaveformCNN`: kernel and stride of each convolution over the raw waveform."""

    model_type = "emofuse-waveform-cnn"

    hidden_size: int = 128
    conv_kernel: list[int] | tuple[int, ...] = (10, 8, 4, 4, 4)
    conv_stride: list[int] | tuple[int, ...] = (5, 4, 4, 2, 2)
    dropout: float = 0.1


class WordCNNConfig(PreTrainedConfig):
    """Configuration of `WordCNN`: embeddings and residual convolutions over pieces."""

    model_type = "emofuse-word-cnn"

    vocab_size: int = 4000
    hidden_size: int = 128
    layers: int = 1
    kernel: int = 3
    dropout: float = 0.2
    piece_dropout: float = 0.0
    pad_token_id: int | None = 0


class MaskedBatchNorm(nn.Module):
    """Batch normalisation over the real frames of a batch; in evaluation by running figures, frame by frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape; in training, padding becomes zero."""
        if not self.training:
            return self.norm(frames.flatten(0, 1)).view_as(frames)
        if mask.sum() < 2:  # one frame has no spread to normalise by
            return frames
        normalised = torch.zeros_like(frames)
        normalised[mask] = self.norm(frames[mask])
        return normalised


class Block(nn.Module):
    """Convolution over time, batch normalisation, GELU; residual where the shape stays."""

    def __init__(self, width_in: int, width: int, kernel: int, stride: int, dropout: float) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel}: must be odd, so that frames stay where they are")
        self.stride = stride
        self.convolution = nn.Conv1d(width_in, width, kernel, stride=stride, padding=kernel // 2)
        self.norm = MaskedBatchNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.residual = stride == 1 and width_in == width

    def forward(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, time, width_in) and its mask to (batch, shorter time, width) and its mask."""
        mixed = self.convolution(zero_padding(frames, mask).transpose(1, 2)).transpose(1, 2)
        left = mask_of_lengths((mask.sum(dim=1) + self.stride - 1) // self.stride, mixed.shape[1])
        active = self.dropout(nn.functional.gelu(self.norm(mixed, left)))
        return (frames + active if self.residual else active), left


class LogMelCNN(ScratchModel):
    """Log-mel frames, plain and normalised per utterance, through strided residual convolutions."""

    config_class = LogMelCNNConfig
    main_input_name = "input_values"

    def __init__(self, config: LogMelCNNConfig) -> None:
        super().__init__(config)
        widths = [2 * config.bins] + [config.hidden_size] * len(config.strides)
        self.blocks = nn.ModuleList(
            Block(before, after, config.kernel, stride, config.dropout)
            for before, after, stride in zip(widths, widths[1:], config.strides, strict=False)
        )
        self.post_init()

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        """Return how many frames come out: half, rounded up, for each stride of 2."""
        for stride in self.config.strides:
            lengths = (lengths + stride - 1) // stride
        return lengths

    def forward(self, input_values: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Map (batch, frames, bins) and its mask to (batch, fewer frames, hidden_size)."""
        scaled = (input_values - LOG_MEL_MEAN) / LOG_MEL_SPREAD
        frames = torch.cat([scaled, normalise_over_time(scaled, attention_mask)], dim=-1)
        if self.training:
            frames = spec_augment(frames, self.config.time_mask, self.config.bin_mask, self.config.bins)
        mask = attention_mask
        for block in self.blocks:
            frames, mask = block(frames, mask)
        return BaseModelOutput(last_hidden_state=frames)


class WaveformCNN(ScratchModel):
    """The raw waveform through strided convolutions without padding, normalised per frame."""

    config_class = WaveformCNNConfig
    main_input_name = "input_values"

    def __init__(self, config: WaveformCNNConfig) -> None:
        super().__init__(config)
        widths = [1] + [config.hidden_size] * len(config.conv_kernel)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel, stride=stride)
            for before, after, kernel, stride in zip(
                widths, widths[1:], config.conv_kernel, config.conv_stride, strict=False
            )
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.hidden_size) for _ in config.conv_kernel)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        """Return how many frames come out of rows of samples at least as long as the receptive field."""
        return convolved_lengths(lengths, self.config.conv_kernel, self.config.conv_stride)

    def forward(self, input_values: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Map (batch, samples) to (batch, frames, hidden_size); a real frame never sees padding."""
        frames = input_values.unsqueeze(-1)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            frames = convolution(frames.transpose(1, 2)).transpose(1, 2)
            frames = self.dropout(nn.functional.gelu(norm(frames)))
        return BaseModelOutput(last_hidden_state=frames)


class WordCNN(ScratchModel):
    """Embeddings and residual convolutions over pieces."""

    config_class = WordCNNConfig
    main_input_name = "input_ids"

    def __init__(self, config: WordCNNConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            Block(config.hidden_size, config.hidden_size, config.kernel, 1, config.dropout)
            for _ in range(config.layers)
        )
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the embedding of the pieces."""
        return self.embeddings

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Map (batch, pieces) to (batch, pieces, hidden_size)."""
        frames = self.embeddings(input_ids)
        if self.training and self.config.piece_dropout:
            kept = torch.rand(input_ids.shape, device=frames.device) >= self.config.piece_dropout
            frames = frames * kept.unsqueeze(-1)
        frames = self.dropout(frames)
        for block in self.blocks:
            frames, _ = block(frames, attention_mask.bool())
        return BaseModelOutput(last_hidden_state=frames)


def normalise_over_time(frames: Tensor, mask: Tensor) -> Tensor:
    """Bring each bin of each utterance to mean 0 and variance 1 over its real frames."""
    weight = mask.unsqueeze(-1).to(frames.dtype)
    count = weight.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (frames * weight).sum(dim=1, keepdim=True) / count
    variance = ((frames - mean).square() * weight).sum(dim=1, keepdim=True) / count
    return (frames - mean) / torch.sqrt(variance + 1e-4)


def spec_augment(frames: Tensor, time_mask: int, bin_mask: int, bins: int) -> Tensor:
    """Hide one stretch of time and one band of bins of each utterance (SpecAugment, Park et al. 2019).

    The band is hidden in both copies of the mel bins; stretches are up to `time_mask` and `bin_mask` wide.
    """
    batch, time, _ = frames.shape
    hidden_time = random_stretch(batch, time, time_mask, frames.device)
    hidden_bins = random_stretch(batch, bins, bin_mask, frames.device).repeat(1, frames.shape[2] // bins)
    return frames.masked_fill(hidden_time.unsqueeze(2) | hidden_bins.unsqueeze(1), 0.0)


def convolved_lengths(lengths: Tensor, kernels: Sequence[int], strides: Sequence[int]) -> Tensor:
    """Return how many frames unpadded convolutions leave of rows of these lengths; never below 0."""
    for kernel, stride in zip(kernels, strides, strict=True):
        lengths = (torch.div(lengths - kernel, stride, rounding_mode="floor") + 1).clamp(min=0)
    return lengths


SCRATCH_ENCODERS: dict[type[PreTrainedConfig], type[PreTrainedModel]] = {
    LogMelCNNConfig: LogMelCNN,
    VoiceCNNConfig: VoiceCNN,
    WaveformCNNConfig: WaveformCNN,
    WordCNNConfig: WordCNN,
}


def register() -> None:
    """Make the Auto classes of transformers know our encoders."""
    for configuration, model in SCRATCH_ENCODERS.items():
        AutoConfig.register(configuration.model_type, configuration, exist_ok=True)
        AutoModel.register(configuration, model, exist_ok=True)
