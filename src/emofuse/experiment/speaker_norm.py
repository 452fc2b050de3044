"""Speaker-adaptive answers: pooled vectors without what is the speaker's own, and a head that is fitted to them.

The network stays as it is. Of every utterance the vector that its head takes is standardised by its speaker's
shrunken mean and variance (`emofuse.data.speaker_statistics`); as the head was trained on other vectors, a linear
one is fitted in its place to those of the training part. Statistics of a test speaker come from all of that
speaker's test utterances, never from a label: the answers are transductive, and stand in a column of their own.
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

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.preparation import Outputs
from emofuse.data.speaker_statistics import FEWEST, Moments, normalise
from emofuse.errors import CorpusError, RecipeError
from emofuse.evaluation.calibration import Calibration, Pattern, fit_temperatures, pattern_of
from emofuse.experiment.test_predictions import Answers, predictions_of
from emofuse.model.heads import EmotionHead
from emofuse.model.network import EmotionModel
from emofuse.training.loader import Part
from emofuse.training.losses import (
    inverse_frequency_weights,
    summed_binary_cross_entropy,
    summed_cross_entropy,
    summed_squared_error,
)
from emofuse.training.scoring import score_part
from emofuse.types import Corpus, Finding, SystemName, Task
from emofuse.types.arrays import Float32Array

CONFOUND = "speaker-single-label"
# Half the squared weights times this stands beside the loss, which is summed over utterances. With vectors of
# variance 1 it keeps a few hundred of them from being learnt by heart; the biases are free.
PENALTY = 10.0
# Of L-BFGS; the loss is convex, and far fewer are needed.
MOST_STEPS = 500


def refuse_unfit(
    recipe: Recipe,
    corpus: Corpus,
    systems: Sequence[SystemName],
    findings: Sequence[Finding],
    accepted: Collection[str] = (),
) -> None:
    """Refuse `speaker_norm` where it cannot be done, or takes emotion out together with the speaker.

    Raises:
        CorpusError: the audit found speakers with a single label and that is not accepted, or nobody is known to
            speak often enough.
        RecipeError: the network has more than one head.
    """
    if not recipe.speaker_norm:
        return
    if "fusion" in systems and recipe.fusion.kind == "late":
        raise RecipeError("speaker_norm adapts one head, and fusion.kind late has two; choose another kind")
    found = [finding for finding in findings if finding.code == CONFOUND]
    if found and CONFOUND not in accepted:
        raise CorpusError(
            f"speaker_norm would take emotion out together with the speaker, for the audit found {CONFOUND}: "
            f"{found[0].message}; set speaker_norm: false"
        )
    heard = Counter(utterance.speaker for utterance in corpus if utterance.speaker is not None)
    if max(heard.values(), default=0) < FEWEST:
        raise CorpusError(
            f"speaker_norm needs speakers of {FEWEST} or more utterances, and {corpus.name or 'the corpus'} names "
            "none; give the manifest its speakers, or set speaker_norm: false"
        )


def give_adapted(answers: Answers, learnt: tuple[Part, Part | None], test: Part, recipe: Recipe) -> None:
    """Write what a trained system says of a test part once speakers are taken out; see the module.

    Args:
        answers: of the system, into whose folder they are written.
        learnt: the training part, and the validation part where there is one; its labels calibrate.
        test: of which no label is read.
        recipe: its loss is that of the new head.
    """
    model, task = answers.checkpoint.model, answers.task
    known = [part for part in learnt if part is not None]
    vectors = [pooled_vectors(model, part, answers.micro_seconds) for part in known]
    overall = Moments.of(vectors[0])
    # Validation that was cut by utterances shares its speakers with training: each has one mean and one variance.
    speakers = [speaker for part in known for speaker in speakers_of(model, part)]
    normal = normalise(np.concatenate(vectors), speakers, overall)
    head = fit_head(normal[: len(known[0])], known[0], recipe, task)
    priors = answers.calibration.priors
    calibration = Calibration(priors=priors)
    if len(known) > 1 and not task.multi_label:
        calibration = Calibration(_temperatures(head, normal[len(known[0]) :], known[1]), priors=priors)
    predictions = []
    if len(test):
        heard = pooled_vectors(model, test, answers.micro_seconds)
        said = tell(head, normalise(heard, speakers_of(model, test), overall))
        predictions = predictions_of(said, test, calibration, task)
    layout.write_json_lines(answers.folder / layout.SPEAKER_NORM, (each.as_dict() for each in predictions))


def pooled_vectors(model: EmotionModel, part: Part, micro_seconds: float) -> Float32Array:
    """Return what the network's head takes of each utterance of a part, (utterances, width), in their order."""
    with _watched(model.fusion.head) as taken:
        _, positions = score_part(model, part, micro_seconds)
    # What does not fit into memory is scored again in smaller batches: the last rows are the whole part.
    return np.concatenate(taken)[-len(part) :][np.argsort(positions)]


