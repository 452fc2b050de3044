"""Speech encoders of `transformers` with one interface: a real frame never depends on padding.

`transformers` leaves padding to the caller for some families. What a family needs (its normalisation, receptive
field, frame rate, longest input) is read from its configuration and its modules.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask

from emofuse.config import AudioWindow, Layers
from emofuse.model.encoders.small_encoders import convolved_lengths
from emofuse.model.layer_selection import LayerSelection
from emofuse.model.long_inputs import from_windows, to_windows, window_width
from emofuse.model.masked_streams import Stream, at_least_one, mask_of_lengths, zero_padding
from emofuse.sound.features import WHISPER_RANGE


class ConvolutionalSpeechEncoder(nn.Module):
    """wav2vec 2.0 and similar models: strided convolutions over the waveform, then a transformer.

    Group norm over time in the first convolution counts real frames only; the rest sees a frame mask.

    Args:
        backbone: a model with `feature_extractor`, `feature_projection` and `encoder`.
        layers: which layers to give out; later ones are not computed.
    """

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.kernels = tuple(backbone.config.conv_kernel)
        self.strides = tuple(backbone.config.conv_stride)
        self.selection = LayerSelection.of(layers, int(backbone.config.num_hidden_layers) + 1)
        if layers != "last":
            backbone.config.layerdrop = 0.0  # a dropped layer would be missing, and others in its place

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
        return Stream(self.selection.pick(states, last), frame_mask)

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
        for index, layer in enumerate(encoder.layers[: self.selection.deepest]):
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
        if getattr(embedding, "batch_norm", None) is not None:  # some HuBERTs: it would lift padding off zero
            hidden = zero_padding(embedding.batch_norm(hidden.transpose(1, 2)).transpose(1, 2), mask)
            mixed = embedding.padding(embedding.conv(hidden.transpose(1, 2)))
            return embedding.activation(mixed).transpose(1, 2)
        if not hasattr(embedding, "layers"):
            return embedding(hidden)
        for layer in embedding.layers:  # data2vec-audio: a stack, and each layer would spread padding
            hidden = layer(zero_padding(hidden, mask).transpose(1, 2)).transpose(1, 2)
        return hidden


# Silence after a clip whose window ends with it, in frames of 10 ms: an even number.
WHISPER_TAIL = 50
FRAMES_PER_SECOND = 100


class FilterbankSpeechEncoder(nn.Module):
    """w2v-BERT 2.0 and similar models: a conformer over filter banks; `transformers` keeps its padding at zero."""

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.selection = LayerSelection.of(layers, int(backbone.config.num_hidden_layers) + 1)
        if layers != "last":
            backbone.config.layerdrop = 0.0  # a dropped layer would be missing, and others in its place

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, frames, bins) to (batch, frames, width), or (batch, layers, frames, width)."""
        steps = values.shape[1]
        if self.training:  # the family hides stretches of time, and refuses a batch that is shorter than one
            missing = max(0, self.backbone.config.mask_time_length + 1 - steps)
            values = nn.functional.pad(values, (0, 0, 0, missing))
        seen = nn.functional.pad(mask, (0, values.shape[1] - steps))
        output = self.backbone(
            input_features=values,
            attention_mask=at_least_one(seen),
            output_hidden_states=self.selection.indices is not None,
        )
        frames = self.selection.pick(output.hidden_states or (), output.last_hidden_state)
        return Stream(frames[..., :steps, :], mask)


class WhisperEncoder(nn.Module):
    """Whisper's encoder over windows, the rest of each filled with silence, as it was trained.

    Frames of silence are dropped afterwards by the mask. With the window "clip" a row ends half a second after its
    sound, as if it stood alone: what follows is zero for the convolutions and hidden from attention.

    Args:
        backbone: Whisper's encoder.
        layers: which layers to give out; later ones are not computed.
        window: seconds of a window, at most the encoder's own 30; or "clip".
    """

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last", window: AudioWindow = 30) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.config.d_model)
        own = 2 * int(backbone.config.max_source_positions)
        self.longest = own if window == "clip" else min(own, window * FRAMES_PER_SECOND)
        self._ends_with_clip = window == "clip"
        self.selection = LayerSelection.of(layers, int(backbone.config.encoder_layers) + 1)
        if layers != "last":
            backbone.config.encoder_layerdrop = 0.0  # a dropped layer would be missing, and others in its place

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, frames, bins) to (batch, frames / 2, width), or (batch, layers, frames / 2, width)."""
        steps = (values.shape[1] + 1) // 2
        windows = self._encode(*to_windows(values, mask, self._width(values.shape[1])))
        lengths = mask.sum(dim=1)
        frames = from_windows(windows, values.shape[0], steps)
        return Stream(frames, mask_of_lengths((lengths + 1) // 2, steps))

    def _width(self, steps: int) -> int:
        """Return how many frames wide the windows of a batch are; an even number."""
        if not self._ends_with_clip:
            return self.longest
        return window_width((steps + WHISPER_TAIL + 1) // 2 * 2, self.longest)

    def _encode(self, values: Tensor, mask: Tensor) -> Tensor:
        """Map windows, (windows, time, bins), to (windows, [layers,] time / 2, width)."""
        features = values.masked_fill(~mask.unsqueeze(-1), 0.0) + self._silence(values, mask)
        inside = attention = None
        if self._ends_with_clip:
            inside = mask_of_lengths((mask.sum(dim=1) + WHISPER_TAIL + 1) // 2 * 2, mask.shape[1])
        hidden = self._convolve(features, inside)
        if inside is not None:
            attention = create_bidirectional_mask(self.backbone.config, hidden, inside[:, ::2])
        return self._transform(hidden, attention)

    def _convolve(self, features: Tensor, inside: Tensor | None) -> Tensor:
        """Return (windows, time / 2, width) with positions; what is outside a window counts as padding."""
        bounded = features if inside is None else zero_padding(features, inside)
        once = nn.functional.gelu(self.backbone.conv1(bounded.transpose(1, 2)))
        if inside is not None:
            once = once.masked_fill(~inside.unsqueeze(1), 0.0)
        frames = nn.functional.gelu(self.backbone.conv2(once)).transpose(1, 2)
        positions = torch.arange(frames.shape[1], device=frames.device)
        hidden = frames + self.backbone.embed_positions(positions)
        return nn.functional.dropout(hidden, p=self.backbone.dropout, training=self.training)

    def _transform(self, hidden: Tensor, attention: Tensor | None) -> Tensor:
        states = [hidden]
        for layer in self.backbone.layers[: self.selection.deepest]:
            if self.training and torch.rand(()) < self.backbone.config.encoder_layerdrop:
                continue
            hidden = layer(hidden, attention)
            states.append(hidden)
        if self.selection.deepest == len(self.backbone.layers):  # given out normalised, as `transformers` does
            states[-1] = hidden = self.backbone.layer_norm(hidden)
        return self.selection.pick(states, hidden)

    def _silence(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return what silence looks like where nothing is real: 2 below the loudest value, at least -1.5."""
        loudest = values.masked_fill(~mask.unsqueeze(-1), -1e4).amax(dim=(1, 2))
        level = (loudest - WHISPER_RANGE / 4.0).clamp(min=-1.5)
        return level[:, None, None] * (~mask).unsqueeze(-1)


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
    missing = torch.sym_max(0, shortest - values.shape[1])
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
