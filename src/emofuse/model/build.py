"""From a recipe to a network: configurations, pre-trained weights, vocabulary, which weights are trained."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from emofuse.config import AudioRecipe, AudioWindow, EncoderRecipe, Recipe, TextRecipe
from emofuse.data.preparation import AudioPreparation, Preparation
from emofuse.data.text_preparation import TextPreparation
from emofuse.data.tokenization import learn_vocabulary, strip_annotations
from emofuse.errors import RecipeError, brief_message
from emofuse.hub.snapshots import Source
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_cache import FrozenEncoderCache
from emofuse.model.encoder_wrappers import build_encoder
from emofuse.model.encoders.own_encoders import find_own_encoder
from emofuse.model.encoders.small_encoders import LogMelCNNConfig
from emofuse.model.encoders.voice_cnn import VoiceCNNConfig
from emofuse.model.encoders.word_vectors import initialise_from_vectors
from emofuse.model.network import EmotionModel
from emofuse.model.pretrained import (
    fetch_config,
    fetch_encoder,
    fetch_settings,
    fetch_tokenizer,
    fill,
    refer_to,
)
from emofuse.model.tuning import apply_tuning
from emofuse.sound.features import STACKED_FRAMES
from emofuse.types import SystemName, Task
from emofuse.untrusted.bounded_files import read_text
from emofuse.untrusted.yaml_text import parse_yaml

# Tuning policies under which an encoder's own weights stay as they were: they are saved by reference.
UNTOUCHED = ("frozen", "lora")
# What Whisper gets where a recipe does not say: a third of its own 30 s loses nothing (decision 6).
WHISPER_WINDOW: AudioWindow = 10


def build(
    recipe: Recipe,
    system: SystemName,
    task: Task,
    texts: Iterable[str],
    seed: int,
    encoder_cache: FrozenEncoderCache | None = None,
) -> Checkpoint:
    """Build a system's network and preparation, ready for training.

    Args:
        recipe: what to build.
        system: "audio", "text" or "fusion": which encoders it has.
        task: labels and dimensions, in order.
        texts: of the training part, to learn a vocabulary from where the text encoder has none.
        seed: of the weights that are drawn; frozen encoders from a configuration use the recipe's `init_seed`.
        encoder_cache: where frozen encoders are taken from, if they are to be shared with other networks.

    Raises:
        RecipeError: an encoder cannot be found or does not fit the recipe.
    """
    audio = recipe.audio if system != "text" else None
    text = recipe.text if system != "audio" else None
    audio_config = encoder_config(audio, "audio") if audio else None
    text_config = encoder_config(text, "text") if text else None
    prepared_text: TextPreparation | None = None
    if text is not None and text_config is not None:
        prepared_text, text_config = text_preparation(recipe, text, text_config, texts)
    preparation = Preparation(
        audio_preparation(audio, audio_config) if audio and audio_config else None, prepared_text
    )
    frozen = {
        key: _frozen(encoder_cache or FrozenEncoderCache(), key, part, config)
        for key, part, config in (("audio", audio, audio_config), ("text", text, text_config))
        if part is not None and config is not None and part.tuning == "frozen"
    }
    torch.manual_seed(seed)
    try:
        model = EmotionModel(_network_config(recipe, task, preparation, audio_config, text_config), frozen)
    except (ValueError, TypeError, RuntimeError, AttributeError, ArithmeticError) as error:
        raise RecipeError(
            f"the {system} system cannot be built from this recipe: {brief_message(error)}"
        ) from error
    for key, part in (("audio", audio), ("text", text)):
        if part is not None:
            backbone = getattr(model, f"{key}_encoder").backbone
            if key not in frozen:
                _fill(backbone, part, key)
                apply_tuning(backbone, part.tuning, key)
            if isinstance(part, TextRecipe) and part.vectors is not None:
                assert preparation.text is not None  # it was made above for this very part
                initialise_from_vectors(backbone, preparation.text.tokenizer, Path(part.vectors))
            if part.encoder is not None and part.tuning in UNTOUCHED:
                model.refer(key, refer_to(backbone, Source(part.encoder, part.revision)))
    return Checkpoint(model, preparation)


def encoder_config(recipe: EncoderRecipe, key: str) -> PreTrainedConfig:
    """Return the configuration of an encoder, from the recipe itself, a file, a folder or the Hub.

    Raises:
        RecipeError: it cannot be found, or is not the configuration of a model.
    """
    if recipe.encoder is not None:
        return fetch_config(Source(recipe.encoder, recipe.revision), key)
    values = (
        _read_config(recipe.config, key) if isinstance(recipe.config, str) else copy.deepcopy(recipe.config or {})
    )
    kind = values.pop("model_type", None)
    if kind is None:
        raise RecipeError(f"{key}.config: needs model_type, such as wav2vec2, bert or emofuse-log-mel-cnn")
    try:
        config = AutoConfig.for_model(kind, **values)
    except Exception as error:  # configurations check themselves with exceptions of many kinds
        raise RecipeError(f"{key}.config: {brief_message(error)}") from error
    known = {field.name for field in fields(config)} | set(config.attribute_map)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"{key}.config: {kind} has no key {name!r}{hint}")
    return config


def audio_preparation(recipe: AudioRecipe, config: PreTrainedConfig) -> AudioPreparation:
    """Return how clips are prepared: trimmed and levelled as the recipe says, then as the encoder takes them.

    The encoder of an emofuse model gets what it was trained on, trimmed and levelled too.
    """
    own = None if recipe.encoder is None else find_own_encoder(recipe.encoder, "audio")
    expected = None if own is None else own.preparation.audio
    expected = expected or _expected(recipe, config)
    level = expected.level if recipe.level is None else recipe.level
    window = expected.window_seconds if recipe.window_seconds is None else recipe.window_seconds
    if recipe.window_seconds is not None and config.model_type != "whisper":
        raise RecipeError(f"audio.window_seconds: for Whisper only; {config.model_type} takes clips of any length")
    return replace(expected, trim=recipe.trim or expected.trim, level=level, window_seconds=window)


def _expected(recipe: AudioRecipe, config: PreTrainedConfig) -> AudioPreparation:
    """Return what an encoder takes; a checkpoint's own preprocessor settings are followed."""
    if isinstance(config, (LogMelCNNConfig, VoiceCNNConfig)):
        return AudioPreparation(features="log-mel", bins=config.bins)
    if config.model_type == "whisper":
        return AudioPreparation(
            features="whisper-log-mel", bins=config.num_mel_bins, window_seconds=WHISPER_WINDOW
        )
    if config.model_type == "wav2vec2-bert":
        bins = config.feature_projection_input_dim // STACKED_FRAMES
        return AudioPreparation(features="stacked-filterbank", bins=bins)
    settings = fetch_settings(Source(recipe.encoder, recipe.revision)) if recipe.encoder is not None else {}
    return AudioPreparation(
        features="waveform",
        rate=int(settings.get("sampling_rate", 16_000)),
        normalise=bool(settings.get("do_normalize", True)),
    )