def speakers_of(model: EmotionModel, part: Part) -> list[str | None]:
    """Return who said each utterance of a part; None also where a modality is missing, as its vector is unlike."""
    whole = model.config.modalities
    return [
        utterance.speaker if modalities == whole else None
        for utterance, modalities in zip(part.utterances, part.modalities, strict=True)
    ]


def fit_head(vectors: npt.NDArray[Any], part: Part, recipe: Recipe, task: Task) -> EmotionHead:
    """Fit a linear head to normalised vectors, (utterances, width), by the recipe's loss and a penalty.

    Logistic regression, and least squares for dimensions, by L-BFGS with all utterances at once, from zeros:
    nothing is drawn at random.
    """
    head = EmotionHead(vectors.shape[1], hidden=0, dropout=0.0, task=task, norm=False).eval()
    weights = [layer.weight for layer in (head.classifier, head.regressor) if layer is not None]
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    inputs = torch.from_numpy(vectors.astype(np.float32))
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=MOST_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = PENALTY / 2 * torch.stack([weight.square().sum() for weight in weights]).sum()
        loss = (_loss(head, inputs, part, recipe) + penalty) / len(part)
        loss.backward()
        return loss.detach()

    optimizer.step(closure)
    return head.requires_grad_(False)


def tell(head: EmotionHead, vectors: npt.NDArray[Any]) -> Outputs:
    """Return what a head says of vectors, (utterances, width)."""
    with torch.inference_mode():
        output = head(torch.from_numpy(vectors.astype(np.float32)))
    assert output.logits is not None  # a head always decides
    return Outputs(output.logits.numpy(), None if output.dimensions is None else output.dimensions.numpy())


def _loss(head: EmotionHead, inputs: Tensor, part: Part, recipe: Recipe) -> Tensor:
    """Return the loss that the network was trained by, summed over the utterances of a part."""
    output = head(inputs)
    training, shares = recipe.training, torch.from_numpy(part.shares)
    labels = part.shares.shape[1]
    balance = inverse_frequency_weights(part.targets, labels) if training.class_weights else None
    if recipe.multi_label:
        loss = summed_binary_cross_entropy(output.logits, shares, balance)
    else:
        loss = summed_cross_entropy(output.logits, shares, balance, training.label_smoothing)
    if output.dimensions is None:
        return loss
    wanted = torch.from_numpy(part.dimensions)
    error = summed_squared_error(output.dimensions, wanted, list(recipe.dimensions.values()))
    return loss + training.dimension_weight * error


def _temperatures(head: EmotionHead, vectors: npt.NDArray[Any], part: Part) -> dict[Pattern, float]:
    """Fit a temperature to each modality pattern of a validation part."""
    patterns = [pattern_of(modalities) for modalities in part.modalities]
    rows = [row for row, pattern in enumerate(patterns) if pattern is not None]
    named = [pattern for pattern in patterns if pattern is not None]
    return fit_temperatures(tell(head, vectors).logits[rows], part.targets[rows], named)


@contextmanager
def _watched(head: Any) -> Iterator[list[Float32Array]]:
    """Note the vectors that a head is given, batch by batch."""
    taken: list[Float32Array] = []

    def note(module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        taken.append(given[0].detach().float().cpu().numpy())

    handle = head.register_forward_pre_hook(note)
    try:
        yield taken
    finally:
        handle.remove()
