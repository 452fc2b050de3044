"""Predictions as a run stores them: each with the logits that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.errors import RunError
from emofuse.types import Prediction
from emofuse.untrusted.json_text import parse_json


@dataclass(frozen=True)
class StoredPrediction:
    """A prediction and the logits of the network, before any calibration.

    Attributes:
        logits: label -> logit; None in runs that were made before logits were stored.
    """

    prediction: Prediction
    logits: Mapping[str, float] | None = field(default=None, hash=False)

    def logits_of(self, labels: Sequence[str]) -> list[float]:
        """Return the logits in the order of the labels.

        Raises:
            RunError: none were stored.
        """
        if self.logits is None:
            raise RunError(
                f"the prediction of {self.prediction.id!r} was stored without logits by an earlier version; "
                "make the run again with --resume"
            )
        return [self.logits[label] for label in labels]

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of the prediction, and `logits` behind `probabilities`."""
        document: dict[str, Any] = {}
        for key, value in self.prediction.as_dict().items():
            document[key] = value
            if key == "probabilities" and self.logits is not None:
                document["logits"] = dict(self.logits)
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> StoredPrediction:
        """Read what `as_dict` returned.

        Raises:
            TypeError, KeyError, ValueError: the document is something else.
        """
        values = dict(document)
        logits = values.pop("logits", None)
        prediction = Prediction.from_dict(values)
        if prediction.label not in prediction.probabilities:
            raise ValueError(f"{prediction.id!r} has no probability of its label {prediction.label!r}")
        return cls(prediction, logits)


def write_predictions(path: Path, predictions: Iterable[StoredPrediction]) -> None:
    """Write predictions as JSON Lines, whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    layout.write_json_lines(path, (each.as_dict() for each in predictions))


def read_predictions(path: Path) -> dict[str, StoredPrediction]:
    """Return the predictions of a file by utterance id.

    Raises:
        OSError, ValueError, TypeError, KeyError: the file is missing or damaged.
    """
    predictions = [StoredPrediction.from_dict(row) for row in read_json_lines(path)]
    return {each.prediction.id: each for each in predictions}


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file; only a newline ends a row, unlike in `splitlines`: texts may hold U+2028.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    return [parse_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
