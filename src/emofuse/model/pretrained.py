"""Pre-trained encoders: from a folder, a model of our own, the local cache or the Hub, known by their content."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import cached_file

from emofuse import layout
from emofuse.data.tokenization import read_tokenizer
from emofuse.errors import CheckpointError, RecipeError, brief_message
from emofuse.model.encoders.own_encoders import find_own_encoder, find_own_model
from emofuse.untrusted.json_text import read_json_object

# Weights that a bare encoder may lack or have left over without harm: heads of its pre-training, its pooler.
HARMLESS = ("pooler.", "masked_spec_embed", "lm_head.", "cls.", "quantizer.", "project_hid.", "project_q.")


@dataclass(frozen=True)
class Source:
    """Where an encoder comes from: a folder, a model in the box, or a name on the Hub, there at a revision."""

    name: str
    revision: str | None = None


@dataclass(frozen=True)
class Reference:
    """An encoder that a model folder names instead of holding it, with the hash of its weights."""

    name: str
    revision: str | None
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the reference as `config.json` holds it."""
        return asdict(self)


def fetch_config(source: Source, key: str) -> PreTrainedConfig:
    """Return an encoder's configuration.

    Raises:
        RecipeError: it is neither a folder nor cached, and cannot be fetched.
    """
    own = find_own_encoder(source.name, key)
    if own is not None:
        return own.config
    try:
        return AutoConfig.from_pretrained(source.name, revision=source.revision)
    except (OSError, ValueError) as error:
        raise RecipeError(unreachable(source, key, error)) from error


def fetch_encoder(source: Source, key: str) -> PreTrainedModel:
    """Return an encoder with its weights, in float32; of an encoder-decoder only the encoder.

    Raises:
        RecipeError: it cannot be fetched, or lacks weights that the encoder needs.
        CheckpointError: it is that of a model of our own, which is damaged.
    """
    own = find_own_encoder(source.name, key)
    if own is not None:
        return own.load() if own.reference is None else fetch_encoder(Source(*own.reference), key)
    try:
        model, loading = AutoModel.from_pretrained(
            source.name, revision=source.revision, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise RecipeError(unreachable(source, key, error)) from error
    missing = sorted(name for name in loading["missing_keys"] if not name.startswith(HARMLESS))
    if missing:
        raise RecipeError(
            f"{key}.encoder: {source.name} lacks the weight {missing[0]!r} ({len(missing)} in all); "
            "it is not a checkpoint of this encoder"
        )
    return model.get_encoder() if model.config.is_encoder_decoder else model


def fetch_tokenizer(source: Source) -> Tokenizer:
    """Return a text encoder's own tokenizer, without truncation and padding.

    `AutoTokenizer` chooses by the encoder's family how a text is cut, unless `tokenizer_config.json` names a
    class: a BERT with a vocabulary of byte pairs would be read as one of word pieces. Where `tokenizer.json` says
    otherwise, that file is right.

    Raises:
        RecipeError: it cannot be fetched, or has no form that `tokenizers` reads.
    """
    own_model = find_own_model(source.name)
    if own_model is not None:
        return read_tokenizer(own_model / layout.TOKENIZER)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.name, revision=source.revision)
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):  # made up where there are no files
            raise ValueError("it has no tokenizer with a vocabulary")
        plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        written = _written_tokenizer(source)
    except (OSError, ValueError, AttributeError) as error:
        raise RecipeError(unreachable(source, "text", error)) from error
    own = plain if written is None or type(written.model) is type(plain.model) else written
    own.no_truncation()
    own.no_padding()
    return own


def _written_tokenizer(source: Source) -> Tokenizer | None:
    """Return what an encoder's `tokenizer.json` holds; None without one."""
    path = cached_file(
        source.name, layout.TOKENIZER, revision=source.revision, _raise_exceptions_for_missing_entries=False
    )
    return Tokenizer.from_file(path) if path else None


def fetch_settings(source: Source) -> dict[str, Any]:
    """Return what a speech checkpoint says of its input, from its `preprocessor_config.json`; {} without one."""
    path = cached_file(
        source.name,
        "preprocessor_config.json",
        revision=source.revision,
        _raise_exceptions_for_missing_entries=False,
    )
    return read_json_object(Path(path)) if path else {}


def pinned_revision(source: Source) -> str | None:
    """Return the commit that a name on the Hub stands for in the local cache; None for a folder."""
    path = cached_file(
        source.name, "config.json", revision=source.revision, _raise_exceptions_for_missing_entries=False
    )
    folder = Path(path).parent if path else Path()
    return folder.name if folder.parent.name == "snapshots" else source.revision


def refer_to(backbone: nn.Module, source: Source) -> Reference:
    """Return a reference to the encoder whose weights a backbone holds; a folder by its absolute path."""
    name = str(Path(source.name).resolve()) if Path(source.name).is_dir() else source.name
    revision = pinned_revision(source) if find_own_model(source.name) is None else None
    return Reference(name, revision, content_hash(base_weights(backbone)))


def fill_from_reference(backbone: nn.Module, reference: Reference, key: str, folder: str) -> None:
    """Give a backbone the weights that a model folder refers to.

    Raises:
        CheckpointError: the encoder cannot be found, or its weights are not those of the reference.
    """
    try:
        source = fetch_encoder(Source(reference.name, reference.revision), key)
        fill(backbone, source)
    except RecipeError as error:
        raise CheckpointError(f"{folder}: its {key} encoder is saved by reference; {error}") from error
    given = source.state_dict()
    if content_hash({name: given[name] for name in base_weights(backbone) if name in given}) != reference.sha256:
        raise CheckpointError(
            f"{folder}: its {key} encoder {reference.name} has changed since the model was trained (its weights "
            f"have another hash); restore the one it was trained with, revision {reference.revision}"
        )


def fill(backbone: nn.Module, source: nn.Module) -> None:
    """Copy the weights of a plain encoder into a backbone, whose layers may have adapters around them.

    Raises:
        RecipeError: the source lacks a weight, or has it in another shape.
    """
    given = source.state_dict()
    with torch.no_grad():
        for name, target in base_weights(backbone).items():
            if name in given and given[name].shape == target.shape:
                target.copy_(given[name])
            elif not name.startswith(HARMLESS):
                raise RecipeError(f"the encoder's weight {name!r} is not in its checkpoint, or has another shape")


def base_weights(backbone: nn.Module) -> dict[str, Tensor]:
    """Return the weights of an encoder under their plain names, adapters left out."""
    return {
        name.replace(".base_layer.", "."): value
        for name, value in backbone.state_dict().items()
        if "lora_" not in name
    }


def content_hash(weights: dict[str, Tensor]) -> str:
    """Return a hash of names, shapes and numbers; what is harmless to lack does not count."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        if not name.startswith(HARMLESS):
            value = weights[name].detach().float().cpu().contiguous()
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def unreachable(source: Source, key: str, error: Exception) -> str:
    """Say in one sentence that an encoder cannot be had, and which command would fetch it."""
    revision = f" --revision {source.revision}" if source.revision else ""
    return (
        f"{key}.encoder: {source.name} is neither a folder nor in the local cache, and cannot be fetched from the "
        f"Hub ({brief_message(error)}); where there is a network: hf download {source.name}{revision}"
    )
