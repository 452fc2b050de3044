"""The settings and the index of a model folder, looked through before anything of it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config.number_ranges import find_out_of_range
from emofuse.errors import CheckpointError, brief_message
from emofuse.untrusted.bounded_files import refuse_links_outside
from emofuse.untrusted.json_text import read_json_object

# The files that say what a model is and what loads it; of tokenizers, the vocabulary itself holds no settings.
ADAPTER = "adapter_config.json"
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
NETWORK_SETTINGS = (layout.CONFIG, "generation_config.json", layout.PREPARATION, "processor_config.json")
# Keys by which a folder asks for Python code: its own, or of another place.
CODE_KEYS = ("auto_map", "custom_pipelines", "custom_generate")
# Keys that name how attention is computed, and what transformers brings itself; the Hub may have to bring others.
ATTENTION_KEYS = ("attn_implementation", "_attn_implementation", "experts_implementation")
OWN_IMPLEMENTATIONS = ("eager", "sdpa", "grouped_mm", "batched_mm")
# The key by which settings name other weights than those that were looked at.
WEIGHTS_KEY = "transformers_weights"
_SHARD = re.compile(r"[\w.-]+\.safetensors")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")


def look_through(folder: Path) -> None:
    """Refuse a model folder that would run code, leaves its folder, or asks for what no model has.

    Raises:
        CheckpointError: the sentence says what, where, and how to mend it.
    """
    refuse_links_outside(folder)
    if (folder / ADAPTER).exists():
        raise CheckpointError(
            f"{folder / ADAPTER}: names another model that its adapters belong to, which is not loaded unasked; "
            "merge them into that model, and name the result"
        )
    for name in (*NETWORK_SETTINGS, *TOKENIZER_SETTINGS):
        if (folder / name).exists():
            _look_at(folder / name, with_ranges=name in NETWORK_SETTINGS)
    _check_index(folder)


def weight_files(folder: Path) -> list[Path]:
    """Return the files with a folder's weights.

    Raises:
        CheckpointError: it has none, or only such as may run code.
    """
    index, single = folder / layout.WEIGHTS_INDEX, folder / layout.WEIGHTS
    if single.is_file():
        return [single]
    if index.is_file():
        return [folder / name for name in sorted(set(_read(index)["weight_map"].values()))]
    pickled = sorted(one.name for pattern in PICKLES for one in folder.glob(pattern))
    if pickled:
        raise CheckpointError(
            f"{folder}: holds its weights only in {pickled[0]}, a form that may run code and is never opened; "
            "name a revision with model.safetensors, or, where you trust it, load it once with transformers and "
            "save it with save_pretrained"
        )
    raise CheckpointError(
        f"{folder}: has no weights ({layout.WEIGHTS}; no other is fetched); fetch, copy or train the model again, "
        "or, where it was published as a pickle alone, name a revision with safetensors, or load it once with "
        "transformers and save it with save_pretrained"
    )


def _look_at(path: Path, with_ranges: bool) -> None:
    """Refuse settings that ask for code, for quantised weights, or for numbers out of range."""
    settings = _read(path)
    for key, value in _entries(settings):
        if key in CODE_KEYS and value:
            raise CheckpointError(
                f"{path}: asks for Python code that comes with the model ({key}), and no code of a model is run; "
                "name a model whose architecture transformers has"
            )
        if key in ATTENTION_KEYS and not _is_own(value):
            raise CheckpointError(
                f"{path}: asks for code that transformers may fetch from the Hub ({key} {str(value)[:60]!r}), "
                "and no code of a model is run; take the key out"
            )
        if key == WEIGHTS_KEY and value:
            raise CheckpointError(
                f"{path}: names other weights ({key} {str(value)[:60]!r}), and only {layout.WEIGHTS} or its index "
                "is opened; take the key out"
            )
        if key == "quantization_config" and value:
            raise CheckpointError(
                f"{path}: its weights are quantised (quantization_config), which are not read; name the model "
                "that they were made from, or export it with --int8"
            )
    wrong = find_out_of_range(settings) if with_ranges else None
    if wrong is not None:
        raise CheckpointError(f"{path}: {wrong}; fetch, copy or train the model again")


def _is_own(implementation: Any) -> bool:
    """Tell whether transformers brings an implementation of attention itself; of several parts, each."""
    parts = implementation.values() if isinstance(implementation, dict) else (implementation,)
    return all(part is None or (isinstance(part, str) and part in OWN_IMPLEMENTATIONS) for part in parts)


def _check_index(folder: Path) -> None:
    """Refuse an index that names anything else than weights of this folder."""
    path = folder / layout.WEIGHTS_INDEX
    if not path.exists():
        return
    names = _read(path).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise CheckpointError(f"{path}: has no weight_map; fetch or copy the model again")
    for name in names.values():
        if not isinstance(name, str) or not _SHARD.fullmatch(name) or not (folder / name).is_file():
            raise CheckpointError(
                f"{path}: names {str(name)[:80]!r}, which is no safetensors file in this folder; no other is "
                "opened: fetch or copy the model again"
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({brief_message(error)}); fetch or copy the model again"
        ) from error


def _entries(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at every level."""
    waiting: list[Any] = [settings]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
