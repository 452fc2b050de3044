"""Recipes: what to train and how, read once, checked once, then only numbers."""

from __future__ import annotations

from emofuse.config.augmentation_recipe import AlterRecipe
from emofuse.config.encoder_recipe import AudioRecipe, EncoderRecipe, TextRecipe
from emofuse.config.idle_keys import idle_keys
from emofuse.config.loading import dump_recipe, load_recipe, load_variants, make_recipe
from emofuse.config.recipe import AgreementRecipe, Recipe
from emofuse.config.value_types import (
    AnnotationPolicy,
    AudioWindow,
    Directions,
    FrameNorm,
    FusionKind,
    HeadNorm,
    Layers,
    PoolingName,
    ProtocolName,
    Selection,
    TextSource,
    VocabularyKind,
)

__all__ = [
    "AgreementRecipe",
    "AlterRecipe",
    "AnnotationPolicy",
    "AudioRecipe",
    "AudioWindow",
    "Directions",
    "EncoderRecipe",
    "FrameNorm",
    "FusionKind",
    "HeadNorm",
    "Layers",
    "PoolingName",
    "ProtocolName",
    "Recipe",
    "Selection",
    "TextRecipe",
    "TextSource",
    "VocabularyKind",
    "dump_recipe",
    "idle_keys",
    "load_recipe",
    "load_variants",
    "make_recipe",
]
