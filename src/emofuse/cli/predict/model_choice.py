"""Which model a command uses: a folder, one in the box by its name, or the one in the box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emofuse import layout
from emofuse.errors import CheckpointError

NO_MODEL = "no such model folder; give one as the first argument"


def choose_model(first: Path | None, inputs: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Return the model's folder, and what is left to be predicted.

    Where the first argument is no model but an input, the model is the one in the box.

    Raises:
        CheckpointError: the first argument is neither, or no model is in the box.
    """
    if first is not None and _is_model(first):
        return first, list(inputs)
    boxed = _box(str(first)) if first is not None else None
    if boxed is not None:
        return boxed, list(inputs)
    if first is not None and not _is_input(first):
        raise CheckpointError(f"{first}: {NO_MODEL}")
    default = _box(None)
    if default is None:
        raise CheckpointError(f"{first}: {NO_MODEL}" if first is not None else f"MODEL: {NO_MODEL}")
    return default, [*([] if first is None else [first]), *inputs]


def _is_model(path: Path) -> bool:
    return any(layout.is_model_folder(p) or layout.is_exported_folder(p) for p in (path, path / layout.MODEL))


def _is_input(path: Path) -> bool:
    """Tell whether an argument names something to predict, there or not."""
    from emofuse.sound.clips import AUDIO_SUFFIXES

    return path.exists() or path.suffix.lower() in (*AUDIO_SUFFIXES, ".jsonl")


def _box(name: str | None) -> Path | None:
    """Return a model of the box by its name, or the one that is taken where none is named; None without one."""
    from emofuse.inference.box import default_box, find_box

    return default_box() if name is None else find_box(name)
