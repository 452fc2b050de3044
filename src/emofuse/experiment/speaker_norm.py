"""Speaker normalisation: pooled vectors standardised by speaker, and a linear head that is fitted to them.

The network stays as it is. The vector of every utterance that its head takes is standardised by its speaker's
shrunken mean and variance (`emofuse.data.speaker_statistics`); as the head was trained on other vectors, a linear
one is fitted in its place to those of the training part. Statistics of a test speaker come from all of that
speaker's test utterances, never from a label: the predictions are transductive, and results show them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emofuse.config import Recipe
from emofuse.data.preparation import Outputs
from emofuse.data.speaker_statistics import FEWEST, Moments, normalise
from emofuse.errors import CorpusError, RecipeError
from emofuse.evaluation.calibration import Calibration, Pattern, fit_temperatures, pattern_of
from emofuse.experiment.prediction_writer import PredictionWriter, stored_predictions
from emofuse.model.heads import EmotionHead
from emofuse.model.network import EmotionModel
from emofuse.runs.stored_predictions import StoredPrediction, write_predictions
from emofuse.training.loader import PreparedPart
from emofuse.training.losses import (
    DIMENSION_LOSSES,
    inverse_frequency_weights,
    summed_binary_cross_entropy,
    summed_cross_entropy,
)
from emofuse.training.scoring import predict_part
from emofuse.types import Corpus, Finding, SystemName, Task
from emofuse.types.arrays import Float32Array

CONFOUND = "speaker-single-label"
# Half the squared weights times this is added to the loss, which is summed over utterances. With vectors of
# variance 1 it keeps the head from fitting a few hundred of them exactly; the biases are not penalised.
L2_PENALTY = 10.0
# Of L-BFGS; the loss is convex, and far fewer are needed.
MAX_ITERATIONS = 500


def check_speaker_norm(
    recipe: Recipe,
    corpus: Corpus,
    systems: Sequence[SystemName],
    findings: Sequence[Finding],
    accepted: Collection[str] = (),
) -> None:
    """Refuse `speaker_norm` where it cannot be done, or would remove emotion together with the speaker.

    Raises:
        CorpusError: the audit found speakers with a single label and that is not accepted, or no known speaker has
            enough utterances.
        RecipeError: the network has more than one head.
    """
    if not recipe.speaker_norm:
        return
    if "fusion" in systems and recipe.fusion.kind == "late":
        raise RecipeError("speaker_norm adapts one head, and fusion.kind late has two; choose another kind")
    confounds = [finding for finding in findings if finding.code == CONFOUND]
    if confounds and CONFOUND not in accepted:
        raise CorpusError(
            f"speaker_norm would remove emotion together with the speaker, for the audit found {CONFOUND}: "
            f"{confounds[0].message}; set speaker_norm: false"
        )
    counts = Counter(utterance.speaker for utterance in corpus if utterance.speaker is not None)
    if max(counts.values(), default=0) < FEWEST:
        raise CorpusError(
            f"speaker_norm needs speakers of {FEWEST} or more utterances, and {corpus.name or 'the corpus'} names "
            "none; give the manifest its speakers, or set speaker_norm: false"
        )


def write_adapted(
    writer: PredictionWriter,
    file: str,
    trained_on: tuple[PreparedPart, PreparedPart | None],
    test: PreparedPart,
    recipe: Recipe,
) -> None:
    """Write the predictions of a trained system for a test part with speaker normalisation; see the module.

    Args:
        writer: of the predictions of the system.
        file: the name of the file.
        trained_on: the training part, and the validation part if there is one; its labels calibrate.
        test: of which no label is read.
        recipe: its loss is that of the new head.
    """
    model, task = writer.checkpoint.model, writer.task
    parts = [part for part in trained_on if part is not None]
    vectors = [pooled_vectors(model, part, writer.micro_seconds) for part in parts]
    overall = Moments.of(vectors[0])
    # Validation that was cut by utterances shares its speakers with training: each has one mean and one variance.
    speakers = [speaker for part in parts for speaker in speakers_of(model, part)]
    normal = normalise(np.concatenate(vectors), speakers, overall)
    head = fit_head(normal[: len(parts[0])], parts[0], recipe, task)
    priors = writer.calibration.priors
    calibration = Calibration(priors=priors)
    if len(parts) > 1 and not task.multi_label:
        calibration = Calibration(_temperatures(head, normal[len(parts[0]) :], parts[1]), priors=priors)
    predictions: list[StoredPrediction] = []
    if len(test):
        tested = pooled_vectors(model, test, writer.micro_seconds)
        outputs = head_outputs(head, normalise(tested, speakers_of(model, test), overall))
        predictions = stored_predictions(outputs, test, calibration, task)
    write_predictions(writer.folder / file, predictions)


def pooled_vectors(model: EmotionModel, part: PreparedPart, micro_seconds: float) -> Float32Array:
    """Return the vectors that a network's head takes, (utterances, width), in the order of a part."""
    with _recorded(model.fusion.head) as batches:
        _, positions = predict_part(model, part, micro_seconds)
    # What does not fit into memory is scored again in smaller batches: the last rows are the whole part.
    return np.concatenate(batches)[-len(part) :][np.argsort(positions)]


