"""A model folder, open to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emofuse import layout
from emofuse.box import explained_by
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.model_folders import find_folder, read_calibration

if TYPE_CHECKING:
    from emofuse.inference.torch_runtime import TorchRuntime


@dataclass(frozen=True)
class Opened:
    """A model folder that is open.

    Attributes:
        folder: where it lies.
        runtime: what computes.
        preparation: what turns recordings and words into arrays.
        calibration: of the model's confidence.
    """

    folder: Path
    runtime: TorchRuntime
    preparation: Preparation
    calibration: Calibration


def open_model(model: str | Path, device: str | None = None) -> Opened:
    """Open a model folder to explain with.

    Raises:
        CheckpointError: there is no such folder, it is not a whole emofuse model, or it is an exported one.
        MissingExtraError: torch is not installed.
    """
    folder = find_folder(explained_by(model))
    if layout.is_exported_folder(folder):
        raise CheckpointError(
            f"{folder}: an exported model has no gradients to explain with; give the model folder it was made from"
        )
    from emofuse.inference.torch_runtime import load_torch

    runtime, preparation = load_torch(folder, device)
    return Opened(folder, runtime, preparation, read_calibration(folder) or Calibration())
