"""What a frozen encoder gives for each utterance, as one vector: the input of baselines on the same features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from emofuse.config import EncoderRecipe
from emofuse.errors import AudioError
from emofuse.experiment.job import JobContext, reader_of
from emofuse.model.build import build
from emofuse.training.loader import texts_in
from emofuse.types import MODALITIES, Corpus, Modality, SystemName
from emofuse.types.arrays import Float32Array

# Modality -> utterance id -> what its frozen encoder gives, one vector.
FrozenVectors: TypeAlias = Mapping[Modality, Mapping[str, Float32Array]]


def frozen_statistics(
    context: JobContext, corpus: Corpus, systems: Sequence[SystemName]
) -> dict[Modality, dict[str, Float32Array]]:
    """Return mean and deviation over time of the frames of each frozen encoder, (2 * width,), by utterance id.

    Where a system mixes several layers, the vectors are of their mean; where it pools them as they are (`pooling:
    layers`), they are what it gets. Frames come from the cache where they are
    there. An utterance without the modality, or with a recording that cannot be read, has no vector.

    Args:
        context: of the run; its frozen encoders are used.
        corpus: with the text that systems read.
        systems: of the run; an encoder that none of them has is not used.
    """
    recipes: dict[Modality, EncoderRecipe] = {"audio": context.recipe.audio, "text": context.recipe.text}
    return {
        modality: _vectors(context, corpus, modality)
        for modality in MODALITIES
        if recipes[modality].tuning == "frozen" and {modality, "fusion"} & set(systems)
    }


def _vectors(context: JobContext, corpus: Corpus, modality: Modality) -> dict[str, Float32Array]:
    checkpoint = build(context.recipe, modality, context.task, texts_in(corpus, False), 0, context.encoders)
    reader = reader_of(checkpoint, context, context.recipe)
    vectors: dict[str, Float32Array] = {}
    for utterance in corpus:
        try:
            item = reader.item(utterance)
        except AudioError:  # the jobs report it as skipped
            continue
        frames = item.values if modality == "audio" else item.ids
        if frames is not None and len(frames):
            pooled = context.recipe.pooling == "layers"
            vectors[utterance.id] = frames[0].astype(np.float32) if pooled else _statistics(frames)
    return vectors


def _statistics(frames: np.ndarray) -> Float32Array:
    """Map (time[, layers], width) to mean and deviation over time, (2 * width,)."""
    single = frames.astype(np.float32)
    mixed = single if single.ndim == 2 else single.mean(axis=1)
    return np.concatenate([mixed.mean(axis=0), mixed.std(axis=0)])


def joined(vectors: FrozenVectors) -> dict[str, Float32Array]:
    """Return the vectors of both modalities side by side, of the utterances that have both."""
    audio, text = (vectors.get(modality, {}) for modality in MODALITIES)
    return {identity: np.concatenate([row, text[identity]]) for identity, row in audio.items() if identity in text}
