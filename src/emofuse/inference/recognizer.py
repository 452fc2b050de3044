"""The recogniser: utterances in, predictions out, with any runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emofuse import layout
from emofuse.data.audio import read_clip
from emofuse.data.buckets import cost_of
from emofuse.data.prepare import Item, Outputs, Preparation
from emofuse.errors import AudioError, CheckpointError, EmofuseError, ModalityError, RecipeError
from emofuse.evaluation.calibration import Calibration, adapt_priors, pattern_of
from emofuse.evaluation.reliability import Floats
from emofuse.inference.runtime import Runtime
from emofuse.inference.schedule import ahead, company, windows
from emofuse.types import Prediction, Skip, Utterance


@dataclass(frozen=True)
class _Ready:
    """An utterance that can be predicted: what the network gets, and what it costs in seconds."""

    utterance: Utterance
    item: Item
    cost: float


@dataclass(frozen=True)
class _Refused:
    """An utterance that cannot be predicted, and why; it costs nothing."""

    utterance: Utterance
    error: EmofuseError
    cost: float = 0.0


class EmotionRecognizer:
    """Recognises emotion in utterances; see `emofuse.load`.

    Args:
        runtime: what computes.
        preparation: what turns recordings and words into arrays.
        allow_missing: predict with a modality missing even if the model was not trained for that.
        calibration: what was learnt of the model's confidence; without it probabilities are the network's own.
        priors: how frequent labels are where the model is used, if otherwise than where it learnt.

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
    ) -> None:
        self.runtime = runtime
        self.preparation = preparation
        self.allow_missing = allow_missing
        self.calibration = calibration or Calibration()
        self._priors = None if priors is None else self._checked(priors)

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be recognised, in order."""
        return self.runtime.traits.task.labels

    def predict(self, audio: str | Path | None = None, text: str | None = None) -> Prediction:
        """Predict one utterance from its recording, its words, or both.

        Raises:
            AudioError: the recording cannot be used.
            ModalityError: the model needs what is not given.
        """
        path = Path(audio) if audio is not None else None
        if path is None and text is None:
            raise ModalityError("there is nothing to predict: give audio, text or both")
        identity = path.stem if path else "text"
        result = next(self.predict_many([Utterance(identity, audio=path, text=text)], strict=True))
        assert isinstance(result, Prediction)  # strict: a failure is raised
        return result

    def predict_many(self, utterances: Iterable[Utterance], strict: bool = False) -> Iterator[Prediction | Skip]:
        """Yield a prediction for each utterance, in order; a `Skip` with the reason where there can be none.

        Works through a stream: only some utterances are held at a time. What comes next is read and decoded in a
        thread while the network computes: `utterances` is gone through there, and a caller that stops early waits
        for the stretch that is being read.

        Args:
            utterances: any number of them.
            strict: raise the first failure instead.

        Raises:
            EmofuseError: an utterance cannot be predicted, and `strict` is set.
        """
        prepared = map(self._prepare, utterances)
        for window in ahead(windows(prepared, lambda one: one.cost, self.runtime.padded_seconds)):
            rows = iter(self._run([one for one in window if isinstance(one, _Ready)]))
            for one in window:
                if isinstance(one, _Ready):
                    yield self._prediction(one, next(rows))
                elif strict:
                    raise one.error
                else:
                    yield Skip(one.utterance.id, str(one.error))

    def _prepare(self, utterance: Utterance) -> _Ready | _Refused:
        clip = None
        try:
            if self.preparation.audio and utterance.audio:
                rate = self.preparation.audio.rate
                clip = read_clip(utterance.audio, utterance.start, utterance.end, rate)
            item = self.preparation(clip, utterance.text)
            self._refuse_missing(utterance, item)
        except (AudioError, ModalityError) as error:
            return _Refused(utterance, error)
        return _Ready(utterance, item, cost_of(utterance, clip.seconds if clip else None))

    def _refuse_missing(self, utterance: Utterance, item: Item) -> None:
        """Refuse an utterance that lacks a modality which the model needs."""
        traits = self.runtime.traits
        if not item.modalities:
            raise ModalityError(f"{utterance.id}: the model takes {' and '.join(traits.modalities)}; give it that")
        missing = [modality for modality in traits.modalities if modality not in item.modalities]
        if missing and not (traits.missing_modalities or self.allow_missing):
            raise ModalityError(
                f"{utterance.id}: has no {missing[0]}, and the model was not trained to do without; "
                "give it, or allow it with --allow-missing (allow_missing=True)"
            )

    def _run(self, ready: Sequence[_Ready]) -> list[Outputs]:
        """Return what is said of each utterance, in order."""
        rows: dict[int, Outputs] = {}
        items, costs = [one.item for one in ready], [one.cost for one in ready]
        for positions in company(items, costs, self.runtime.padded_seconds):
            said = self.runtime(self.preparation.collate([ready[position].item for position in positions]))
            for row, position in enumerate(positions):
                told = None if said.dimensions is None else said.dimensions[row]
                rows[position] = Outputs(said.logits[row], told)
        return [rows[position] for position in range(len(ready))]

    def _prediction(self, ready: _Ready, said: Outputs) -> Prediction:
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
        return replace(prediction, abstained=self.calibration.abstains(prediction.confidence))

    def _checked(self, priors: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Return the priors of training and those of use, in the order of the labels."""
        own = self.calibration.priors
        if self.runtime.traits.task.multi_label:
            raise RecipeError("priors are for models that tell one label; this one tells any number at once")
        if not own:
            raise RecipeError("priors: the model does not say how frequent labels were in training; train it anew")
        if set(priors) != set(self.labels):
            raise RecipeError(f"priors need a share for each of {', '.join(self.labels)}, and no others")
        pairs = [(own.get(label, 0.0), priors[label]) for label in self.labels]
        trained, used = np.array(pairs, dtype=np.float64).T
        adapt_priors(np.ones((1, len(pairs))), trained, used)  # refuses what is no frequency
        return trained, used


