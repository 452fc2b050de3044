"""Pre-trained encoders: from a folder, a model of our own, the local cache or the Hub, known by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from emofuse import layout
from emofuse.data.tokenization import read_tokenizer
from emofuse.errors import CheckpointError, EmofuseError, RecipeError, brief_message
from emofuse.hub.snapshots import WEIGHTS, Source, folder_of
from emofuse.model.encoders.encoder_references import Reference
from emofuse.model.encoders.own_encoders import OwnEncoder, find_own_encoder, find_own_model
from emofuse.model.vetting.loaders import (
    find_file,
    load_config,
    load_network,
    load_tokenizer,
    load_whisper_encoder,
    shown_name,
)
from emofuse.model.vetting.weight_checks import HeldWeights
from emofuse.untrusted.json_text import read_json_object

# A model may refer to a model that refers to a third; further, or in a ring, none does.
MOST_REFERENCES = 4
# Weights that a bare encoder may lack or have left over without harm: heads of its pre-training, its pooler.
HARMLESS = ("pooler.", "masked_spec_embed", "lm_head.", "cls.", "quantizer.", "project_hid.", "project_q.")


def fetch_config(source: Source, key: str) -> PreTrainedConfig:
    """Return an encoder's configuration.

    Raises:
        RecipeError: it is neither a folder nor cached, and cannot be fetched.
    """
    own = find_own_encoder(source.name, key)
    if own is not None:
        return own.config
    try:
        return load_config(source)
    except (OSError, ValueError) as error:
        raise RecipeError(unreachable(source, key, error)) from error


def fetch_encoder(source: Source, key: str) -> PreTrainedModel:
    """Return an encoder with its weights, in float32; of an encoder-decoder only the encoder.

    Raises:
        RecipeError: it cannot be fetched, or lacks weights that the encoder needs.
        CheckpointError: it is that of a model of our own, which is damaged.
    """
    source, own = _end_of_references(source, key)
    if own is not None:
        return own.load()
    try:
        whisper = load_config(source).model_type == "whisper"
        model, lacking = load_whisper_encoder(source) if whisper else load_network(source)
    except (OSError, ValueError) as error:
        raise RecipeError(unreachable(source, key, error)) from error
    missing = [name for name in lacking if not name.startswith(HARMLESS)]
    if missing:
        raise RecipeError(
            f"{key}.encoder: {source.name} lacks the weight {missing[0]!r} ({len(missing)} in all); "
            "it is not a checkpoint of this encoder"
        )
    return model.get_encoder() if model.config.is_encoder_decoder and not whisper else model


def _end_of_references(source: Source, key: str) -> tuple[Source, OwnEncoder | None]:
    """Return where the weights of an encoder are, and the encoder of ours that it is there, if it is one.

    Raises:
        CheckpointError: the references lead too far, or in a ring.
    """
    start = source
    for _ in range(MOST_REFERENCES):
        own = find_own_encoder(source.name, key)
        if own is None or own.reference is None:
            return source, own
        source = Reference.read(own.folder, key, own.reference).source
    raise CheckpointError(
        f"{start.name}: its {key} encoder is a reference to a reference, more than {MOST_REFERENCES} in a row or "
        "in a ring; train or copy the model again"
    )


def held_by_reference(reference: Reference, key: str, folder: str) -> int:
    """Return how many numbers the files hold to which a reference in a folder leads.

    Raises:
        CheckpointError: they cannot be had.
    """
    source = reference.source
    try:
        source, own = _end_of_references(source, key)
        return HeldWeights.in_folder(own.folder if own else folder_of(source, WEIGHTS)).numbers
    except (EmofuseError, OSError, ValueError) as error:
        reason = error if isinstance(error, EmofuseError) else unreachable(source, key, error)
        raise CheckpointError(f"{folder}: its {key} encoder is saved by reference; {reason}") from error


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
        own, _ = own_tokenizer(source)
    except (OSError, ValueError) as error:
        raise RecipeError(unreachable(source, "text", error)) from error
    return own


def own_tokenizer(source: Source) -> tuple[Tokenizer, int | None]:
    """Return the tokenizer of a model that is not ours, and how many pieces it says that the model takes.

    Raises:
        OSError, ValueError, CheckpointError: it has none, or none of a form that `tokenizers` reads.
    """
    tokenizer = load_tokenizer(source)
    try:
        plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    except AttributeError as error:
        raise ValueError(f"it is a {type(tokenizer).__name__}, which has no tokenizer.json") from error
    written = _written_tokenizer(source)
    own = plain if written is None or type(written.model) is type(plain.model) else written
    own.no_truncation()
    own.no_padding()
    return own, tokenizer.model_max_length


def _written_tokenizer(source: Source) -> Tokenizer | None:
    """Return what an encoder's `tokenizer.json` holds; None without one."""
    path = find_file(source, layout.TOKENIZER)
    return read_tokenizer(path) if path else None


def fetch_settings(source: Source) -> dict[str, Any]:
    """Return what a speech checkpoint says of its input, from its `preprocessor_config.json`; {} without one."""
    path = find_file(source, layout.PREPARATION)
    return read_json_object(path) if path else {}


def pinned_revision(source: Source) -> str | None:
    """Return the commit that a name on the Hub stands for in the local cache; None for a folder."""
    folder = folder_of(source)
    return folder.name if folder.parent.name == "snapshots" else source.revision


def refer_to(backbone: nn.Module, source: Source) -> Reference:
    """Return a reference to the encoder whose weights a backbone holds."""
    folder = Path(source.name).resolve() if Path(source.name).is_dir() else None
    revision = pinned_revision(source) if find_own_model(source.name) is None and folder is None else None
    return Reference(shown_name(source), revision, content_hash(base_weights(backbone)), folder)


def fill_from_reference(backbone: nn.Module, reference: Reference, key: str, folder: str) -> None:
    """Give a backbone the weights that a model folder refers to.

    Raises:
        CheckpointError: the encoder cannot be found, or its weights are not those of the reference.
    """
    try:
        source = fetch_encoder(reference.source, key)
        fill(backbone, source)
    except RecipeError as error:
        raise CheckpointError(f"{folder}: its {key} encoder is saved by reference; {error}") from error
    given = source.state_dict()
    if content_hash({name: given[name] for name in base_weights(backbone) if name in given}) != reference.sha256:
        raise CheckpointError(
            f"{folder}: its {key} encoder {reference.name} has changed since the model was trained (its weights "
            f"have another hash); restore the one with {reference.identity}"
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
