"""The one door to the loaders of transformers.

A model is looked through first, see `emofuse.hub`. Then its own loader gets a folder on this machine, never a
name, and is told to run no code of the model's, to open safetensors only, and to fetch nothing. A test finds every
other call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    pipeline,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder
from transformers.utils import logging as transformers_logging

from emofuse.box import name_of
from emofuse.errors import EmofuseError, brief_message
from emofuse.hub.snapshots import SETTINGS, TOKENIZER, WEIGHTS, Source, folder_of
from emofuse.model.vetting.weight_checks import HeldWeights, refuse_larger_than_its_files, refuse_unusable

# From the names of the weights of a Whisper's encoder in its files to those that they have in the encoder alone.
ENCODER_NAMES = {r"^(model\.)?encoder\.": ""}


def shown_name(source: Source) -> str:
    """Return what a model is called where others may read it: a folder without its path."""
    return name_of(Path(source.name)) if Path(source.name).is_dir() else source.name


def find_file(source: Source, name: str) -> Path | None:
    """Return the path of one file of a model; None where it has none.

    Raises:
        OSError, ValueError, CheckpointError: as `folder_of`.
    """
    path = folder_of(source, (*SETTINGS, name)) / name
    return path if path.is_file() else None


def load_config(source: Source, kind: Any = AutoConfig) -> PreTrainedConfig:
    """Return the configuration of a model.

    Args:
        source: where it comes from.
        kind: the class of the configuration; by default its file says which.

    Raises:
        OSError, ValueError, CheckpointError: as `folder_of`; or it is no configuration of an architecture.
    """
    folder = folder_of(source)
    with _as_value_error():
        config: PreTrainedConfig = kind.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    config.name_or_path = shown_name(source)
    return config


def build_network(config: PreTrainedConfig, kind: Any = AutoModel) -> PreTrainedModel:
    """Build a network with random weights from its configuration, whatever the precision of its files."""
    network: PreTrainedModel = kind.from_config(config, trust_remote_code=False, dtype=torch.get_default_dtype())
    return network


def load_network(source: Source, kind: Any = AutoModel) -> tuple[PreTrainedModel, list[str]]:
    """Return a network in float32, and the names of the weights that its files lack.

    Args:
        source: where it comes from.
        kind: an Auto class of transformers, which knows the architecture.

    Raises:
        OSError, ValueError, CheckpointError: as `load_config`; or its weights do not fit or are no usable numbers.
    """
    config = load_config(source)
    return _load(source, kind.from_pretrained, lambda: build_network(config, kind))


def load_whisper_encoder(source: Source) -> tuple[PreTrainedModel, list[str]]:
    """Return the encoder of a Whisper, as `load_network`; its decoder, the larger half, takes no memory."""
    config = load_config(source)
    return _load(source, WhisperEncoder.from_pretrained, lambda: WhisperEncoder(config), ENCODER_NAMES)


def _load(
    source: Source,
    load: Callable[..., Any],
    empty: Callable[[], nn.Module],
    names: Mapping[str, str] | None = None,
) -> tuple[PreTrainedModel, list[str]]:
    folder = folder_of(source, WEIGHTS)
    held = HeldWeights.in_folder(folder)
    with _as_value_error(), without_reports():
        refuse_larger_than_its_files(source.name, empty, held.numbers)
        network, loading = load(
            folder,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            key_mapping=names and dict(names),
        )
    refuse_unusable(source.name, network, held)
    network.config.name_or_path = shown_name(source)
    return network, sorted(loading["missing_keys"])


def load_tokenizer(source: Source) -> Any:
    """Return the tokenizer of a model, of the class that transformers has for it.

    Raises:
        OSError, ValueError, CheckpointError: as `folder_of`; or it has none with a vocabulary.
    """
    folder = folder_of(source, TOKENIZER)
    with _as_value_error():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):  # made up where there are no files
            raise ValueError("it has no tokenizer with a vocabulary")
    return tokenizer


def load_feature_extractor(source: Source) -> Any:
    """Return what prepares sound for a model.

    Raises:
        OSError, ValueError, CheckpointError: as `folder_of`; or it has none.
    """
    folder = folder_of(source)
    with _as_value_error():
        return AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def load_recogniser(source: Source, kind: Any, device: str) -> Any:
    """Return the pipeline of a speech recogniser.

    Args:
        source: where it comes from.
        kind: the Auto class of its architecture.
        device: where it computes.

    Raises:
        OSError, ValueError, CheckpointError: as `load_network` and `load_tokenizer`.
    """
    network, _ = load_network(source, kind)
    tokenizer, extractor = load_tokenizer(source), load_feature_extractor(source)
    with _as_value_error():
        return pipeline(
            "automatic-speech-recognition",
            model=network,
            tokenizer=tokenizer,
            feature_extractor=extractor,
            device=device,
            trust_remote_code=False,
        )


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Turn whatever a loader raises into a ValueError: on damaged files it fails in every way."""
    try:
        yield
    except (EmofuseError, OSError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {brief_message(error)}") from error


@contextmanager
def without_reports() -> Iterator[None]:
    """Keep the loading report and the bar of transformers away: what they would say is filled or refused here."""
    verbosity, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bar:
            transformers_logging.enable_progress_bar()


def own_memory(model: nn.Module) -> None:
    """Move weights that lie in a mapped file into memory of torch's own.

    There they are aligned as when the model was made, so that the same arithmetic gives the same bits; and the
    file may be replaced while the model is in use.
    """
    for value in (*model.parameters(), *model.buffers()):
        if value.device.type == "cpu":
            value.data = value.data.clone()