def load(
    model: str | Path,
    device: str | None = None,
    allow_missing: bool = False,
    priors: Mapping[str, float] | None = None,
    threads: int | None = None,
) -> EmotionRecognizer:
    """Load a model folder, an exported one, or a run folder with a model in it, and its calibration if it has one.

    Args:
        model: the folder. An exported one needs no torch.
        device: where torch computes; None takes a GPU where there is one. Exported models compute on processors.
        allow_missing: see `EmotionRecognizer`.
        priors: likewise.
        threads: how many compute at once; None takes the processors that are there.

    Raises:
        RecipeError: the priors do not fit the model, or `threads` is no number of threads.
        CheckpointError: there is no such folder, or it is not a whole emofuse model.
        MissingExtraError: the folder needs torch, and that is not installed.
    """
    folder = Path(model)
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise RecipeError(f"threads {threads!r}: give how many compute at once, 1 or more")
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such model folder")
    folder = model_folder(folder)
    runtime, preparation = _open(folder, device, threads)
    return EmotionRecognizer(runtime, preparation, allow_missing, read_calibration(folder), priors)


def model_folder(folder: Path) -> Path:
    """Return where the model is: the folder itself or, in the folder of a run, `model`."""
    inside = folder / layout.MODEL
    if (
        not layout.is_model_folder(folder)
        and not layout.is_exported_folder(folder)
        and layout.is_model_folder(inside)
    ):
        return inside
    return folder


def _open(folder: Path, device: str | None, threads: int | None) -> tuple[Runtime, Preparation]:
    """Open a folder with what it needs; torch is imported only where it does."""
    if layout.is_exported_folder(folder):
        if device not in (None, "cpu"):
            raise CheckpointError(f"{folder}: an exported model computes on processors, not on {device}")
        from emofuse.inference.onnx_runtime import load_onnx

        return load_onnx(folder, threads)
    from emofuse.inference.torch_runtime import load_torch

    return load_torch(folder, device, threads)


def read_calibration(folder: Path) -> Calibration | None:
    """Read what a model folder says of the model's confidence; None where it says nothing.

    Raises:
        CheckpointError: the file is not a calibration.
    """
    path = folder / layout.CALIBRATION
    if not path.is_file():
        return None
    try:
        return Calibration.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (CheckpointError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a calibration ({error}); train or copy the model again") from error