def text_preparation(
    recipe: Recipe, text: TextRecipe, config: PreTrainedConfig, texts: Iterable[str]
) -> tuple[TextPreparation, PreTrainedConfig]:
    """Return how texts are prepared, and the encoder's configuration with the size of its vocabulary.

    Without a checkpoint the vocabulary is learned from `texts`.
    """
    if text.encoder is not None:
        tokenizer = fetch_tokenizer(Source(text.encoder, text.revision))
    elif not hasattr(config, "vocab_size"):
        raise RecipeError(f"text.config: {config.model_type} is no encoder of text, it has no vocabulary")
    else:
        words = (strip_annotations(t) if recipe.annotations == "strip" else t for t in texts)
        tokenizer = learn_vocabulary(words, text.vocabulary, config.vocab_size)
        config = copy.deepcopy(config)
        config.vocab_size = tokenizer.get_vocab_size()
        config.pad_token_id = 0
    return TextPreparation(tokenizer, recipe.annotations, int(config.pad_token_id or 0)), config


def _frozen(
    encoder_cache: FrozenEncoderCache, key: str, recipe: EncoderRecipe, config: PreTrainedConfig
) -> PreTrainedModel:
    """Return a frozen encoder with its weights, from the cache where it is there."""

    def make() -> PreTrainedModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.init_seed)
            backbone = build_encoder(config)
        if recipe.encoder is not None:
            fill(backbone, fetch_encoder(Source(recipe.encoder, recipe.revision), key))
        if isinstance(recipe, TextRecipe) and recipe.vectors is not None:
            raise RecipeError("text.vectors: a frozen encoder does not learn from them; let it be tuned")
        return backbone

    origin = f"{recipe.encoder}@{recipe.revision}" if recipe.encoder is not None else f"seed {recipe.init_seed}"
    try:
        return encoder_cache.get(key, config, origin, make)
    except (ValueError, TypeError, RuntimeError, AttributeError, ArithmeticError) as error:
        raise RecipeError(f"the {key} encoder cannot be built from this recipe: {brief_message(error)}") from error


