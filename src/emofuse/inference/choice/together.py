"""A model of sound and a model of text together: late fusion by the product of their calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emofuse.data.preparation import INPUTS, Batch, Item, Outputs, Preparation
from emofuse.errors import CheckpointError, RecipeError
from emofuse.evaluation.calibration import (
    MIN_UTTERANCES_FOR_TEMPERATURE,
    Calibration,
    fit_temperature,
    pattern_of,
)
from emofuse.inference.label_map import word_of
from emofuse.inference.model_folders import UNCALIBRATED
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.types import Corpus, Modality, Prediction, Task, Utterance
from emofuse.types.arrays import Float32Array, Float64Array, IntArray

# Probabilities below have no logarithm that means anything.
LEAST_PROBABILITY = 1e-12
EACH_AS_IT_IS = "not calibrated: each model counts as much as it is confident"


@dataclass(frozen=True)
class Member:
    """A model that is used for one modality.

    Attributes:
        predictor: the model, with its own calibration.
        modality: what it is used for.
        numbers: the place of each shared label among its own labels.
        temperature: divides its log-probabilities.
    """

    predictor: Predictor
    modality: Modality
    numbers: tuple[int, ...]
    temperature: float = 1.0

    def logs(self, batch: Batch, places: IntArray) -> Float64Array:
        """Return the log-probabilities of the shared labels for some rows of a batch, (places, labels)."""
        task = self.predictor.runtime.traits.task
        logits = self.predictor.runtime(self._rows(batch, places)).logits
        pattern = pattern_of([self.modality])
        shares = self.predictor.calibration.apply(logits, [pattern] * len(places), task.multi_label)
        kept = np.log(shares.clip(min=LEAST_PROBABILITY))[:, list(self.numbers)]
        return np.asarray(kept / self.temperature)

    def _rows(self, batch: Batch, places: IntArray) -> Batch:
        """Return some rows of a batch with the member's modality alone, as its own preparation makes them."""
        absent = self.predictor.preparation.collate([Item(None, None)] * len(places))
        if self.modality == "text":
            return Batch(absent.input_values, absent.audio_mask, batch.input_ids[places], batch.text_mask[places])
        return Batch(batch.input_values[places], batch.audio_mask[places], absent.input_ids, absent.text_mask)


class TogetherRuntime:
    """Adds the log-probabilities of its members; where a modality is missing, the other member decides alone.

    Args:
        members: at most one for each modality.
        labels: those that all members share.
    """

    padded_seconds = 0.0

    def __init__(self, members: Sequence[Member], labels: tuple[str, ...]) -> None:
        self.members = tuple(members)
        name = " + ".join(one.predictor.name for one in members)
        modalities = tuple(one.modality for one in members)
        self.traits = Traits(name, Task(labels), modalities, missing_modalities=True)

    def __call__(self, batch: Batch) -> Outputs:
        """Map a batch to summed log-probabilities."""
        total = np.zeros((len(batch), len(self.traits.task.labels)))
        arrays = batch.arrays()
        for one in self.members:
            places = np.flatnonzero(arrays[INPUTS[one.modality][1]].any(axis=1))
            if places.size:
                total[places] += one.logs(batch, places)
        return Outputs(total.astype(np.float32))

    def embed(self, batch: Batch) -> Float32Array:
        """Refuse: there is no vector that models together decide from."""
        raise CheckpointError(
            f"{self.traits.name}: models together decide from no single vector; name one of them"
        )


def join(models: Mapping[Modality, Predictor]) -> Predictor:
    """Return models that are used together, over the labels that all of them have.

    Args:
        models: what each is used for.

    Raises:
        RecipeError: a model does not do without another modality, has no labels, or fewer than two are shared.
    """
    words = {modality: _words(modality, one) for modality, one in models.items()}
    first, *others = words.values()
    labels = tuple(word for word in first if all(word in other for other in others))
    if len(labels) < 2:
        listed = "; ".join(f"{one.name} has {', '.join(one.labels)}" for one in models.values())
        raise RecipeError(f"the models share fewer than two labels ({listed}); name them alike with --label-map")
    members = [
        Member(one, modality, tuple(words[modality][label] for label in labels))
        for modality, one in models.items()
    ]
    lost = [f"{word} ({modality})" for modality, known in words.items() for word in known if word not in labels]
    parts = [f"{modality} by {one.name}: {_about(one)}" for modality, one in models.items()]
    parts += [f"labels of one model alone are left out: {', '.join(lost)}"] if lost else []
    both = {modality: one.preparation for modality, one in models.items()}
    preparation = Preparation(
        both["audio"].audio if "audio" in both else None, both["text"].text if "text" in both else None
    )
    known = models["text"].text_languages if "text" in models else None
    return Predictor(TogetherRuntime(members, labels), preparation, scope=" | ".join(parts), text_languages=known)


