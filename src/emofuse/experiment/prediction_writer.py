"""Predict the test part of a job and write the predictions, with their logits, into its folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.data.preparation import Outputs
from emofuse.data.text_sources import use_text_source
from emofuse.evaluation.calibration import Calibration, predictions_of
from emofuse.model.checkpoint import Checkpoint
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.stored_predictions import StoredPrediction, write_predictions
from emofuse.training.fit_calibration import patterns_of
from emofuse.training.loader import InputReader, PreparedPart, prepare_part
from emofuse.training.scoring import predict_part
from emofuse.types import MODALITIES, Corpus, Skip, Task


@dataclass(frozen=True)
class PredictionWriter:
    """Writes the predictions of a trained system into the folder of its job.

    Attributes:
        folder: of the job.
        checkpoint: the network.
        calibration: of its probabilities.
        task: the labels and dimensions.
        reader: of utterances.
        micro_seconds: seconds of sound in a batch.
    """

    folder: Path
    checkpoint: Checkpoint
    calibration: Calibration
    task: Task
    reader: InputReader
    micro_seconds: float

    def write_corpus(self, corpus: Corpus, name: str) -> tuple[PreparedPart, list[Skip]]:
        """Predict utterances into the file `name`; return those that were read, and those that could not be."""
        part, skipped = prepare_part(corpus, self.task, self.reader)
        self._write_part(part, name)
        return part, skipped

    def write_single_modalities(self, test: PreparedPart) -> None:
        """Predict a part once more with only one modality, if the network was trained for that."""
        for pattern, part in patterns_of(self.checkpoint.model, test).items():
            if pattern in MODALITIES:
                self._write_part(part, layout.WITHOUT.format(modality=pattern))

    def write_other_texts(self, tested: Corpus, kinds: Collection[str], source: str) -> None:
        """Predict utterances once more from the kinds of text other than `source`, where there are several."""
        if len(kinds) > 1:
            for kind in sorted(set(kinds) - {source}):
                other = use_text_source(tested, "gold" if kind == "gold" else "asr")
                self.write_corpus(other, layout.OTHER_TEXT.format(source=kind))

    def complete(self, fold: str, test: PreparedPart, skipped: Sequence[Skip]) -> list[Skip]:
        """Write the metrics of the job, which makes it complete; return the skipped utterances."""
        predicted = JobFolder(self.folder).predictions()
        correct = sum(predicted[u.id].prediction.label == u.label for u in test.utterances)
        summary: dict[str, Any] = {
            "n": len(predicted),
            "wa": correct / len(predicted) if predicted else None,
            "without_modality": sum(not modalities for modalities in test.modalities),
            "calibration": self.calibration.as_dict(),
            "skipped": [{"id": skip.id, "reason": skip.reason} for skip in skipped],
        }
        layout.write_json(self.folder / layout.MODEL / layout.EVALUATION, {"fold": fold} | summary)
        layout.write_json(self.folder / layout.METRICS, summary)
        return list(skipped)

    def _write_part(self, part: PreparedPart, name: str) -> None:
        predictions: list[StoredPrediction] = []
        if len(part):
            outputs, positions = predict_part(self.checkpoint.model, part, self.micro_seconds)
            order = np.argsort(positions)
            dimensions = None if outputs.dimensions is None else outputs.dimensions[order]
            in_order = Outputs(outputs.logits[order], dimensions)
            predictions = stored_predictions(in_order, part, self.calibration, self.checkpoint.model.config.task)
        write_predictions(self.folder / name, predictions)


def stored_predictions(
    outputs: Outputs, part: PreparedPart, calibration: Calibration, task: Task
) -> list[StoredPrediction]:
    """Return the predictions of a part with their logits, from outputs in the order of its utterances.

    None of them abstains: a run scores every utterance, and results say what abstention would change.
    """
    predictions = predictions_of(
        outputs[:2], part.utterances, part.modalities, task, replace(calibration, threshold=None)
    )
    return [
        StoredPrediction(prediction, dict(zip(task.labels, map(float, logits), strict=True)))
        for prediction, logits in zip(predictions, outputs.logits, strict=True)
    ]
