"""A model folder, opened for explanations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emofuse.box import find_trained_model
from emofuse.data.preparation import Preparation
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.model_folders import read_calibration, read_scope

if TYPE_CHECKING:
    from emofuse.inference.torch_runtime import TorchRuntime


@dataclass(frozen=True)
class ExplainedModel:
    """A model that is opened for explanations.

    Attributes:
        folder: of the model.
        runtime: what computes.
        preparation: from clips and texts to arrays.
        calibration: of its probabilities.
        scope: what the model is for, in its own words; None where it does not say.
    """

    folder: Path
    runtime: TorchRuntime
    preparation: Preparation
    calibration: Calibration
    scope: str | None = None


def open_model(model: str | Path, device: str | None = None) -> ExplainedModel:
    """Open a model folder to explain with.

    Raises:
        CheckpointError: there is no such folder, it is not a whole emofuse model, or it is an exported one.
        MissingExtraError: torch is not installed.
    """
    folder = find_trained_model(model)
    from emofuse.inference.torch_runtime import load_torch

    runtime, preparation = load_torch(folder, device)
    calibration = read_calibration(folder) or Calibration()
    return ExplainedModel(folder, runtime, preparation, calibration, read_scope(folder))
