"""Utterances and clips in, predictions out: the one path of recogniser, timelines, evaluation and experiments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from emofuse.data.batching import batches_of_lengths
from emofuse.data.preparation import Batch, Item, Outputs, Preparation
from emofuse.errors import AudioError, EmofuseError, NoSpeechError, OutputError, failure_of
from emofuse.evaluation.calibration import Calibration, predictions_of, refuse_nonsense
from emofuse.inference.priors import PriorShift
from emofuse.inference.ready import Ready, Refused
from emofuse.inference.relative import Decider
from emofuse.inference.runtime import Runtime
from emofuse.inference.utterance_stream import LongRecordings, Pair, Preparer, TooLong, prepared_windows
from emofuse.types import Prediction, Skip, Utterance
from emofuse.types.arrays import Float32Array

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
# Called after each result: how many there are, and of how many seconds of sound.
Progress = Callable[[int, float], None]
Compute = Callable[[Batch], Sequence[R]]


@dataclass(frozen=True)
class Computed(Generic[R_co]):
    """An utterance, and its row of what the network computed of a batch."""

    ready: Ready
    row: R_co

    @property
    def utterance(self) -> Utterance:
        """Which it is."""
        return self.ready.utterance

    @property
    def seconds(self) -> float:
        """Seconds of sound."""
        return self.ready.seconds


@dataclass(frozen=True)
class Predictor:
    """A model, ready to predict.

    Attributes:
        runtime: what computes.
        preparation: from clips and texts to arrays.
        calibration: from logits to probabilities.
        priors: from the label frequencies of training to those where the model is used; None keeps the former.
        allow_missing: predict with a modality missing even if the model was not trained for that.
        scoring: predict whatever can be read, as the test part of a job does: also with a modality missing, or all
            that the model takes, of which it then predicts what it does of nothing.
        scope: what the model is for, copied into each prediction.
        strict: refuse damaged recordings; else they are used as far as they decode, and predictions say so.
        text_languages: leave out text in any other language, and say so; None takes any text.
        relative: decides relative to what else there is; None gives plain predictions.
        folder: of the model, for what is read from it only where it is used; None for models together.
    """

    runtime: Runtime
    preparation: Preparation
    calibration: Calibration = field(default_factory=Calibration)
    priors: PriorShift | None = None
    allow_missing: bool = False
    scoring: bool = False
    scope: str | None = None
    strict: bool = True
    text_languages: tuple[str, ...] | None = None
    relative: Decider | None = None
    folder: Path | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model, in order."""
        return self.runtime.traits.task.labels

    @property
    def name(self) -> str:
        """The name of the model, as predictions carry it."""
        return self.runtime.traits.name

    @property
    def needs_all(self) -> bool:
        """Whether an utterance must have every modality that the model takes."""
        return not (self.runtime.traits.missing_modalities or self.allow_missing or self.scoring)

    def adapted(self, allow_missing: bool = False, priors: Mapping[str, float] | None = None) -> Predictor:
        """Return the model for a use of its own.

        Args:
            allow_missing: predict with a modality missing even if the model was not trained for that.
            priors: label -> its frequency where the model is used; None for that of training.

        Raises:
            RecipeError: the priors are not one share per label, or the frequencies of training are not known.
        """
        shift = (
            None if priors is None else PriorShift.of(priors, self.calibration.priors, self.runtime.traits.task)
        )
        return replace(self, allow_missing=allow_missing, priors=shift)

    def complete(self, prediction: Prediction) -> Prediction:
        """Return a prediction with the model's name and scope, and whether it abstains."""
        abstained = prediction.confidence is not None and self.calibration.abstains(prediction.confidence)
        return replace(prediction, abstained=abstained, model=self.name, model_scope=self.scope)

    def predict_one(self, utterance: Utterance, long: LongRecordings | None = None) -> Prediction:
        """Predict one utterance.

        Raises:
            EmofuseError: the recording cannot be used, or lacks a modality that the model needs.
        """
        return self._prediction(next(self._computed([(utterance, None)], self._rows, long)))

    def predict_many(
        self,
        utterances: Iterable[Utterance],
        strict: bool = False,
        progress: Progress | None = None,
        long: LongRecordings | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Do what `predict_clips` does, with sound that is to be read."""
        return self.predict_clips(((utterance, None) for utterance in utterances), strict, progress, long)

    def predict_clips(
        self,
        pairs: Iterable[Pair],
        strict: bool = False,
        progress: Progress | None = None,
        long: LongRecordings | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Yield a prediction for each utterance, in order; a `Skip` with the reason where there can be none.

        Only some utterances are held at a time: `pairs` is iterated in the caller's thread, one window ahead, and
        decoded in another while the network computes. A caller that stops early waits for what is being read.

        Args:
            pairs: utterances, each with its sound at the model's rate, None where that is to be read, or what is
                known already to become of it.
            strict: raise the first failure instead.
            progress: called after each result.
            long: what happens to long recordings; None takes any recording as one utterance.

        Raises:
            EmofuseError: an utterance cannot be predicted, and `strict` is set.
        """
        done, seconds = 0, 0.0
        for one in self._computed(pairs, self._rows, long):
            try:
                result: Prediction | Skip = self._prediction(one)
            except Exception as error:  # the border of an input: whatever it is, the others go on
                result = Skip(one.utterance.id, str(failure_of(one.utterance.id, error)))
                if strict:
                    raise
            done, seconds = done + 1, seconds + one.seconds
            if progress is not None:
                progress(done, seconds)
            yield result

    def embed(self, utterances: Iterable[Utterance]) -> Iterator[Float32Array]:
        """Yield the pooled vector that the model decides from, (width,), for each utterance, in order.

        Raises:
            EmofuseError: an utterance cannot be used, or an exported model does not output its vectors.
        """
        pairs: Iterator[Pair] = ((utterance, None) for utterance in utterances)
        for one in self._computed(pairs, lambda batch: list(self.runtime.embed(batch)), None):
            if not isinstance(one, Computed):
                raise one.error
            refuse_nonsense(one.utterance, one.row)
            yield one.row

    def _computed(
        self, pairs: Iterable[Pair], compute: Compute[R], long: LongRecordings | None
    ) -> Iterator[Computed[R] | Refused | TooLong]:
        """Yield each utterance with its row of what is computed of a batch, or why there is none."""
        traits, padded = self.runtime.traits, self.runtime.padded_seconds
        preparer = Preparer(
            self.preparation,
            traits.modalities,
            self.needs_all,
            long,
            self.strict,
            self.text_languages,
            allow_nothing=self.scoring,
        )
        for window in prepared_windows(pairs, preparer, lambda one: one.cost, padded):
            ready = [one for one in window if isinstance(one, Ready)]
            lengths, costs = [_lengths(one.item) for one in ready], [one.cost for one in ready]
            rows: dict[int, R | EmofuseError] = {}
            for batch in batches_of_lengths(lengths, costs, padded):
                computed = self._batch(compute, [ready[position] for position in batch], long is not None)
                rows.update(zip(batch, computed, strict=True))
            places = iter(range(len(ready)))
            for one in window:
                if isinstance(one, Ready):
                    row = rows[next(places)]
                    yield Refused(one.utterance, row) if isinstance(row, EmofuseError) else Computed(one, row)
                else:
                    yield one

    def _batch(self, compute: Compute[R], ready: Sequence[Ready], contained: bool) -> Sequence[R | EmofuseError]:
        """Return the rows of a batch; where it fails and is to be `contained`, each alone, or its own failure.

        What a network cannot compute with is the failure of an utterance, always.
        """
        try:
            return compute(self.preparation.collate([one.item for one in ready]))
        except Exception as error:
            if not isinstance(error, OutputError) and (not contained or isinstance(error, EmofuseError)):
                raise
            if len(ready) == 1:
                return [failure_of(ready[0].utterance.id, error)]
        return [row for one in ready for row in self._batch(compute, [one], contained)]

    def _rows(self, batch: Batch) -> list[Outputs]:
        """Return the outputs of each row of a batch, each (1, ...)."""
        outputs = self.runtime(batch)
        return [
            Outputs(outputs.logits[row : row + 1], *(_row(values, row) for values in outputs[1:]))
            for row in range(len(outputs.logits))
        ]

    def _prediction(self, one: Computed[Outputs] | Refused | TooLong) -> Prediction:
        """Return the prediction for an utterance, or raise why there is none."""
        if isinstance(one, Refused):
            if isinstance(one.error, NoSpeechError):
                nothing = Prediction.without_speech(one.utterance)
                return self.complete(replace(nothing, damaged=one.error.damaged, notes=one.error.notes))
            raise one.error
        if isinstance(one, TooLong):
            whole = one.predict(one.utterance, one.path)
            if self.strict and whole.damaged is not None:
                raise AudioError(f"{one.path}: {whole.damaged}")
            return whole
        task, ready, modalities = self.runtime.traits.task, one.ready, one.ready.item.modalities
        adapt = None if self.priors is None else self.priors.apply
        outputs, relative_to = one.row, None
        if self.relative is not None:
            outputs, relative_to = self.relative(one.utterance, modalities, outputs)
        (prediction,) = predictions_of(outputs[:2], [one.utterance], [modalities], task, self.calibration, adapt)
        prediction = replace(prediction, relative_to=relative_to, damaged=ready.damaged, notes=ready.notes)
        return self.complete(replace(prediction, text_unused=ready.text_unused or prediction.text_unused))


def _lengths(item: Item) -> tuple[int, int]:
    return 0 if item.values is None else len(item.values), 0 if item.ids is None else len(item.ids)


def _row(values: Float32Array | None, row: int) -> Float32Array | None:
    return None if values is None else values[row : row + 1]
