"""Predictions with their true labels, as arrays: every figure of a result is computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.intervals import Statistic, confusion_statistic, group_confusions
from emofuse.evaluation.metrics import CONFUSION_METRICS, Counts, MetricName
from emofuse.evaluation.reliability import Flags
from emofuse.types.arrays import Float64Array, IntArray


@dataclass(frozen=True)
class LabelledPredictions:
    """The predictions of a system for the same utterances, from each seed.

    Attributes:
        labels: of the task, in order.
        ids: of the utterances, (utterances,).
        truth: true labels, (utterances,).
        probabilities: (seeds, utterances, labels).
        folds: the fold that tests each utterance, (utterances,).
        speakers: the speaker of each; None if unknown.
        sessions: likewise.
        groups: attribute, such as gender -> its value for each utterance.
    """

    labels: tuple[str, ...]
    ids: tuple[str, ...]
    truth: IntArray
    probabilities: Float64Array
    folds: IntArray
    speakers: tuple[str | None, ...]
    sessions: tuple[str | None, ...]
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.truth):
            raise CorpusError("there is no labelled utterance to score")

    @cached_property
    def predicted(self) -> IntArray:
        """The most probable label, (seeds, utterances)."""
        return np.asarray(self.probabilities.argmax(axis=2))

    @property
    def confidence(self) -> Float64Array:
        """The probability of the predicted label, (seeds, utterances)."""
        return np.asarray(self.probabilities.max(axis=2))

    @property
    def correct(self) -> Flags:
        """Which predictions are correct, (seeds, utterances)."""
        return np.asarray(self.predicted == self.truth)

    @property
    def confusions(self) -> Counts:
        """True labels down, predicted ones across: (seeds, labels, labels)."""
        return group_confusions(self.truth, self.predicted, [""] * len(self.truth), len(self.labels))[1][:, 0]

    def confusions_by(self, names: Sequence[str | None]) -> Counts | None:
        """Return confusions by speaker or session, (seeds, groups, labels, labels); None where one is unknown."""
        known = [name for name in names if name is not None]
        if len(known) < len(names):
            return None
        return group_confusions(self.truth, self.predicted, known, len(self.labels))[1]

    def statistic(self, metric: MetricName, names: Sequence[str | None]) -> Statistic | None:
        """Return a metric as a statistic of speakers or sessions; None where one is unknown."""
        counts = self.confusions_by(names)
        return None if counts is None else confusion_statistic(CONFUSION_METRICS[metric], counts)