def calibrated(joined: Predictor, corpus: Corpus) -> Predictor:
    """Return models together with temperatures that fit a labelled corpus, and nothing else fitted.

    One temperature for each member, fitted to what it predicts alone, and one for the sum where there are both.
    Labels are matched by name and known spelling; utterances with other labels are passed over.

    Raises:
        RecipeError: the models are not used together, or too few utterances have a label that they predict.
    """
    runtime = joined.runtime
    if not isinstance(runtime, TogetherRuntime):
        raise RecipeError(f"{joined.name}: has a calibration of its own; only models of others are calibrated")
    numbers = {label: place for place, label in enumerate(joined.labels)}
    labelled = [one for one in corpus if one.label is not None and word_of(one.label.lower()) in numbers]
    truth = {one.id: numbers[word_of(str(one.label).lower())] for one in labelled}
    logs = {one.modality: _logs(joined, one.modality, labelled) for one in runtime.members}
    for modality, found in logs.items():
        if len(found) < MIN_UTTERANCES_FOR_TEMPERATURE:
            raise RecipeError(
                f"--calibrate: {len(found)} utterances have {modality} and a label that {joined.name} predicts; "
                f"{MIN_UTTERANCES_FOR_TEMPERATURE} are needed"
            )
    fitted = {modality: _fit(found, truth) for modality, found in logs.items()}
    members = [replace(one, temperature=fitted[one.modality]) for one in runtime.members]
    shared = [one.id for one in labelled if all(one.id in found for found in logs.values())]
    summed = {one: _sum([logs[use][one] / fitted[use] for use in logs]) for one in shared} if len(logs) > 1 else {}
    both = _fit(summed, truth) if summed else 1.0
    listed = ", ".join(f"{temperature:.2f} ({modality})" for modality, temperature in fitted.items())
    name = f" of {corpus.name}" if corpus.name else ""
    about = (
        f"temperatures {listed}{f', {both:.2f} (both)' if summed else ''} from {len(labelled)} utterances{name}"
    )
    return replace(
        joined,
        runtime=TogetherRuntime(members, joined.labels),
        calibration=Calibration(temperatures={"audio+text": both} if summed else {}),
        scope=f"{joined.scope} | {about}",
    )


def _about(one: Predictor) -> str:
    return (one.scope or "a model of emofuse").removesuffix(f"; {UNCALIBRATED}")


def _words(modality: Modality, one: Predictor) -> dict[str, int]:
    """Return the place of each label of a model, by our word for it."""
    traits = one.runtime.traits
    if modality not in traits.modalities:
        raise RecipeError(f"{one.name}: takes no {modality}; name it for {traits.modalities[0]}")
    if not traits.task.labels:
        raise RecipeError(
            f"{one.name}: predicts dimensions without a label, and labels are fused; take a classifier"
        )
    if len(traits.modalities) > 1 and one.needs_all:
        raise RecipeError(f"{one.name}: was not trained to do with {modality} alone; name a model that was")
    words = [word_of(label.lower()) for label in traits.task.labels]
    return {word: words.index(word) for word in words}


def _logs(joined: Predictor, modality: Modality, corpus: Sequence[Utterance]) -> dict[str, Float64Array]:
    """Return the log-probabilities by one modality alone, by the id of the utterance; without those that fail."""
    if modality == "audio":
        alone = [replace(one, text=None) for one in corpus if one.audio is not None]
    else:
        alone = [replace(one, audio=None, start=None, end=None) for one in corpus if one.text]
    return {
        one.id: np.log(np.maximum(list(one.probabilities.values()), LEAST_PROBABILITY))
        for one in joined.predict_many(alone)
        if isinstance(one, Prediction)
    }


def _sum(parts: Sequence[Float64Array]) -> Float64Array:
    return np.asarray(np.sum(parts, axis=0))


def _fit(logs: Mapping[str, Float64Array], truth: Mapping[str, int]) -> float:
    return fit_temperature(np.stack([*logs.values()]), np.array([truth[one] for one in logs]))