def speakers_of(model: EmotionModel, part: PreparedPart) -> list[str | None]:
    """Return the speakers of a part; None also if a modality is missing, as such vectors differ from the rest."""
    whole = model.config.modalities
    return [
        utterance.speaker if modalities == whole else None
        for utterance, modalities in zip(part.utterances, part.modalities, strict=True)
    ]


def fit_head(vectors: npt.NDArray[Any], part: PreparedPart, recipe: Recipe, task: Task) -> EmotionHead:
    """Fit a linear head to normalised vectors, (utterances, width), by the recipe's loss and a penalty.

    Logistic regression, and least squares for dimensions, by L-BFGS with all utterances at once, from zeros:
    there is no randomness.
    """
    head = EmotionHead(vectors.shape[1], hidden=0, dropout=0.0, task=task, norm=False).eval()
    weights = [layer.weight for layer in (head.classifier, head.regressor) if layer is not None]
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    inputs = torch.from_numpy(vectors.astype(np.float32))
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = L2_PENALTY / 2 * torch.stack([weight.square().sum() for weight in weights]).sum()
        loss = (_loss(head, inputs, part, recipe) + penalty) / len(part)
        loss.backward()
        return loss.detach()

    optimizer.step(closure)
    return head.requires_grad_(False)


def head_outputs(head: EmotionHead, vectors: npt.NDArray[Any]) -> Outputs:
    """Return the outputs of a head for vectors, (utterances, width)."""
    with torch.inference_mode():
        output = head(torch.from_numpy(vectors.astype(np.float32)))
    return Outputs(output.logits.numpy(), None if output.dimensions is None else output.dimensions.numpy())


def _loss(head: EmotionHead, inputs: Tensor, part: PreparedPart, recipe: Recipe) -> Tensor:
    """Return the loss that the network was trained by, summed over the utterances of a part."""
    output = head(inputs)
    training, shares = recipe.training, torch.from_numpy(part.shares)
    balance = inverse_frequency_weights(part.shares) if training.class_weights else None
    if recipe.multi_label:
        loss = summed_binary_cross_entropy(output.logits, shares, balance)
    else:
        loss = summed_cross_entropy(output.logits, shares, balance, training.label_smoothing)
    if output.dimensions is None:
        return loss
    expected = torch.from_numpy(part.dimensions)
    dimension_loss = DIMENSION_LOSSES[training.dimension_loss]
    error = dimension_loss(output.dimensions, expected, list(recipe.dimensions.values()))
    return loss + training.dimension_weight * error


def _temperatures(head: EmotionHead, vectors: npt.NDArray[Any], part: PreparedPart) -> dict[Pattern, float]:
    """Fit a temperature to each modality pattern of a validation part."""
    patterns = [pattern_of(modalities) for modalities in part.modalities]
    rows = [row for row, pattern in enumerate(patterns) if pattern is not None]
    named = [pattern for pattern in patterns if pattern is not None]
    return fit_temperatures(head_outputs(head, vectors).logits[rows], part.targets[rows], named)


@contextmanager
def _recorded(head: Any) -> Iterator[list[Float32Array]]:
    """Record the vectors that a head takes, batch by batch."""
    batches: list[Float32Array] = []

    def record(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        batches.append(inputs[0].detach().float().cpu().numpy())

    handle = head.register_forward_pre_hook(record)
    try:
        yield batches
    finally:
        handle.remove()
