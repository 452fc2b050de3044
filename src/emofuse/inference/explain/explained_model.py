"""A model of any form, opened for explanations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emofuse import layout
from emofuse.box import boxes, find_model, is_foreign
from emofuse.data.preparation import Preparation
from emofuse.errors import MissingExtraError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.choice.chosen_models import ChosenModel, ModelName, open_chosen
from emofuse.inference.model_folders import read_calibration, read_scope, read_text_languages
from emofuse.inference.runtime import Runtime

if TYPE_CHECKING:
    from emofuse.model.network import EmotionModel


@dataclass(frozen=True)
class ExplainedModel:
    """A model that is opened for explanations.

    Attributes:
        folder: of the model.
        runtime: what computes.
        preparation: from clips and texts to arrays.
        calibration: of its probabilities.
        network: the network of a model folder of ours, whose gradients are used; None for any other model.
        scope: what the model is for, in its own words; None where it does not say.
        text_languages: leave out text in any other language; None takes any text.
    """

    folder: Path
    runtime: Runtime
    preparation: Preparation
    calibration: Calibration
    network: EmotionModel | None = None
    scope: str | None = None
    text_languages: tuple[str, ...] | None = None


def open_model(model: ModelName, device: str | None = None) -> ExplainedModel:
    """Open a model to explain with.

    Of a box, this is its model folder where that is there and gradients can be computed, else its exported form.

    Raises:
        CheckpointError: there is no such model, or it is not whole.
        MissingExtraError: it is a model folder, and torch or captum is not installed.
    """
    chosen = ChosenModel.of(model)
    folder = None if chosen.together else _form(find_model(chosen.name))
    if folder is None:
        joined = open_chosen(chosen, device)
        parts = joined.predictor.runtime, joined.predictor.preparation, joined.predictor.calibration
        languages = joined.predictor.text_languages
        return ExplainedModel(joined.folders["audio"], *parts, None, joined.predictor.scope, languages)
    if layout.is_exported_folder(folder) or is_foreign(folder):
        predictor = open_chosen(replace(chosen, name=folder), device).predictor
        parts = predictor.runtime, predictor.preparation, predictor.calibration
        return ExplainedModel(folder, *parts, None, predictor.scope, predictor.text_languages)
    require_gradients()
    from emofuse.inference.torch_runtime import load_torch

    with_torch, preparation = load_torch(folder, device)
    calibration, scope = read_calibration(folder) or Calibration(), read_scope(folder)
    languages = read_text_languages(folder)
    return ExplainedModel(folder, with_torch, preparation, calibration, with_torch.model, scope, languages)


def require_gradients() -> None:
    """Import what computes gradients.

    Raises:
        MissingExtraError: torch or captum is not installed.
    """
    import emofuse.model  # noqa: F401  # says so itself where torch is missing

    try:
        import captum.attr  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("train", "an explanation by gradients") from error


def _form(folder: Path) -> Path:
    """Return which form of a box, found as its exported folder, is explained; anything else as it is."""
    box = next((box for box in boxes().values() if folder == box.exported), None)
    return box.model if box is not None and box.has_weights and _has_gradients() else folder


def _has_gradients() -> bool:
    try:
        require_gradients()
    except MissingExtraError:
        return False
    return True
