"""Recipes: what to train and how, read once, checked once, then only numbers."""

from __future__ import annotations

from emofuse.config.alter import AlterRecipe
from emofuse.config.encoders import AudioRecipe, EncoderRecipe, TextRecipe
from emofuse.config.reading import dump_recipe, load_recipe, load_variants, make_recipe
from emofuse.config.recipe import AgreementRecipe, Recipe
from emofuse.config.values import (
    AnnotationPolicy,
    Directions,
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
    "Directions",
    "EncoderRecipe",
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
    "load_recipe",
    "load_variants",
    "make_recipe",
]
