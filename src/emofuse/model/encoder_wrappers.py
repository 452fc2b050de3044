"""Encoders of any family with one interface: values and mask in, a stream out, the same alone as in a batch."""

from __future__ import annotations

import copy
from typing import Any, TypeAlias

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.whisper.modeling_whisper import WhisperEncoder as HuggingFaceWhisperEncoder

from emofuse.config import AudioWindow, Layers
from emofuse.errors import RecipeError
from emofuse.model.encoders.small_encoders import LogMelCNN, LogMelCNNConfig, WaveformCNN
from emofuse.model.encoders.voice_cnn import VoiceCNN, VoiceCNNConfig
from emofuse.model.layer_selection import LayerSelection
from emofuse.model.long_inputs import from_windows, to_windows, window_width
from emofuse.model.masked_streams import Stream, at_least_one, mask_of_lengths
from emofuse.model.speech_encoders import (
    ConvolutionalSpeechEncoder,
    FilterbankSpeechEncoder,
    WhisperEncoder,
    at_least_receptive,
    receptive_field,
)
from emofuse.model.vetting.loaders import build_network


class ScratchAudioEncoder(nn.Module):
    """Our own audio encoders: `LogMelCNN`, `VoiceCNN` and `WaveformCNN`."""

    def __init__(self, backbone: LogMelCNN | VoiceCNN | WaveformCNN, layers: Layers = "last") -> None:
        super().__init__()
        if layers != "last":
            raise RecipeError(f"audio.layers: {backbone.config.model_type} has only its last layer")
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.selection = LayerSelection.of(layers, 1)
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
    """Any text encoder: BERT and similar models, or our own; long texts go through in windows of its maximum."""

    def __init__(self, backbone: PreTrainedModel, layers: Layers = "last") -> None:
        super().__init__()
        if backbone.main_input_name != "input_ids" or backbone.config.is_encoder_decoder:
            raise RecipeError(
                f"text.encoder: {backbone.config.model_type!r} is no encoder of text; use BERT or its kin"
            )
        if layers != "last" and not hasattr(backbone.config, "num_hidden_layers"):
            raise RecipeError(f"text.layers: {backbone.config.model_type} has only its last layer")
        if getattr(backbone, "pooler", None) is not None:
            backbone.pooler = None  # for next-sentence prediction: not used here
        self.backbone = backbone
        self.width = int(backbone.config.hidden_size)
        self.longest = longest_text(backbone)
        self.selection = LayerSelection.of(layers, int(getattr(backbone.config, "num_hidden_layers", 0)) + 1)

    def forward(self, values: Tensor, mask: Tensor) -> Stream:
        """Map (batch, pieces) to (batch, pieces, width), or (batch, layers, pieces, width)."""
        batch, steps = values.shape
        width = window_width(steps, self.longest)
        return Stream(from_windows(self._encode(*to_windows(values, mask, width)), batch, steps), mask)

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        all_layers = self.selection.indices is not None
        options: dict[str, Any] = {"output_hidden_states": True} if all_layers else {}
        output = self.backbone(input_ids=ids, attention_mask=at_least_one(mask).long(), **options)
        states = output.hidden_states if all_layers else ()
        return self.selection.pick(states, output.last_hidden_state)


AudioEncoder: TypeAlias = (
    ConvolutionalSpeechEncoder | FilterbankSpeechEncoder | WhisperEncoder | ScratchAudioEncoder
)


def wrap_audio_encoder(backbone: PreTrainedModel, layers: Layers, window: AudioWindow) -> AudioEncoder:
    """Wrap an audio model according to the parts that it has.

    Raises:
        RecipeError: the family is not known to give the same frames alone and in a batch.
    """
    if isinstance(backbone, (LogMelCNN, VoiceCNN, WaveformCNN)):
        return ScratchAudioEncoder(backbone, layers)
    if isinstance(backbone, HuggingFaceWhisperEncoder):
        return WhisperEncoder(backbone, layers, window)
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


def build_encoder(config: PreTrainedConfig) -> PreTrainedModel:
    """Build an encoder with random weights from a copy of its configuration; of Whisper only its encoder."""
    config = copy.deepcopy(config)  # transformers writes the kind of attention into it
    if config.model_type == "whisper":
        return HuggingFaceWhisperEncoder(config)
    return build_network(config)


def input_width(config: PreTrainedConfig) -> int:
    """Return how many values a frame an audio encoder takes; 0 where it takes the waveform itself."""
    names = {"whisper": "num_mel_bins", "wav2vec2-bert": "feature_projection_input_dim"}
    banks = {kind.model_type: "bins" for kind in (LogMelCNNConfig, VoiceCNNConfig)}
    name = (names | banks).get(config.model_type)
    return 0 if name is None else int(config.to_dict()[name])


def longest_text(backbone: PreTrainedModel) -> int | None:
    """Return how many pieces a text model takes at once; None without a limit.

    The size of its position table, where it has one, else the maximum of its configuration.
    """
    table = getattr(getattr(backbone, "embeddings", None), "position_embeddings", None)
    if not isinstance(table, nn.Embedding):
        return getattr(backbone.config, "max_position_embeddings", None)
    # RoBERTa and its kin count positions from one after the padding index.
    first = 0 if table.padding_idx is None else table.padding_idx + 1
    return int(table.num_embeddings) - first
