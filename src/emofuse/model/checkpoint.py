"""A model folder: written whole or not at all, read completely, or a `CheckpointError`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from emofuse import layout
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError, brief_message
from emofuse.model.network import EmotionModel


@dataclass(frozen=True)
class Checkpoint:
    """A network and the preparation of its inputs."""

    model: EmotionModel
    preparation: Preparation


def save_checkpoint(checkpoint: Checkpoint, folder: Path, card: Callable[[Path], None] | None = None) -> None:
    """Write a model folder whole or not at all; an older one there is replaced.

    Args:
        checkpoint: what to save.
        folder: its place.
        card: writes the model's card into a folder.

    Raises:
        RunError: the folder cannot be written.
    """
    with layout.writing_folder(folder, replace=True) as temporary:
        checkpoint.model.save_pretrained(temporary)
        checkpoint.preparation.save(temporary)
        if card is not None:
            card(temporary)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a model folder.

    Raises:
        CheckpointError: a file is missing or damaged, or weights are missing, left over or of another shape.
    """
    if not layout.is_model_folder(folder):
        raise CheckpointError(f"{folder}: is not a model folder, it has no {layout.CONFIG}")
    if not (folder / layout.WEIGHTS).is_file() and not (folder / layout.WEIGHTS_INDEX).is_file():
        raise CheckpointError(f"{folder}: has no weights ({layout.WEIGHTS}); copy or train the model again")
    return Checkpoint(load_model(folder), Preparation.load(folder))


def load_model(folder: Path) -> EmotionModel:
    """Read the network of a model folder.

    Raises:
        CheckpointError: the weights do not fit the configuration, a file is damaged, or an encoder that the
            folder refers to cannot be had.
    """
    try:
        network: EmotionModel = EmotionModel.from_pretrained(folder, local_files_only=True)
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder}: cannot be loaded ({brief_message(error)}); save or copy it again"
        ) from error
    return network.eval()
