"""What a network is built from: one configuration, that of its encoders within it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from emofuse.config import AudioWindow, Directions, FrameNorm, FusionKind, HeadNorm, Layers, PoolingName
from emofuse.model.encoders import small_encoders
from emofuse.types import MODALITIES, Modality, Task

small_encoders.register()


class EmotionConfig(PreTrainedConfig):
    """Configuration of `EmotionModel`.

    Attributes:
        audio_encoder: configuration of the audio encoder; None for a text-only system.
        text_encoder: configuration of the text encoder; None for an audio-only system.
        audio_layers: "last", an index, "weighted", or a list of indices (see `config.EncoderRecipe`).
        text_layers: likewise.
        audio_norm: how the audio encoder's frames are normalised: "none", "layer" or "batch".
        text_norm: likewise.
        audio_window: of Whisper: seconds of its windows, or "clip" (see `config.AudioRecipe`).
        fusion: how two streams meet (see `config.FusionRecipe`).
        asks: which streams are the queries of cross-modal attention.
        width: of both streams after their feature encoders.
        auxiliary: a head on each modality alone beside the fused one, for auxiliary losses in training.
        audio_adapter: settings of low-rank adapters in the audio encoder; None without.
        text_adapter: likewise.
        references: "audio" or "text" -> the encoder that the folder names instead of holding it.
        missing_modalities: whether either modality may be missing, since training had utterances of each alone.
        dimensions: names of the dimensions, in order; the labels are in `id2label`.
        ranges: lowest and highest value of each dimension.
        multi_label: whether labels are independent of each other.
    """

    model_type = "emofuse"
    sub_configs_defaults = {  # noqa: RUF012 (transformers resolves it as a class attribute)
        "audio_encoder": SubConfigSpec(AutoConfig, model_type="wav2vec2", optional=True),
        "text_encoder": SubConfigSpec(AutoConfig, model_type="bert", optional=True),
    }

    audio_encoder: PreTrainedConfig | dict[str, Any] | None = None
    text_encoder: PreTrainedConfig | dict[str, Any] | None = None
    audio_layers: Layers = "last"
    text_layers: Layers = "last"
    audio_norm: FrameNorm = "none"
    text_norm: FrameNorm = "none"
    audio_window: AudioWindow = 30
    fusion: FusionKind = "cross-attention"
    asks: Directions = "both"
    width: int = 256
    heads: int = 8
    residual: bool = False
    feed_forward: int = 0
    auxiliary: bool = False
    recurrent: bool = True
    attention_dropout: float = 0.1
    recurrent_dropout: float = 0.2
    pooling: PoolingName = "statistics"
    head_hidden: int = 0
    head_dropout: float = 0.3
    head_norm: HeadNorm = False
    audio_adapter: dict[str, Any] | None = None
    text_adapter: dict[str, Any] | None = None
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing_modalities: bool = False
    dimensions: list[str] | tuple[str, ...] = ()
    ranges: list[list[float]] | tuple[()] = ()
    multi_label: bool = False

    @property
    def task(self) -> Task:
        """The labels and dimensions that the network predicts, in order."""
        labels = tuple(self.id2label[i] for i in range(len(self.id2label)))
        ranges = tuple((low, high) for low, high in self.ranges)
        return Task(labels, tuple(self.dimensions), ranges, self.multi_label)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that the network takes."""
        present = {"audio": self.audio_encoder is not None, "text": self.text_encoder is not None}
        return tuple(modality for modality in MODALITIES if present[modality])


AutoConfig.register(EmotionConfig.model_type, EmotionConfig, exist_ok=True)
