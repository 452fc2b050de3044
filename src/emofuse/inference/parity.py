"""The difference between the outputs of two runtimes: on other shapes than in export, and on real utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.data.preparation import Item, Preparation
from emofuse.evaluation.calibration import Calibration, pattern_of
from emofuse.inference.runtime import Runtime
from emofuse.sound.clips import Clip

# Seconds of sound and pieces of text of each row; 0 is an absent modality. Odd on purpose.
SHAPES: tuple[tuple[tuple[float, int], ...], ...] = (
    ((0.01, 1),),
    ((2.345, 17),),
    ((1.0, 9), (0.37, 4), (1.913, 23)),
    ((0.731, 0), (0.0, 6), (1.517, 3), (0.2, 12), (0.9, 1)),
    ((7.77, 60), (3.0, 130)),
)
# Quiet, as speech is; noise has every frequency.
LOUDNESS = 0.1


@dataclass(frozen=True)
class ShapeParity:
    """The largest difference of logits on one batch of noise.

    Attributes:
        batch: rows.
        seconds: of the longest row's sound.
        pieces: of the longest row's text.
        largest: the largest absolute difference of a logit or a dimension.
    """

    batch: int
    seconds: float
    pieces: int
    largest: float


def on_shapes(ours: Runtime, theirs: Runtime, preparation: Preparation, seed: int = 0) -> list[ShapeParity]:
    """Compare two runtimes on batches of many sizes, absent modalities among them."""
    rng = np.random.default_rng(seed)
    found = []
    for shape in SHAPES:
        rows = [row for row in shape if _takes(ours, row)]
        batch = preparation.collate([noise(preparation, *row, rng) for row in rows])
        outputs, expected = ours(batch), theirs(batch)
        differences = [_largest(outputs.logits, expected.logits)]
        if outputs.dimensions is not None and expected.dimensions is not None:
            differences.append(_largest(outputs.dimensions, expected.dimensions))
        seconds, pieces = (max(values) for values in zip(*rows, strict=True))
        largest = float(np.max(differences))  # what is not a number stays that
        found.append(ShapeParity(len(rows), float(seconds), int(pieces), largest))
    return found


def noise(preparation: Preparation, seconds: float, pieces: int, rng: np.random.Generator) -> Item:
    """Return noise and random pieces, prepared as a recording would be; nothing for a modality of length 0."""
    values = ids = None
    if preparation.audio and seconds:
        rate = preparation.audio.rate
        samples = rng.standard_normal(max(1, round(seconds * rate))).astype(np.float32) * LOUDNESS
        values = preparation.audio(Clip(samples, rate))
    if preparation.text and pieces:
        ids = rng.integers(0, preparation.text.tokenizer.get_vocab_size(), pieces)
    return Item(values, ids)


def on_utterances(
    ours: Runtime, theirs: Runtime, items: Sequence[Item], preparation: Preparation, calibration: Calibration
) -> dict[str, Any]:
    """Compare two runtimes on prepared utterances, one by one.

    Returns:
        `n`; `label_agreement`, the share of utterances with the same top label; and `labels`: for each, how
        many utterances `theirs` gives it, and the largest differences of its logit and of its probability.
    """
    task = ours.traits.task
    batches = [preparation.collate([item]) for item in items]
    logits, wanted = (np.concatenate([runtime(b).logits for b in batches]) for runtime in (ours, theirs))
    patterns = [pattern_of(item.modalities) for item in items]
    probabilities, expected = (calibration.apply(one, patterns, task.multi_label) for one in (logits, wanted))
    likeliest = wanted.argmax(axis=1)
    labels = {
        label: {
            "n": int((likeliest == index).sum()),
            "logit": _largest(logits[:, index], wanted[:, index]),
            "probability": _largest(probabilities[:, index], expected[:, index]),
        }
        for index, label in enumerate(task.labels)
    }
    agreement = float((logits.argmax(axis=1) == likeliest).mean())
    return {"n": len(items), "label_agreement": agreement, "labels": labels}


def _takes(runtime: Runtime, row: tuple[float, int]) -> bool:
    """Return whether a row has a modality that the runtime takes."""
    present = {"audio": row[0] > 0, "text": row[1] > 0}
    return any(present[modality] for modality in runtime.traits.modalities)


def _largest(values: npt.NDArray[Any], others: npt.NDArray[Any]) -> float:
    return float(np.abs(values - others).max())
