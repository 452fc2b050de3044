"""From logits to probabilities that mean what they say: temperatures, priors, and the record of a model's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofuse.errors import CheckpointError, RecipeError
from emofuse.types import Modality
from emofuse.types.arrays import Float64Array, IntArray

# What an utterance was judged by: a network that hears and reads errs otherwise than one that only hears.
Pattern = Literal["audio", "text", "audio+text"]
PATTERNS: tuple[Pattern, ...] = ("audio", "text", "audio+text")
COLDEST, HOTTEST = 0.1, 10.0
# Fewer utterances than this say nothing about a temperature.
FEWEST_FOR_TEMPERATURE = 20
# What a label keeps at the least where label smoothing is undone.
FAINTEST = 1e-3


@dataclass(frozen=True)
class Calibration:
    """What was learnt on validation about a model's confidence.

    Attributes:
        temperatures: modality pattern -> what its logits are divided by; 1 for a pattern that is not named.
        accuracy: the accuracy that was wished for among accepted utterances; None where none was.
        threshold: the confidence from which on utterances are accepted; None where no threshold reaches it.
        conformal: wished coverage -> quantile of the conformal score; see `conformal`.
        priors: label -> its share of the training part; empty where nobody wrote it down.
        smoothing: of the labels in training, undone before temperatures; see `undo_smoothing`. 0 leaves it in.
    """

    temperatures: Mapping[Pattern, float] = field(default_factory=dict, hash=False)
    accuracy: float | None = None
    threshold: float | None = None
    conformal: Mapping[float, float] = field(default_factory=dict, hash=False)
    priors: Mapping[str, float] = field(default_factory=dict, hash=False)
    smoothing: float = 0.0

    def apply(
        self, logits: npt.NDArray[np.floating[Any]], patterns: Sequence[Pattern | None], multi_label: bool = False
    ) -> Float64Array:
        """Return the probabilities of logits, (utterances, labels), each under its pattern's temperature."""
        if self.smoothing and not multi_label:
            logits = undo_smoothing(logits, self.smoothing)
        temperatures = [self.temperatures.get(pattern, 1.0) if pattern else 1.0 for pattern in patterns]
        return probabilities(logits / np.array(temperatures, dtype=np.float64)[:, None], multi_label)

    def abstains(self, confidence: float) -> bool:
        """Tell whether a confidence is too low for an answer."""
        return self.threshold is not None and confidence < self.threshold

    def as_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON would hold it."""
        return asdict(self) | {"conformal": {repr(level): value for level, value in self.conformal.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Read what `as_dict` wrote, and nothing else.

        Raises:
            CheckpointError: a key is missing or unknown, or a value is not what it should be.
        """
        names = {each.name for each in fields(cls)}
        if not isinstance(values, Mapping) or {*values, "smoothing"} != names:  # older ones have no smoothing
            raise CheckpointError(f"a calibration has the keys {', '.join(sorted(names))} and no others")
        temperatures = _numbers(values["temperatures"], "temperatures", COLDEST, HOTTEST)
        if not set(temperatures) <= set(PATTERNS):
            raise CheckpointError(f"temperatures of a calibration are for {', '.join(PATTERNS)}")
        priors = _numbers(values["priors"], "priors", 0.0, 1.0)
        if priors and not math.isclose(sum(priors.values()), 1.0, abs_tol=1e-6):
            raise CheckpointError("the priors of a calibration must sum to 1")
        return cls(
            temperatures={pattern: temperatures[pattern] for pattern in PATTERNS if pattern in temperatures},
            accuracy=_share(values["accuracy"], "accuracy"),
            threshold=_share(values["threshold"], "threshold"),
            conformal={
                _level(level): value
                for level, value in _numbers(values["conformal"], "conformal", 0.0, 1.0).items()
            },
            priors=priors,
            smoothing=_number(values.get("smoothing", 0.0), "smoothing", 0.0, 0.9),
        )


def undo_smoothing(logits: npt.NDArray[np.floating[Any]], share: float) -> Float64Array:
    """Return the logits of a network that had learnt without label smoothing, (utterances, labels).

    One that learns from targets of which a share is spread evenly over all labels (Szegedy et al. 2016, section 7)
    comes to tell (1 - share) p + share / labels, and is never sure of anything. Solved for p, which is held at
    0.001 where it would be less, the likeliest label stays the likeliest.
    """
    told = probabilities(logits)
    return np.asarray(np.log(((told - share / logits.shape[-1]) / (1 - share)).clip(min=FAINTEST)))


