"""From logits to calibrated probabilities and predictions: temperatures, priors, smoothing; stored as a record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError

from emofuse.errors import CheckpointError, OutputError, RecipeError
from emofuse.types import Modality, Prediction, Task, Utterance
from emofuse.types.arrays import Float32Array, Float64Array, IntArray
from emofuse.untrusted.json_text import canonical_json

# The modalities that a prediction was made from: each combination has a temperature of its own.
Pattern = Literal["audio", "text", "audio+text"]
PATTERNS: tuple[Pattern, ...] = ("audio", "text", "audio+text")
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 10.0
# A temperature is not fitted to fewer utterances.
MIN_UTTERANCES_FOR_TEMPERATURE = 20
# The least probability of a label after label smoothing is undone.
MIN_PROBABILITY = 1e-3
Temperature: TypeAlias = Annotated[float, Field(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class Calibration:
    """What was fitted to a validation part: how a model's logits become probabilities, and when it abstains.

    Attributes:
        temperatures: modality pattern -> what its logits are divided by; 1 for a pattern that is not named.
        accuracy: the target accuracy over accepted utterances; None if there is none.
        threshold: utterances with at least this confidence are accepted; None if no threshold is accurate enough.
        conformal: target coverage -> quantile of the conformal score; see `conformal`.
        priors: label -> its share of the training part; empty if not known.
        smoothing: of the labels in training, undone before temperatures; see `undo_smoothing`. 0 leaves it in.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    temperatures: Mapping[Pattern, Temperature] = field(default_factory=dict, hash=False)
    accuracy: Share | None = None
    threshold: Share | None = None
    conformal: Mapping[Share, Share] = field(default_factory=dict, hash=False)
    priors: Mapping[str, Share] = field(default_factory=dict, hash=False)
    smoothing: Annotated[float, Field(ge=0.0, le=0.9)] = 0.0

    def apply(
        self, logits: npt.NDArray[np.floating[Any]], patterns: Sequence[Pattern | None], multi_label: bool = False
    ) -> Float64Array:
        """Return the probabilities of logits, (utterances, labels), each under its pattern's temperature."""
        if self.smoothing and not multi_label:
            logits = undo_smoothing(logits, self.smoothing)
        temperatures = [self.temperatures.get(pattern, 1.0) if pattern else 1.0 for pattern in patterns]
        return probabilities(logits / np.array(temperatures, dtype=np.float64)[:, None], multi_label)

    def abstains(self, confidence: float) -> bool:
        """Tell whether a confidence is too low for a prediction."""
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
        try:
            calibration = TypeAdapter(cls).validate_json(canonical_json(values))
        except (ValidationError, TypeError) as error:
            raise CheckpointError(f"a calibration cannot be read: {_explain(error)}") from error
        if calibration.priors and not math.isclose(sum(calibration.priors.values()), 1.0, abs_tol=1e-6):
            raise CheckpointError("the priors of a calibration must sum to 1")
        return calibration


def undo_smoothing(logits: npt.NDArray[np.floating[Any]], share: float) -> Float64Array:
    """Return the logits of a network as if trained without label smoothing, (utterances, labels).

    A network trained with targets of which a share is spread evenly over all labels (Szegedy et al. 2016, section
    7) predicts (1 - share) p + share / labels. This is solved for p, which is at least 0.001; the most probable
    label stays the same.
    """
    smoothed = probabilities(logits)
    return np.asarray(np.log(((smoothed - share / logits.shape[-1]) / (1 - share)).clip(min=MIN_PROBABILITY)))


def probabilities(logits: npt.NDArray[np.floating[Any]], multi_label: bool = False) -> Float64Array:
    """Return the softmax of logits along the last axis, in double precision; with `multi_label` their sigmoids."""
    if multi_label:
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def pattern_of(modalities: Sequence[Modality]) -> Pattern | None:
    """Return the pattern of the modalities that were used; None for none."""
    wanted = "+".join(sorted(set(modalities)))
    return next((pattern for pattern in PATTERNS if pattern == wanted), None)


def predictions_of(
    outputs: tuple[Float32Array, Float32Array | None],
    utterances: Sequence[Utterance],
    modalities: Sequence[tuple[Modality, ...]],
    task: Task,
    calibration: Calibration,
    adapt: Callable[[Float64Array], Float64Array] | None = None,
) -> list[Prediction]:
    """Turn the outputs of a network into calibrated predictions.

    Args:
        outputs: logits and dimensions, a row for each utterance.
        utterances: in the order of the rows.
        modalities: those that the network used of each utterance.
        task: the labels and dimensions of the outputs.
        calibration: from logits to probabilities, and below which confidence a prediction abstains.
        adapt: adapts probabilities to other label frequencies; None for none.

    Raises:
        OutputError: an output is no number.
    """
    logits, scaled = outputs[0], outputs[1]
    for row, utterance in enumerate(utterances):
        for values in (logits, scaled):
            if values is not None:
                refuse_nonsense(utterance, values[row])
    found = calibration.apply(logits, list(map(pattern_of, modalities)), task.multi_label)
    if adapt is not None:
        found = adapt(found)
    predictions = []
    for row, utterance in enumerate(utterances):
        dimensions = None
        if scaled is not None:
            dimensions = dict(zip(task.dimensions, map(float, scaled[row]), strict=True))
        by_label = dict(zip(task.labels, map(float, found[row]), strict=True))
        prediction = Prediction.of(utterance, by_label, modalities[row], dimensions=dimensions)
        abstained = prediction.confidence is not None and calibration.abstains(prediction.confidence)
        predictions.append(replace(prediction, abstained=abstained))
    return predictions


def refuse_nonsense(utterance: Utterance, values: Float32Array) -> None:
    """Refuse what a network computed for an utterance where it is no number.

    Raises:
        OutputError: the message names the utterance.
    """
    if not np.isfinite(values).all():
        raise OutputError(
            f"{utterance.id}: the network computed what is no number; its weights are damaged, or the recording "
            "is beyond what it can compute with: copy or train the model again, or leave the utterance out"
        )


def fit_temperature(logits: npt.NDArray[np.floating[Any]], truth: IntArray) -> float:
    """Return the temperature T for which logits / T, (utterances, labels), have the least NLL (Guo et al. 2017).

    The NLL is convex in 1 / T, so that its slope is bisected, from 0.1 to 10: a bound is returned where logits
    separate the labels without error (0.1) or are worse than none (10). 1.0 below 20 utterances and for
    logits that are all alike.
    """
    if len(truth) < MIN_UTTERANCES_FOR_TEMPERATURE or not np.ptp(logits, axis=1).any():
        return 1.0
    own = np.take_along_axis(logits, truth[:, None], axis=1)
    above = (logits - own).astype(np.float64)

    def slope(inverse: float) -> float:
        return float((probabilities(above * inverse) * above).sum(axis=1).mean())

    low, high = math.log(1 / MAX_TEMPERATURE), math.log(1 / MIN_TEMPERATURE)
    if slope(math.exp(low)) >= 0:
        return MAX_TEMPERATURE
    if slope(math.exp(high)) <= 0:
        return MIN_TEMPERATURE
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
    holds if only the frequencies of classes differ, not how they sound and read. Frequencies need not sum to 1.
    An utterance whose every probable class has no new frequency gets the new frequencies themselves.

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


def _explain(error: ValidationError | TypeError) -> str:
    """Return the first problem as one sentence that names the key."""
    if isinstance(error, TypeError):
        return str(error)
    first = error.errors()[0]
    keys = ", ".join(str(key) for key in first["loc"] if key != "[key]")
    return f"{keys}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
