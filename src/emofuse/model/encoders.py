"""Encoders of any family behind one seam: arrays and masks in, a stream out, alone as in a batch.

What a family needs (its normalisation, receptive field, frame rate, longest input) is read from its
configuration and its modules. `transformers` leaves padding to the caller for some families; here a real frame
never depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.whisper.modeling_whisper import WhisperEncoder as HuggingFaceWhisperEncoder

from emofuse.config import Layers
from emofuse.data.filterbank import WHISPER_RANGE
from emofuse.errors import RecipeError
from emofuse.model.batch import Stream, at_least_one, mask_of_lengths, zero_padding
from emofuse.model.scratch import LogMelCNN, WaveformCNN, convolved_lengths

# Which layers of an encoder are wanted: given all of them, embeddings first, pick or stack.
Pick: TypeAlias = Callable[[Sequence[Tensor], Tensor], Tensor]


def layer_picker(layers: Layers) -> Pick:
    """Return what picks from (all hidden states, last hidden state): the last, one by index, or all stacked.

    Index 0 is the embeddings, index n the output of layer n, as in `transformers`' `hidden_states`.
    """
    if layers == "last":
        return lambda states, last: last
    if layers == "weighted":
        return lambda states, last: torch.stack(list(states), dim=1)
    return lambda states, last: states[int(layers)]


class ConvolutionalSpeechEncoder(nn.Module):
    """wav2vec 2.0 and its kin: strided convolutions over the waveform, then a transformer.

    Group norm over time in the first convolution counts real frames only; the rest sees a frame mask.

    Args:
        backbone: a model with `feature_extractor`, `feature_projection` and `encoder`.
        layers: which layers to give out.
    """

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.layer_count = int(backbone.config.num_hidden_layers) + 1
        self.kernels = tuple(backbone.config.conv_kernel)
        self.strides = tuple(backbone.config.conv_stride)
        self._pick = layer_picker(layers)
        if layers == "weighted":
            backbone.config.layerdrop = 0.0  # a dropped layer would be missing from the sum

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, samples) to (batch, frames, width), or (batch, layers, frames, width)."""
        values, lengths = at_least_receptive(values, mask, receptive_field(self.kernels, self.strides))
        frames, lengths = self._convolve(values, lengths)
        frame_mask = mask_of_lengths(lengths, frames.shape[1])
        projected = self.backbone.feature_projection(frames)
        hidden = projected[0] if isinstance(projected, tuple) else projected
        seen = at_least_one(frame_mask)
        if self.training and frames.shape[1] > self.backbone.config.mask_time_length:
            hidden = self.backbone._mask_hidden_states(hidden, attention_mask=seen)
        states, last = self._transform(hidden, seen)
        return Stream(self._pick(states, last), frame_mask)

    def _convolve(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return (batch, frames, channels) and the real frames of each row."""
        frames = values.unsqueeze(1)
        for layer, kernel, stride in zip(
            self.backbone.feature_extractor.conv_layers, self.kernels, self.strides, strict=True
        ):
            lengths = convolved_lengths(lengths, (kernel,), (stride,))
            norm = getattr(layer, "layer_norm", None)  # the layers of these families differ in having one
            if isinstance(norm, nn.GroupNorm):
                frames = layer.conv(frames)
                frames = masked_group_norm(frames, mask_of_lengths(lengths, frames.shape[2]), norm)
                frames = layer.activation(frames)
            else:
                frames = layer(frames)
        return frames.transpose(1, 2), lengths

    def _transform(self, hidden: Tensor, mask: Tensor) -> tuple[list[Tensor], Tensor]:
        """Run the transformer; return all hidden states, embeddings first, and the last one, normalised."""
        encoder, config = self.backbone.encoder, self.backbone.config
        hidden = zero_padding(hidden, mask)
        hidden = hidden + self._positions(hidden, mask)
        normalise_first = not getattr(config, "do_stable_layer_norm", False)  # not every family has the switch
        if normalise_first:
            hidden = encoder.layer_norm(hidden)
        hidden = encoder.dropout(hidden)
        states, bias = [hidden], None
        relative = config.model_type == "wavlm"  # its layers pass a position bias on, and take the plain mask
        attention_mask = mask if relative else create_bidirectional_mask(config, hidden, mask)
        for index, layer in enumerate(encoder.layers):
            if self.training and index and torch.rand(()) < config.layerdrop:
                continue
            if relative:
                hidden, bias = layer(hidden, attention_mask=attention_mask, position_bias=bias)
            else:
                hidden = layer(hidden, attention_mask=attention_mask)
            states.append(hidden)
        return states, hidden if normalise_first else encoder.layer_norm(hidden)

    def _positions(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return convolutional position embeddings, padding kept at zero before each convolution."""
        embedding = self.backbone.encoder.pos_conv_embed
        if not hasattr(embedding, "layers"):
            return embedding(hidden)
        for layer in embedding.layers:  # data2vec-audio: a stack, and each layer would spread padding
            hidden = layer(zero_padding(hidden, mask).transpose(1, 2)).transpose(1, 2)
        return hidden


class FilterbankSpeechEncoder(nn.Module):
    """w2v-BERT 2.0 and its kin: a conformer over filter banks; `transformers` keeps its padding at zero."""

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.layer_count = int(backbone.config.num_hidden_layers) + 1
        self._all_layers = layers != "last"
        self._pick = layer_picker(layers)
        if layers == "weighted":
            backbone.config.layerdrop = 0.0  # a dropped layer would be missing from the sum

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, frames, bins) to (batch, frames, width), or (batch, layers, frames, width)."""
        output = self.backbone(
            input_features=values,
            attention_mask=at_least_one(mask),
            output_hidden_states=self._all_layers,
        )
        return Stream(self._pick(output.hidden_states or (), output.last_hidden_state), mask)


class WhisperEncoder(nn.Module):
    """Whisper's encoder: windows of its own 30 s, the rest of a window filled with silence, as it was trained.

    It takes no mask, so every window is whole; frames of silence are dropped afterwards by the mask.
    """

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.d_model)
        self.layer_count = int(backbone.config.encoder_layers) + 1
        self.longest = 2 * int(backbone.config.max_source_positions)
        self._all_layers = layers != "last"
        self._pick = layer_picker(layers)

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, frames, bins) to (batch, frames / 2, width), or (batch, layers, frames / 2, width)."""
        missing = -values.shape[1] % self.longest
        values = nn.functional.pad(values, (0, 0, 0, missing))
        mask = nn.functional.pad(mask, (0, missing))
        windows = [
            self._window(part, seen)
            for part, seen in zip(values.split(self.longest, 1), mask.split(self.longest, 1), strict=True)
        ]
        lengths = mask.sum(dim=1)
        steps = (values.shape[1] - missing + 1) // 2
        frames = torch.cat(windows, dim=-2)[..., :steps, :]
        return Stream(frames, mask_of_lengths((lengths + 1) // 2, steps))

    def _window(self, values: Tensor, mask: Tensor) -> Tensor:
        features = values.masked_fill(~mask.unsqueeze(-1), 0.0) + self._silence(values, mask)
        output = self.backbone(features.transpose(1, 2), output_hidden_states=self._all_layers)
        return self._pick(output.hidden_states or (), output.last_hidden_state)

    def _silence(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return what silence looks like where nothing is real: 2 below the loudest value, at least -1.5."""
        loudest = values.masked_fill(~mask.unsqueeze(-1), -1e4).amax(dim=(1, 2))
        level = (loudest - WHISPER_RANGE / 4.0).clamp(min=-1.5)
        return level[:, None, None] * (~mask).unsqueeze(-1)


class ScratchAudioEncoder(nn.Module):
    """Our own audio encoders: `LogMelCNN` and `WaveformCNN`."""

    def __init__(self, backbone: LogMelCNN | WaveformCNN, layers: Layers = "last") -> None:
        super().__init__()
        if layers != "last":
            raise RecipeError(f"audio.layers: {backbone.config.model_type} has only its last layer")
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.layer_count = 1
        convolutional = isinstance(backbone, WaveformCNN)
        self.shortest = (
            receptive_field(backbone.config.conv_kernel, backbone.config.conv_stride) if convolutional else 1
        )

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, samples) or (batch, frames, bins) to (batch, fewer frames, width)."""
        values, lengths = at_least_receptive(values, mask, self.shortest)
        padded = mask_of_lengths(lengths, values.shape[1])
        frames = self.backbone(values, attention_mask=padded).last_hidden_state
        return Stream(frames, mask_of_lengths(self.backbone.frame_lengths(lengths), frames.shape[1]))


class TextEncoder(nn.Module):
    """Any text encoder: BERT and its kin, or our own; long texts go through in windows of its maximum."""

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        if layers != "last" and not hasattr(backbone.config, "num_hidden_layers"):
            raise RecipeError(f"text.layers: {backbone.config.model_type} has only its last layer")
        if getattr(backbone, "pooler", None) is not None:
            backbone.pooler = None  # for next-sentence prediction: nothing here asks it
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.layer_count = int(getattr(backbone.config, "num_hidden_layers", 0)) + 1
        self.longest = longest_text(backbone)
        self._all_layers = layers != "last"
        self._pick = layer_picker(layers)

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, pieces) to (batch, pieces, width), or (batch, layers, pieces, width)."""
        if self.longest is None or values.shape[1] <= self.longest:
            return Stream(self._encode(values, mask), mask)
        windows = [
            self._encode(ids, seen)
            for ids, seen in zip(values.split(self.longest, 1), mask.split(self.longest, 1), strict=True)
        ]
        return Stream(torch.cat(windows, dim=-2), mask)

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        options: dict[str, Any] = {"output_hidden_states": True} if self._all_layers else {}
        output = self.backbone(input_ids=ids, attention_mask=at_least_one(mask).long(), **options)
        states = output.hidden_states if self._all_layers else ()
        return self._pick(states, output.last_hidden_state)


AudioEncoder: TypeAlias = (
    ConvolutionalSpeechEncoder | FilterbankSpeechEncoder | WhisperEncoder | ScratchAudioEncoder
)


def audio_encoder(backbone: PreTrainedModel, layers: Layers) -> AudioEncoder:
    """Put an audio model behind the seam, by the parts it has.

    Raises:
        RecipeError: the family is not known to give the same frames alone and in a batch.
    """
    if isinstance(backbone, (LogMelCNN, WaveformCNN)):
        return ScratchAudioEncoder(backbone, layers)
    if isinstance(backbone, HuggingFaceWhisperEncoder):
        return WhisperEncoder(backbone, layers)
    projects = all(hasattr(backbone, part) for part in ("feature_projection", "encoder"))
    # An adapter would shorten the stream once more, past its mask; not every family has the switch.
    if projects and not getattr(backbone.config, "add_adapter", False):
        if hasattr(backbone, "feature_extractor"):
            return ConvolutionalSpeechEncoder(backbone, layers)
        return FilterbankSpeechEncoder(backbone, layers)
    raise RecipeError(
        f"audio.encoder: {backbone.config.model_type!r} with this configuration is not supported; use wav2vec "
        "2.0, HuBERT, WavLM, data2vec-audio or w2v-BERT 2.0 without an adapter, Whisper, or emofuse's own"
    )


def bare_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    """Build an encoder from its configuration with random weights; of Whisper only its encoder."""
    if config.model_type == "whisper":
        return HuggingFaceWhisperEncoder(config)
    return AutoModel.from_config(config)


def longest_text(backbone: PreTrainedModel) -> int | None:
    """Return how many pieces a text model takes at once; None without a limit.

    Its position table tells, where it has one, else the maximum of its configuration.
    """
    table = getattr(getattr(backbone, "embeddings", None), "position_embeddings", None)
    if not isinstance(table, nn.Embedding):
        return getattr(backbone.config, "max_position_embeddings", None)
    # RoBERTa and its kin count positions from one after the padding index.
    first = 0 if table.padding_idx is None else table.padding_idx + 1
    return int(table.num_embeddings) - first


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Return how many samples give one frame."""
    field = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        field = (field - 1) * stride + kernel
    return field


def at_least_receptive(values: Tensor, mask: Tensor, shortest: int) -> tuple[Tensor, Tensor]:
    """Pad a batch with zeros to the shortest input that gives a frame, and count such rows as that long.

    Returns the values and the length of each row; empty rows keep length 0.
    """
    missing = max(0, shortest - values.shape[1])
    padding = (0, missing) if values.dim() == 2 else (0, 0, 0, missing)
    lengths = mask.sum(dim=1)
    lengths = torch.where(lengths > 0, lengths.clamp(min=shortest), lengths)
    return nn.functional.pad(values, padding), lengths


def masked_group_norm(frames: Tensor, mask: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Normalise each channel over its real frames, as `norm` would if they stood alone.

    Frames are (batch, channels, time), the mask is (batch, time). For the case of one channel a group, which is
    what these encoders use.
    """
    weight = mask.unsqueeze(1).to(frames.dtype)
    count = weight.sum(dim=2, keepdim=True).clamp(min=1)
    mean = (frames * weight).sum(dim=2, keepdim=True) / count
    variance = ((frames - mean).square() * weight).sum(dim=2, keepdim=True) / count
    normalised = (frames - mean) * torch.rsqrt(variance + norm.eps)
    return normalised * norm.weight[:, None] + norm.bias[:, None]