def _fill(backbone: PreTrainedModel, recipe: EncoderRecipe, key: str) -> None:
    """Give an encoder its pre-trained weights, or, where it is frozen and random, those of `init_seed`."""
    if recipe.encoder is not None:
        fill(backbone, fetch_encoder(Source(recipe.encoder, recipe.revision), key))
    elif recipe.tuning in UNTOUCHED:  # adapters in random weights: those of `init_seed`
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.init_seed)
            fill(backbone, build_encoder(backbone.config))


def _network_config(
    recipe: Recipe,
    task: Task,
    preparation: Preparation,
    audio: PreTrainedConfig | None,
    text: PreTrainedConfig | None,
) -> EmotionConfig:
    dropped = recipe.training.modality_dropout
    return EmotionConfig(
        audio_encoder=audio,
        text_encoder=text,
        audio_adapter=recipe.audio.adapter() if audio else None,
        text_adapter=recipe.text.adapter() if text else None,
        audio_layers=recipe.audio.layers if audio else "last",
        audio_window=preparation.audio.window_seconds if preparation.audio else WHISPER_WINDOW,
        text_layers=recipe.text.layers if text else "last",
        audio_norm=recipe.audio.frame_norm if audio else "none",
        text_norm=recipe.text.frame_norm if text else "none",
        fusion=recipe.fusion.kind,
        asks=recipe.fusion.asks,
        width=recipe.fusion.width,
        heads=recipe.fusion.heads,
        residual=recipe.fusion.residual,
        feed_forward=recipe.fusion.feed_forward,
        auxiliary=recipe.training.auxiliary > 0,
        recurrent=recipe.fusion.recurrent,
        attention_dropout=recipe.fusion.attention_dropout,
        recurrent_dropout=recipe.fusion.recurrent_dropout,
        pooling=recipe.pooling,
        head_hidden=recipe.head.hidden,
        head_dropout=recipe.head.dropout,
        head_norm=recipe.head.norm,
        missing_modalities=bool(audio and text and dropped.audio and dropped.text),
        id2label=dict(enumerate(task.labels)),
        label2id={label: index for index, label in enumerate(task.labels)},
        dimensions=list(task.dimensions),
        ranges=[list(limits) for limits in task.ranges],
        multi_label=task.multi_label,
    )


def _read_config(path: str, key: str) -> dict[str, Any]:
    try:
        values = parse_yaml(read_text(Path(path)))
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{key}.config: {path} cannot be read as a configuration ({brief_message(error)})"
        ) from error
    if not isinstance(values, dict):
        raise RecipeError(f"{key}.config: {path} does not hold a configuration")
    return values
