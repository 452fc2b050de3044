"""What the moments and the words of an utterance contribute to a label, and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emofuse.inference.explain.explanation import Completeness, Method
from emofuse.types.arrays import Float32Array, Float64Array

if TYPE_CHECKING:
    from torch import Tensor

Logits = TypeVar("Logits", "Tensor", Float32Array)


@dataclass(frozen=True)
class Contributions:
    """What each moment and each piece of the text contributes to the target, see `margin`.

    Attributes:
        method: how they were computed.
        moments: (moments,); none without sound.
        step: seconds of a moment.
        pieces: (pieces,); none without text. Those of a word sum to what the word contributes.
        completeness: whether all of them add up; None for a method that does not promise it.
    """

    method: Method
    moments: Float64Array
    step: float
    pieces: Float64Array
    completeness: Completeness | None = None


def margin(logits: Logits, label: int, multi_label: bool) -> Logits:
    """Return how far a label is ahead, (rows,): its logit less the mean of the others'.

    Where each label is predicted by itself, or there is but one, it is the logit itself.
    """
    others = logits.shape[1] - 1
    own = logits[:, label]
    return own if multi_label or not others else own - (logits.sum(1) - own) / others
