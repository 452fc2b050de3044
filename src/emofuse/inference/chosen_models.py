"""From a model's name, and how it is to be used, to a predictor; every door opens models here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from emofuse.box import find_model
from emofuse.inference.model_folders import open_predictor, read_text_languages
from emofuse.inference.predictor import Predictor


@dataclass(frozen=True)
class ChosenModel:
    """Which model is used, and how.

    Attributes:
        name: as `emofuse.box.find_model` takes it; None for the default one in the box.
        label_map: what labels of a model of others are called here, beyond known spellings of our words; an empty
            string leaves a label out.
    """

    name: str | Path | None = None
    label_map: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, model: ModelName) -> ChosenModel:
        """Return a choice; a mere name is one."""
        return model if isinstance(model, ChosenModel) else cls(model)


ModelName = str | Path | ChosenModel | None


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready to predict.

    Attributes:
        predictor: the model.
        folders: of the model, by what they are for: "model".
    """

    predictor: Predictor
    folders: Mapping[str, Path]


def open_chosen(model: ModelName, device: str | None = None, threads: int | None = None) -> OpenedModel:
    """Open a model with its calibration, its scope and the languages that it knows.

    Args:
        model: the choice.
        device: where torch computes; None takes a GPU where there is one.
        threads: how many compute at once; None takes the processors that are there.

    Raises:
        CheckpointError: there is no such model, it is not whole, or does not run on that device.
        RecipeError: its labels cannot be named as chosen.
        MissingExtraError: it needs torch, and that is not installed.
    """
    chosen = ChosenModel.of(model)
    folder = find_model(chosen.name)
    predictor = open_predictor(folder, device, threads, chosen.label_map)
    return OpenedModel(replace(predictor, text_languages=read_text_languages(folder)), {"model": folder})
