"""The initial weights of a fused network: those of the unimodal systems of the same fold and seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from emofuse import layout
from emofuse.config import Recipe
from emofuse.errors import RecipeError
from emofuse.model.checkpoint import load_model
from emofuse.model.network import EmotionModel
from emofuse.types import MODALITIES, Modality


def initialise_from_unimodal(fused: EmotionModel, folders: Mapping[Modality, Path]) -> None:
    """Load everything up to the streams of a fused network from the models of the unimodal systems.

    Raises:
        RecipeError: one of the models is missing, or is not of the same shape.
    """
    for modality in MODALITIES:
        place = folders[modality] / layout.MODEL
        if not layout.is_model_folder(place):
            raise RecipeError(
                f"training.start: unimodal needs the {modality} system of the same fold and seed in {place}; "
                "run the systems audio, text and fusion together"
            )
        trained = stream_weights(load_model(place), modality)
        wanted = stream_weights(fused, modality)
        if {name: value.shape for name, value in trained.items()} != {n: v.shape for n, v in wanted.items()}:
            raise RecipeError(
                f"training.start: the {modality} system in {place} has another shape; train it again"
            )
        with torch.no_grad():
            for name, value in wanted.items():
                value.copy_(trained[name])


def stream_weights(model: EmotionModel, modality: str) -> dict[str, torch.Tensor]:
    """Return the weights up to a modality's stream: its encoder, layer mix and feature encoder."""
    return {name: value for name, value in model.state_dict().items() if name.startswith(f"{modality}_")}


def joint_training_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe of the joint training that follows: its number of epochs, no encoder held."""
    epochs = recipe.training.joint_epochs or recipe.training.epochs
    training = recipe.training.model_copy(update={"epochs": epochs, "encoders_held": 0})
    return recipe.model_copy(update={"training": training})
