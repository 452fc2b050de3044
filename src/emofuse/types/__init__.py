"""The records that flow through emofuse: standard library only, frozen, named."""

from __future__ import annotations

from emofuse.types.corpus import (
    MODALITIES,
    SYSTEMS,
    Corpus,
    Finding,
    Fold,
    Modality,
    Severity,
    Skip,
    SystemName,
    Task,
    Utterance,
)
from emofuse.types.predictions import WITHHELD, ClassScore, Evaluation, Prediction, RelativeTo, shown_label
from emofuse.types.timeline import MEAN_OF_SEGMENTS, ExcludedSpan, Segment, Timeline, Turn

__all__ = [
    "MEAN_OF_SEGMENTS",
    "MODALITIES",
    "SYSTEMS",
    "WITHHELD",
    "ClassScore",
    "Corpus",
    "Evaluation",
    "ExcludedSpan",
    "Finding",
    "Fold",
    "Modality",
    "Prediction",
    "RelativeTo",
    "Segment",
    "Severity",
    "Skip",
    "SystemName",
    "Task",
    "Timeline",
    "Turn",
    "Utterance",
    "shown_label",
]
