"""The network: encode (the heavy half), decide (the light half)."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel

from emofuse.errors import CheckpointError
from emofuse.hub.snapshots import WEIGHTS, Source, folder_of
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_wrappers import TextEncoder, build_encoder, wrap_audio_encoder
from emofuse.model.encoders.encoder_references import Reference, write_places
from emofuse.model.feature_encoders import AudioFeatureEncoder, TemporalConvolution
from emofuse.model.fusion import EarlyFusion, LateFusion, SingleModality, build_fusion
from emofuse.model.heads import EmotionOutput
from emofuse.model.layer_selection import LayerMix
from emofuse.model.masked_streams import Encoded, Stream
from emofuse.model.normalisation import frame_norm
from emofuse.model.pooling import layer_statistics
from emofuse.model.pretrained import (
    base_weights,
    content_hash,
    fill_from_reference,
    held_by_reference,
)
from emofuse.model.tuning import add_adapters
from emofuse.model.vetting.loaders import load_config, own_memory, without_reports
from emofuse.model.vetting.weight_checks import HeldWeights, refuse_larger_than_its_files, refuse_unusable


class EmotionModel(PreTrainedModel):
    """Cross-modal attention between an audio and a text encoder, or one of them alone.

    Built from configurations only; `emofuse.model.build` gives the encoders their pre-trained weights.

    Args:
        config: what to build.
        backbones: "audio" or "text" -> an encoder that is there already, such as a frozen one that networks share.
    """

    config_class = EmotionConfig
    base_model_prefix = "emofuse"
    main_input_name = "input_values"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: EmotionConfig, backbones: Mapping[str, PreTrainedModel] | None = None) -> None:
        config = copy.deepcopy(config)
        super().__init__(config)
        ready = backbones or {}
        self.encoder_folders: dict[str, Path] = {}
        if config.audio_encoder is not None:
            backbone = _backbone(config.audio_encoder, config.audio_adapter, ready.get("audio"))
            encoder = wrap_audio_encoder(backbone, config.audio_layers, config.audio_window)
            self.audio_encoder = encoder
            self.audio_pooled = layer_statistics(config.pooling, encoder.selection.count, encoder.width)
            if self.audio_pooled is None:
                self.audio_mix = LayerMix(encoder.selection.mixed) if encoder.selection.mixed else None
                self.audio_norm = frame_norm(config.audio_norm, encoder.width)
                self.audio_features = AudioFeatureEncoder(
                    encoder.width, config.width, config.recurrent_dropout, config.recurrent
                )
        if config.text_encoder is not None:
            backbone = _backbone(config.text_encoder, config.text_adapter, ready.get("text"))
            read = TextEncoder(backbone, config.text_layers)
            self.text_encoder = read
            self.text_pooled = layer_statistics(config.pooling, read.selection.count, read.width)
            if self.text_pooled is None:
                self.text_mix = LayerMix(read.selection.mixed) if read.selection.mixed else None
                self.text_norm = frame_norm(config.text_norm, read.width)
                self.text_features = TemporalConvolution(read.width, config.width)
        pooled = [getattr(self, f"{key}_pooled") for key in config.modalities]
        widths = [config.width if one is None else one.width for one in pooled]
        self.fusion: EarlyFusion | LateFusion | SingleModality = build_fusion(config, widths)
        self.post_init()

    def refer(self, key: str, reference: Reference) -> None:
        """Take down where the weights of an encoder, "audio" or "text", come from: they need not be saved."""
        self.config.references[key] = reference.as_dict()
        if reference.folder is not None:
            self.encoder_folders[key] = reference.folder

    def _init_weights(self, module: nn.Module) -> None:
        """Keep what the layers' own constructors drew; encoders initialise themselves."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *model_args: Any,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Read a model as `transformers` does, but completely or not at all.

        Encoders that the folder holds by reference are fetched and checked against their hash.

        Raises:
            CheckpointError: the folder would run code or leads out of itself; a weight is missing, left over, of
                another shape or no usable number; or a referenced encoder cannot be had or has changed.
            OSError, ValueError: there is no such folder, and it cannot be fetched.
        """
        source = Source(str(pretrained_model_name_or_path), kwargs.pop("revision", None))
        name, folder = source.name, folder_of(source, WEIGHTS)
        config = kwargs.pop("config", None) or load_config(Source(str(folder)), cls.config_class)
        references = {key: Reference.read(folder, key, values) for key, values in config.references.items()}
        held = HeldWeights.in_folder(folder)
        referred = sum(held_by_reference(reference, key, name) for key, reference in references.items())
        refuse_larger_than_its_files(name, lambda: cls(config), held.numbers + referred)
        # Shapes that do not fit are refused below, in one sentence.
        kwargs |= {"config": config, "ignore_mismatched_sizes": True, "use_safetensors": True}
        with without_reports():
            model, loading = super().from_pretrained(folder, *model_args, output_loading_info=True, **kwargs)
        missing = set(loading["missing_keys"])
        for key, reference in references.items():
            model.refer(key, reference)
            backbone = model.get_submodule(f"{key}_encoder").backbone
            fill_from_reference(backbone, reference, key, name)
            missing -= set(_base_names(key, backbone))
        _refuse_unfit(name, missing, loading)
        refuse_unusable(name, model, held)
        own_memory(model)
        return (model, loading) if output_loading_info else model

    def save_pretrained(self, save_directory: str | os.PathLike[str], local: bool = False, **kwargs: Any) -> None:
        """Write a model folder; encoders held by reference are left out of its weights.

        Saved by value is an encoder whose weights are no longer those of its reference. So is one that comes from
        a folder, unless the model is to be `local`: for this machine, with a file that says where that is.
        """
        weights = dict(kwargs.pop("state_dict", None) or self.state_dict())
        references = self.config.references
        kept = {key: values for key, values in references.items() if local or key not in self.encoder_folders}
        for key in list(kept):
            backbone = getattr(self, f"{key}_encoder").backbone
            if content_hash(base_weights(backbone)) != kept[key]["sha256"]:
                del kept[key]
                continue
            for name in _base_names(key, backbone):
                weights.pop(name, None)
        self.config.references = kept
        try:
            super().save_pretrained(save_directory, state_dict=weights, **kwargs)
        finally:
            self.config.references = references
        places = {key: place for key, place in self.encoder_folders.items() if key in kept}
        write_places(Path(save_directory), places)

    def forward(
        self,
        input_values: Tensor | None = None,
        audio_mask: Tensor | None = None,
        input_ids: Tensor | None = None,
        text_mask: Tensor | None = None,
        audio_frames: Tensor | None = None,
        text_frames: Tensor | None = None,
    ) -> EmotionOutput:
        """Map a batch to a decision; an absent modality is a row whose mask is all False.

        Args:
            input_values: (batch, samples) or (batch, frames, bins), zero where masked.
            audio_mask: (batch, samples or frames), bool, a prefix of each row.
            input_ids: (batch, pieces).
            text_mask: (batch, pieces), bool, a prefix of each row.
            audio_frames: what the audio encoder gave, (batch, time, width) or (batch, layers, time, width), in
                place of `input_values`; `audio_mask` is then (batch, time).
            text_frames: likewise of the text encoder.
        """
        return self.decide(self.encode(input_values, audio_mask, input_ids, text_mask, audio_frames, text_frames))

    def encode(
        self,
        input_values: Tensor | None = None,
        audio_mask: Tensor | None = None,
        input_ids: Tensor | None = None,
        text_mask: Tensor | None = None,
        audio_frames: Tensor | None = None,
        text_frames: Tensor | None = None,
    ) -> Encoded:
        """Run the encoders, the heavy half, but those whose frames are given: frozen ones give the same again."""
        audio = text = None
        if self.config.audio_encoder is not None:
            audio = _given(audio_frames, audio_mask) or self.audio_encoder(input_values, audio_mask)
        if self.config.text_encoder is not None:
            text = _given(text_frames, text_mask) or self.text_encoder(input_ids, text_mask)
        return Encoded(audio, text)

    def decide(self, encoded: Encoded) -> EmotionOutput:
        """Run feature encoders, attention, pooling, fusion and head: the light half."""
        streams = []
        if encoded.audio is not None:
            streams.append(self._audio_stream(encoded.audio))
        if encoded.text is not None:
            streams.append(self._text_stream(encoded.text))
        return self.fusion(*streams)

    def _audio_stream(self, stream: Stream) -> Stream:
        if self.audio_pooled is not None:
            return self.audio_pooled(stream)
        stream = stream if self.audio_mix is None else self.audio_mix(stream)
        return self.audio_features(stream if self.audio_norm is None else self.audio_norm(stream))

    def _text_stream(self, stream: Stream) -> Stream:
        if self.text_pooled is not None:
            return self.text_pooled(stream)
        stream = stream if self.text_mix is None else self.text_mix(stream)
        return self.text_features(stream if self.text_norm is None else self.text_norm(stream))


def _given(frames: Tensor | None, mask: Tensor | None) -> Stream | None:
    return None if frames is None or mask is None else Stream(frames, mask)


def _backbone(
    config: PreTrainedConfig, adapter: dict[str, Any] | None, ready: PreTrainedModel | None
) -> PreTrainedModel:
    """Build an encoder with random weights, and adapters where they are wanted, unless there is a ready one."""
    if ready is not None:
        return ready
    backbone = build_encoder(config)
    if adapter is not None:
        add_adapters(backbone, adapter)
    return backbone


def _base_names(key: str, backbone: nn.Module) -> list[str]:
    """Return the names, within the whole network, of an encoder's own weights, adapters left out."""
    return [f"{key}_encoder.backbone.{name}" for name in backbone.state_dict() if "lora_" not in name]


def _refuse_unfit(name: str, missing: set[str], loading: dict[str, Any]) -> None:
    problems = {
        "has another shape": {str(entry[0]) for entry in loading["mismatched_keys"]},
        "is missing": missing,
        "is left over": set(loading["unexpected_keys"]),
    }
    for problem, keys in problems.items():
        if keys:
            raise CheckpointError(
                f"{name}: the weight {sorted(keys)[0]!r} {problem} ({len(keys)} such in all); "
                "the file is not a whole emofuse model of this configuration"
            )


def count_parameters(model: nn.Module) -> int:
    """Return how many numbers a model holds."""
    return sum(parameter.numel() for parameter in model.parameters())


AutoModel.register(EmotionConfig, EmotionModel, exist_ok=True)
