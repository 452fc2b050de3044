"""`--dry-run`: what a run will cost, estimated from the longest batches of its training."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from emofuse.config import Recipe, idle_keys
from emofuse.data.batching import cost_of, micro_batches
from emofuse.data.recipe_corpus import recipe_corpus, recipe_folds
from emofuse.errors import CorpusError
from emofuse.experiment.job import JobContext, reader_of
from emofuse.model.batch_inference import pick_device
from emofuse.model.build import build
from emofuse.model.checkpoint import Checkpoint
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.peak_memory import peak_memory_mb
from emofuse.training.audio_cache import audio_cache_for
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import PreparedPart, prepare_part, seconds_in, texts_in
from emofuse.training.losses import summed_cross_entropy
from emofuse.training.memory import retry_with_smaller_batches
from emofuse.types import Corpus, Fold, SystemName

logger = logging.getLogger(__name__)

# How many of the longest micro-batches are measured; the first one includes what happens only once.
MEASURED_BATCHES = 2
# How many of the longest utterances of a training part are read.
READ_UTTERANCES = 64


@dataclass(frozen=True)
class CostEstimate:
    """What training a system will cost.

    Attributes:
        system: its name.
        micro_seconds: of a micro-batch that fits: the recipe's, halved until it does.
        peak_memory_mb: of the GPU where there is one, else of the whole process.
        seconds_per_epoch: of training, for a fold of mean size.
        feature_seconds: of frozen encoders, once for the whole corpus; 0 where there are none, or all is cached.
        hours: for all its folds, seeds and epochs, features not counted.
    """

    system: SystemName
    micro_seconds: float
    peak_memory_mb: float
    seconds_per_epoch: float
    feature_seconds: float
    hours: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON would hold them."""
        return asdict(self)


def estimate_cost(recipe: Recipe, corpus: Corpus, systems: Sequence[SystemName]) -> list[CostEstimate]:
    """Measure two of the longest batches of each system's training, forwards and backwards.

    Raises:
        RunError: an utterance alone does not fit into memory.
        CorpusError, RecipeError, ProtocolError: as in `cross_validate`.
    """
    for sentence in idle_keys(recipe):
        logger.warning(sentence)
    labelled, task = recipe_corpus(recipe, corpus)
    folds = recipe_folds(recipe, labelled)
    store = audio_cache_for(recipe.audio.alter)
    context = JobContext(recipe, task, store, lambda progress: None)
    return [_estimate(context, system, labelled, folds) for system in systems]


def _estimate(context: JobContext, system: SystemName, corpus: Corpus, folds: Sequence[Fold]) -> CostEstimate:
    recipe = context.recipe
    training = corpus.select(folds[0].train)
    costs = {u.id: cost_of(u.text, seconds_in(u)) for u in training}
    longest = sorted(costs, key=lambda identity: (-costs[identity], identity))[:READ_UTTERANCES]
    checkpoint = build(recipe, system, context.task, texts_in(training), 0, context.encoders)
    checkpoint.model.to(pick_device(None)).train()
    part, feature_seconds = _read(context, checkpoint, training.select(longest))
    rng = np.random.default_rng(0)

    def run(micro_seconds: float) -> list[float]:
        batches = micro_batches(part.costs.tolist(), range(len(part)), micro_seconds)[:MEASURED_BATCHES]
        return [_seconds_per_second(checkpoint.model, part, positions, recipe, rng) for positions in batches]

    rates, micro_seconds = retry_with_smaller_batches(run, recipe.training.micro_seconds, float(part.costs.min()))
    share = np.mean([len(fold.train) for fold in folds]) / len(costs)
    epoch = float(rates[-1] * sum(costs.values()) * share)
    whole = sum(cost_of(u.text, seconds_in(u)) for u in corpus if u.label is not None)
    features = feature_seconds / float(part.costs.sum()) * whole
    epochs = recipe.training.soup.members * (recipe.training.epochs + recipe.training.second_stage.epochs)
    hours = epoch * epochs * len(folds) * len(recipe.seeds) / 3600
    return CostEstimate(system, micro_seconds, _peak_mb(), epoch, features, hours)


def _read(context: JobContext, checkpoint: Checkpoint, corpus: Corpus) -> tuple[PreparedPart, float]:
    """Read some utterances; return what the frames of frozen encoders cost, where they were not there."""
    began, before = time.monotonic(), context.cost.encoder_forwards
    part, skipped = prepare_part(corpus, context.task, reader_of(checkpoint, context, context.recipe))
    part = part.with_inputs()
    if not len(part):
        reason = f": {skipped[0].reason}" if skipped else ""
        raise CorpusError(f"none of the longest utterances can be used{reason}")
    return part, time.monotonic() - began if context.cost.encoder_forwards > before else 0.0


def _seconds_per_second(
    model: EmotionModel, part: PreparedPart, positions: Sequence[int], recipe: Recipe, rng: np.random.Generator
) -> float:
    """Return the seconds that one second of sound takes, forwards and backwards, in one micro-batch."""
    began = time.monotonic()
    device = next(model.parameters()).device
    output = model(**as_tensors(InputAugmentation.of_recipe(recipe).batch(part, positions, rng), device))
    shares = torch.from_numpy(part.shares[list(positions)]).to(device)
    summed_cross_entropy(output.logits, shares, None, 0.0).backward()
    model.zero_grad(set_to_none=True)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.monotonic() - began) / float(part.costs[list(positions)].sum())


def _peak_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_memory_mb()
