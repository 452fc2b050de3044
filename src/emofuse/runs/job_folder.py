"""The folder of one job of a cross-validation: one system, one fold, one seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.errors import CheckpointError, RunError
from emofuse.evaluation.calibration import Calibration
from emofuse.runs.stored_predictions import StoredPrediction, read_predictions
from emofuse.types import Skip
from emofuse.untrusted.json_text import read_json


@dataclass(frozen=True)
class JobFolder:
    """What a complete job has written; every reader raises RunError if its file is missing or damaged."""

    path: Path

    def has(self, file: str) -> bool:
        """Tell whether the folder holds a file; some are only written where a fold has utterances for them."""
        return (self.path / file).is_file()

    def predictions(self, file: str = layout.PREDICTIONS) -> dict[str, StoredPrediction]:
        """Return predictions by utterance id."""
        with _reading(self.path / file):
            return read_predictions(self.path / file)

    def metrics(self) -> dict[str, Any]:
        """Return `metrics.json`, which a job writes last."""
        path = self.path / layout.METRICS
        with _reading(path):
            document: dict[str, Any] = read_json(path)
            return document

    def calibration(self) -> Calibration:
        """Return the calibration that was fitted on the validation part."""
        with _reading(self.path / layout.METRICS):
            return Calibration.from_dict(self.metrics()["calibration"])

    def skips(self) -> list[Skip]:
        """Return which utterances could not be read, and why."""
        with _reading(self.path / layout.METRICS):
            return [Skip(**skip) for skip in self.metrics()["skipped"]]

    def without_modality(self) -> int:
        """Return how many test utterances have no modality that the network takes: their prediction is a prior."""
        with _reading(self.path / layout.METRICS):
            return int(self.metrics()["without_modality"])

    def is_complete(self) -> bool:
        """Tell whether the job has ended and its files can be used; else it is run again."""
        return self.has(layout.METRICS) and self.fault() is None

    def fault(self) -> str | None:
        """Return why a job that has ended has to be run again; None for any other."""
        if not self.has(layout.METRICS):
            return None
        try:
            predictions = self.predictions()
            self.skips()
        except RunError:
            return "files are missing or damaged"
        if any(each.logits is None for each in predictions.values()):
            return "predictions were stored without logits, by an earlier version"
        return None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn every way in which a file can be missing or damaged into one refusal."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, CheckpointError) as error:
        raise RunError(f"{path}: is missing or damaged; run it again with --resume") from error
