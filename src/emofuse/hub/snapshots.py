"""From the name of a model on the Hub to its folder in the Hub's cache, with no more files than are used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emofuse import layout
from emofuse.errors import CheckpointError, brief_message
from emofuse.hub.model_settings import ADAPTER, NETWORK_SETTINGS, TOKENIZER_SETTINGS, look_through
from emofuse.seal import locks

# What is fetched of a model on the Hub, as patterns: never Python, never pickles, nothing in subfolders.
SETTINGS = (*NETWORK_SETTINGS, ADAPTER)
WEIGHTS = (*SETTINGS, layout.WEIGHTS, layout.WEIGHTS_INDEX, "model-*-of-*.safetensors")
VOCABULARY = (
    layout.TOKENIZER,
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "normalizer.json",
    "*.model",
)
TOKENIZER = (*SETTINGS, *TOKENIZER_SETTINGS, *VOCABULARY)
CARD = (layout.CARD,)
# What a model says of its use, in a folder of either form, and what relative predictions need.
STATEMENTS = (layout.CALIBRATION, layout.SCOPE, layout.RELATIVE, layout.CARD)
EXPORTED = (layout.EXPORT, layout.PREPARATION, layout.GRAPH, f"{layout.GRAPH}.data", layout.TOKENIZER, *STATEMENTS)
# A name on the Hub: an owner and a name, and the revision where it is not the newest.
_ON_HUB = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?")
# How the folder of a model in the Hub's cache is called.
_CACHED = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a folder, a model in the box, or a name on the Hub, there at a revision."""

    name: str
    revision: str | None = None

    @property
    def download(self) -> str:
        """The command that fetches a model of the Hub."""
        return f"hf download {self.name}" + (f" --revision {self.revision}" if self.revision else "")


def folder_of(source: Source, files: Sequence[str] = SETTINGS) -> Path:
    """Return the folder of a model, looked through; one on the Hub is fetched as far as these files go.

    Raises:
        OSError, ValueError: there is no such folder, and it cannot be fetched.
        CheckpointError: it would run code, leaves its folder, or asks for what no model has.
    """
    folder = Path(source.name)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        fetched = snapshot_download(
            source.name,
            revision=source.revision,
            allow_patterns=[*files],
            ignore_patterns=["*/*"],
            local_files_only=bool(locks()),  # a sealed process has no network, and need not try
        )
        folder = Path(fetched)
    look_through(folder)
    return folder


def on_hub(name: str) -> Source | None:
    """Return what a name means on the Hub; None where it is no name there, or that of a place on this machine.

    A path below a folder that is here is not asked for on the Hub.

    >>> on_hub("someone/model@v1.0")
    Source(name='someone/model', revision='v1.0')
    """
    found = _ON_HUB.fullmatch(name)
    if found is None or Path(name.partition("/")[0]).exists():
        return None
    return Source(found["name"], found["revision"])


def fetch_model(source: Source) -> Path:
    """Return the folder in the Hub's cache of a whole model, ours in either form or of others.

    Raises:
        CheckpointError: it is neither cached nor can it be fetched, or it would run code.
    """
    try:
        folder = folder_of(source, (*SETTINGS, layout.EXPORT))
        exported = layout.is_exported_folder(folder)
        return folder_of(source, EXPORTED if exported else (*WEIGHTS, *TOKENIZER, *STATEMENTS))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{source.name}: no such folder here, and the model of that name on the Hub is not in the local cache "
            f"and cannot be fetched ({brief_message(error)}); check the path or, where there is a network: "
            f"{source.download}"
        ) from error


def name_in_cache(folder: Path) -> str | None:
    """Return the name on the Hub of a folder in its cache (`models--OWNER--NAME/snapshots/COMMIT`); else None."""
    found = _CACHED.fullmatch(folder.parents[1].name) if folder.parent.name == "snapshots" else None
    return None if found is None else f"{found['owner']}/{found['name']}"
