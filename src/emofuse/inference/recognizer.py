"""The recogniser: utterances and recordings in, predictions out, with any runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from emofuse.data.preparation import Batch, Outputs, Preparation
from emofuse.errors import AudioError, CheckpointError, CorpusError, ModalityError, RecipeError
from emofuse.evaluation.calibration import Calibration, adapt_priors, pattern_of
from emofuse.inference.model_folders import find_folder, model_folder, open_folder, read_calibration, read_scope
from emofuse.inference.priors import checked_priors
from emofuse.inference.readiness import LongRecordings, Ready, Readying, Refused, TooLong, run_together
from emofuse.inference.runtime import Runtime
from emofuse.inference.schedule import prepared_windows
from emofuse.sound.clips import Clip
from emofuse.types import Prediction, Skip, Timeline, Utterance
from emofuse.types.arrays import Float32Array

if TYPE_CHECKING:
    from emofuse.inference.explain.explanation import Explanation
    from emofuse.inference.timeline.compose import TimelineOptions

__all__ = ["EmotionRecognizer", "load", "model_folder", "read_calibration"]

R = TypeVar("R")
# Told after each result: how many there are, of how many seconds of sound.
Listener = Callable[[int, float], None]


class EmotionRecognizer:
    """Recognises emotion in utterances and in recordings; see `emofuse.load`.

    Args:
        runtime: what computes.
        preparation: what turns recordings and words into arrays.
        allow_missing: predict with a modality missing even if the model was not trained for that.
        calibration: what was learnt of the model's confidence; without it probabilities are the network's own.
        priors: how frequent labels are where the model is used, if otherwise than where it learnt.
        folder: where the model lies, for what needs more of it than its answers.
        scope: what the model is for, as each prediction says.

    Raises:
        RecipeError: the priors are not one share a label, or the model did not write down its own.
    """

    def __init__(
        self,
        runtime: Runtime,
        preparation: Preparation,
        allow_missing: bool = False,
        calibration: Calibration | None = None,
        priors: Mapping[str, float] | None = None,
        folder: Path | None = None,
        scope: str | None = None,
    ) -> None:
        self.runtime = runtime
        self.preparation = preparation
        self.allow_missing = allow_missing
        self.calibration = calibration or Calibration()
        self.folder = folder
        self.scope = scope
        task = runtime.traits.task
        self._priors = None if priors is None else checked_priors(priors, self.calibration.priors, task)

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be recognised, in order."""
        return self.runtime.traits.task.labels

    def predict(self, audio: str | Path | None = None, text: str | None = None) -> Prediction:
        """Predict one utterance from its recording, its words, or both.

        A recording of more than 30 s is cut into segments of speech; the answer is the mean of theirs, weighed by
        their seconds, and says so under `segments`.

        Raises:
            AudioError: the recording cannot be used.
            ModalityError: the model needs what is not given.
        """
        path = Path(audio) if audio is not None else None
        if path is None and text is None:
            raise ModalityError("there is nothing to predict: give audio, text or both")
        identity = path.stem or str(path) if path else "text"
        utterance = Utterance(identity, audio=path, text=text)
        result = next(self.predict_many([utterance], strict=True, long=LongRecordings()))
        assert isinstance(result, Prediction)  # strict: a failure is raised
        return result

    def predict_many(
        self,
        utterances: Iterable[Utterance],
        strict: bool = False,
        progress: Listener | None = None,
        long: LongRecordings | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Yield a prediction for each utterance, in order; a `Skip` with the reason where there can be none.

        Works through a stream: only some utterances are held at a time. `utterances` is gone through in the
        caller's thread, one window of them ahead; they are read and decoded in another thread while the network
        computes. A caller that stops early waits for what is being read.

        Args:
            utterances: any number of them.
            strict: raise the first failure instead.
            progress: is told after each result how many there are, and of how many seconds of sound.
            long: cut long recordings into segments, as `predict` does; None, as in evaluations, never does.

        Raises:
            EmofuseError: an utterance cannot be predicted, and `strict` is set.
        """
        pairs: Iterator[tuple[Utterance, Clip | None]] = ((utterance, None) for utterance in utterances)
        return self.predict_clips(pairs, strict, progress, long)

    def predict_clips(
        self,
        pairs: Iterable[tuple[Utterance, Clip | None]],
        strict: bool = False,
        progress: Listener | None = None,
        long: LongRecordings | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Do what `predict_many` does, with sound that may be decoded already.

        Args:
            pairs: utterances, each with its sound at the model's rate, or None where it is to be read.
            strict: raise the first failure instead.
            progress: is told after each result.
            long: cut long recordings into segments.
        """
        done, seconds = 0, 0.0
        for one, said in self._answers(pairs, self._said, long):
            try:
                result: Prediction | Skip = self._result(one, said, long)
            except (AudioError, CorpusError, ModalityError) as error:
                if strict:
                    raise
                result = Skip(one.utterance.id, str(error))
            done, seconds = done + 1, seconds + one.seconds
            if progress is not None:
                progress(done, seconds)
            yield result

    def embed(self, utterances: Iterable[Utterance]) -> Iterator[Float32Array]:
        """Yield the vector that the model decides from, (width,), for each utterance, in order.

        Raises:
            EmofuseError: an utterance cannot be used, or an exported model does not give its vectors.
        """
        pairs: Iterator[tuple[Utterance, Clip | None]] = ((utterance, None) for utterance in utterances)
        for one, vector in self._answers(pairs, lambda batch: list(self.runtime.embed(batch)), None):
            if isinstance(one, Refused):
                raise one.error
            assert vector is not None  # it was computed
            yield vector

    def timeline(self, audio: str | Path, options: TimelineOptions | None = None) -> Timeline:
        """Say what is to be heard when in a recording; see `emofuse.inference.timeline.compose`."""
        from emofuse.inference.timeline.compose import compose

        return compose(self, Path(audio), options)

    def explain(
        self, audio: str | Path | None = None, text: str | None = None, label: str | None = None
    ) -> Explanation:
        """Say what in sound and words made the model say it; see `emofuse.inference.explain.explain`."""
        from emofuse.inference.box import explained_by
        from emofuse.inference.explain.explain import explain

        if self.folder is None:
            raise CheckpointError("this recogniser was not loaded from a folder; explain one that was")
        return explain(explained_by(self.folder), audio, text, label)

    def _answers(
        self,
        pairs: Iterable[tuple[Utterance, Clip | None]],
        compute: Callable[[Batch], Sequence[R]],
        long: LongRecordings | None,
    ) -> Iterator[tuple[Ready | Refused | TooLong, R | None]]:
        """Yield each utterance made ready, and its row of what is computed of a batch, if it can be."""
        readying = Readying(self.preparation, self.runtime.traits, self.allow_missing, long)
        padded = self.runtime.padded_seconds
        for window in prepared_windows(pairs, lambda pair: readying(*pair), lambda one: one.cost, padded):
            ready = [one for one in window if isinstance(one, Ready)]
            rows = iter(run_together(compute, ready, self.preparation, padded))
            for one in window:
                yield one, next(rows) if isinstance(one, Ready) else None

    def _said(self, batch: Batch) -> list[Outputs]:
        """Return what the network says of each row of a batch."""
        said = self.runtime(batch)
        told = [None] * len(said.logits) if said.dimensions is None else said.dimensions
        return [Outputs(*row) for row in zip(said.logits, told, strict=True)]

    def _result(
        self, one: Ready | Refused | TooLong, said: Outputs | None, long: LongRecordings | None
    ) -> Prediction:
        """Return what is said of an utterance, or raise why nothing is."""
        if isinstance(one, Refused):
            raise one.error
        if isinstance(one, TooLong):
            from emofuse.inference.timeline.whole_recording import predict_recording

            assert long is not None  # else nothing is too long
            return predict_recording(self, one.utterance, long.options and long.options(one.utterance))
        assert said is not None  # it was computed
        return self._prediction(one, said)

    def _prediction(self, ready: Ready, said: Outputs) -> Prediction:
        task = self.runtime.traits.task
        pattern = pattern_of(ready.item.modalities)
        chances = self.calibration.apply(said.logits[None], [pattern], task.multi_label)
        if self._priors is not None:
            chances = adapt_priors(chances, *self._priors)
        told = None if said.dimensions is None else map(float, said.dimensions)
        prediction = Prediction.of(
            ready.utterance,
            dict(zip(task.labels, map(float, chances[0]), strict=True)),
            ready.item.modalities,
            self.runtime.traits.name,
            None if told is None else dict(zip(task.dimensions, told, strict=True)),
        )
        abstained = self.calibration.abstains(prediction.confidence)
        return replace(prediction, abstained=abstained, model_scope=self.scope)


def load(
    model: str | Path,
    device: str | None = None,
    allow_missing: bool = False,
    priors: Mapping[str, float] | None = None,
    threads: int | None = None,
) -> EmotionRecognizer:
    """Load a model folder, an exported one, or a run folder with a model in it, and its calibration if it has one.

    Args:
        model: the folder, or the name of a model in the box ("box", "box-open"). An exported one needs no torch.
        device: where torch computes; None takes a GPU where there is one. Exported models compute on processors.
        allow_missing: see `EmotionRecognizer`.
        priors: likewise.
        threads: how many compute at once; None takes the processors that are there.

    Raises:
        RecipeError: the priors do not fit the model, or `threads` is no number of threads.
        CheckpointError: there is no such folder, or it is not a whole emofuse model.
        MissingExtraError: the folder needs torch, and that is not installed.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise RecipeError(f"threads {threads!r}: give how many compute at once, 1 or more")
    folder = find_folder(model)
    runtime, preparation = open_folder(folder, device, threads)
    calibration, scope = read_calibration(folder), read_scope(folder)
    return EmotionRecognizer(runtime, preparation, allow_missing, calibration, priors, folder, scope)