def probabilities(logits: npt.NDArray[np.floating[Any]], multi_label: bool = False) -> Float64Array:
    """Return the softmax of logits along the last axis, in double precision; with `multi_label` their sigmoids."""
    if multi_label:
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def pattern_of(modalities: Sequence[Modality]) -> Pattern | None:
    """Return the pattern of the modalities that were used; None for none."""
    wanted = "+".join(sorted(set(modalities)))
    return next((pattern for pattern in PATTERNS if pattern == wanted), None)


def fit_temperature(logits: npt.NDArray[np.floating[Any]], truth: IntArray) -> float:
    """Return what to divide logits, (utterances, labels), by so that the true labels cost least (Guo et al. 2017).

    The cost is convex in 1 / T, so that its slope is bisected, from 0.1 to 10: a bound is returned where logits
    part the labels without error (0.1) or are worse than none (10). 1.0 below 20 utterances and for logits that
    are all alike.
    """
    if len(truth) < FEWEST_FOR_TEMPERATURE or not np.ptp(logits, axis=1).any():
        return 1.0
    own = np.take_along_axis(logits, truth[:, None], axis=1)
    above = (logits - own).astype(np.float64)

    def slope(inverse: float) -> float:
        return float((probabilities(above * inverse) * above).sum(axis=1).mean())

    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    if slope(math.exp(low)) >= 0:
        return HOTTEST
    if slope(math.exp(high)) <= 0:
        return COLDEST
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) < 0 else (low, middle)
    return math.exp(-(low + high) / 2)


def fit_temperatures(
    logits: npt.NDArray[np.floating[Any]], truth: IntArray, patterns: Sequence[Pattern]
) -> dict[Pattern, float]:
    """Return a temperature for each pattern that occurs; see `fit_temperature`."""
    named = np.asarray(patterns, dtype=np.str_)
    return {
        pattern: fit_temperature(logits[named == pattern], truth[named == pattern])
        for pattern in PATTERNS
        if pattern in patterns
    }


def adapt_priors(probabilities: Float64Array, old_priors: Float64Array, new_priors: Float64Array) -> Float64Array:
    """Adapt (utterances, labels) from the class frequencies of training to others, both (labels,).

    Saerens et al. (2002), equation 2.4, for known new frequencies: each class is weighted by new over old. It
    holds where classes look alike in both places and only their frequencies differ. Frequencies need not sum to 1.
    An utterance to which only classes of no new frequency were given gets the new frequencies themselves.

    Raises:
        RecipeError: a frequency is negative or not a number, all are zero, or a class is new that training did not
            have.
    """
    for priors in (old_priors, new_priors):
        if priors.shape != probabilities.shape[1:] or not (np.isfinite(priors) & (priors >= 0)).all():
            raise RecipeError(f"priors need a share of 0 or more for each of {probabilities.shape[1]} labels")
    if not new_priors.any() or (new_priors[old_priors == 0] > 0).any():
        raise RecipeError("priors cannot all be zero, nor name a label that training did not have")
    ratio = np.divide(new_priors, old_priors, out=np.zeros(len(old_priors)), where=old_priors > 0)
    weighted = probabilities * ratio
    total = weighted.sum(axis=1, keepdims=True)
    share = np.divide(weighted, total, out=np.zeros_like(weighted), where=total > 0)
    return np.asarray(np.where(total > 0, share, new_priors / new_priors.sum()))


def _numbers(value: object, name: str, low: float, high: float) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise CheckpointError(f"{name} of a calibration must be a mapping")
    return {str(key): _number(each, f"{name}, {key}", low, high) for key, each in value.items()}


def _share(value: object, name: str) -> float | None:
    return None if value is None else _number(value, name, 0.0, 1.0)


def _level(text: str) -> float:
    try:
        level = float(text)
    except ValueError as error:
        raise CheckpointError(f"{text!r} in a calibration is not a coverage") from error
    return _number(level, f"the coverage {text}", 0.0, 1.0)


def _number(value: object, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise CheckpointError(f"{name} of a calibration must be a number from {low} to {high}, not {value!r}")
    return float(value)
