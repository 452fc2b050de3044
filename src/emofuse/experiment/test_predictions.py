"""The answers of a trained system: scored, written, and read again when results are collected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.data.preparation import Outputs
from emofuse.data.text_sources import reading
from emofuse.evaluation.calibration import Calibration, pattern_of
from emofuse.model.checkpoint import Checkpoint
from emofuse.runs.stored_predictions import read_predictions
from emofuse.training.fit_calibration import patterns_of
from emofuse.training.loader import Part, Reader, load_part
from emofuse.training.scoring import score_part
from emofuse.types import MODALITIES, Corpus, Prediction, Skip, Task


@dataclass(frozen=True)
class Answers:
    """What a system says, written into the folder of its job.

    Attributes:
        folder: of the job.
        checkpoint: the network.
        calibration: of its probabilities.
        task: what is told.
        reader: of utterances.
        micro_seconds: how much sound goes into a batch.
    """

    folder: Path
    checkpoint: Checkpoint
    calibration: Calibration
    task: Task
    reader: Reader
    micro_seconds: float

    def give(self, corpus: Corpus, name: str) -> tuple[Part, list[Skip]]:
        """Score utterances, write what is said of them, and return what could be read and what could not."""
        part, unread = load_part(corpus, self.task, self.reader)
        self._write(part, name)
        return part, unread

    def give_without(self, test: Part) -> None:
        """Write what is said with one modality taken away, if the network was trained for that."""
        for pattern, part in patterns_of(self.checkpoint.model, test).items():
            if pattern in MODALITIES:
                self._write(part, layout.WITHOUT.format(modality=pattern))

    def give_of_other_texts(self, tested: Corpus, kinds: Collection[str], source: str) -> None:
        """Write what is said of the same utterances read from another kind of text, where there are several."""
        if len(kinds) > 1:
            for kind in sorted(set(kinds) - {source}):
                other = reading(tested, "gold" if kind == "gold" else "asr")
                self.give(other, layout.OTHER_TEXT.format(source=kind))

    def complete(self, fold: str, test: Part, skipped: Sequence[Skip]) -> list[Skip]:
        """Write how the job ended, last of all, and return what was left out."""
        predicted = read_predictions(self.folder)
        right = sum(predicted[u.id]["label"] == u.label for u in test.utterances)
        summary: dict[str, Any] = {
            "n": len(predicted),
            "wa": right / len(predicted) if predicted else None,
            "without_modality": sum(not modalities for modalities in test.modalities),
            "calibration": self.calibration.as_dict(),
            "skipped": [{"id": skip.id, "reason": skip.reason} for skip in skipped],
        }
        layout.write_json(self.folder / layout.MODEL / layout.EVALUATION, {"fold": fold} | summary)
        layout.write_json(self.folder / layout.METRICS, summary)
        return list(skipped)

    def _write(self, part: Part, name: str) -> None:
        said = predict_part(self.checkpoint, self.calibration, part, self.micro_seconds)
        layout.write_json_lines(self.folder / name, (prediction.as_dict() for prediction in said))


def predict_part(
    checkpoint: Checkpoint, calibration: Calibration, part: Part, micro_seconds: float
) -> list[Prediction]:
    """Predict every utterance of a part, in its order, with calibrated probabilities."""
    if not len(part):
        return []
    said, positions = score_part(checkpoint.model, part, micro_seconds)
    order = np.argsort(positions)
    told = None if said.dimensions is None else said.dimensions[order]
    return predictions_of(Outputs(said.logits[order], told), part, calibration, checkpoint.model.config.task)


def predictions_of(said: Outputs, part: Part, calibration: Calibration, task: Task) -> list[Prediction]:
    """Return what is said of the utterances of a part, in their order, as predictions."""
    chances = calibration.apply(said.logits, list(map(pattern_of, part.modalities)), task.multi_label)
    predictions = []
    for row, utterance in enumerate(part.utterances):
        told = None if said.dimensions is None else map(float, said.dimensions[row])
        predictions.append(
            Prediction.of(
                utterance,
                dict(zip(task.labels, map(float, chances[row]), strict=True)),
                part.modalities[row],
                dimensions=None if told is None else dict(zip(task.dimensions, told, strict=True)),
            )
        )
    return predictions
