"""Submitted predictions, checked against the utterances that the folds test, as arrays."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.evaluation.summary import headlines, summarise
from emofuse.runs.labelled_utterances import LabelledUtterance, to_arrays, to_arrays_with_missing
from emofuse.runs.submitted_files import SubmittedPrediction

# The error of a probability that was rounded for a table.
ROUNDING_ERROR = 1e-3
# The figures that need probabilities, not labels alone.
PROBABILITY_FIGURES = ("ece", "nll", "brier", "aurc")


@dataclass(frozen=True)
class Submission:
    """Submitted predictions that can be scored.

    Attributes:
        predictions: of the utterances that every seed predicts.
        complete: of all that are tested, where a missing prediction is wrong; None if none is missing.
        missing: ids of tested utterances that some seed does not predict.
        untested: how many predictions are for utterances that no fold tests.
        has_probabilities: whether there are probabilities; else `predictions` holds ones and zeros.
        names_folds: whether every prediction names its fold.
    """

    predictions: LabelledPredictions
    complete: LabelledPredictions | None
    missing: tuple[str, ...]
    untested: int
    has_probabilities: bool
    names_folds: bool

    def figures(self) -> dict[str, Any]:
        """Return `summarise`'s figures; null where they need probabilities and there are none."""
        return summarise(self.predictions) | ({} if self.has_probabilities else dict.fromkeys(PROBABILITY_FIGURES))

    def missing_as_wrong(self) -> dict[str, Any] | None:
        """Return WA, UA and macro-F1 over all tested utterances, missing predictions counted as wrong."""
        return None if self.complete is None else headlines(self.complete)


def check_submission(
    submitted: Sequence[SubmittedPrediction],
    labels: Sequence[str],
    tested: Sequence[LabelledUtterance],
    known: Collection[str],
) -> Submission:
    """Check submitted predictions against the tested utterances, and put them into arrays.

    Args:
        submitted: of one system, from one seed or more.
        labels: of the task, in order.
        tested: the utterances that the folds test.
        known: ids of the whole corpus.

    Raises:
        CorpusError: an id or a label is unknown, an utterance is predicted twice by one seed, only some
            predictions have probabilities, the folds are other ones, or nothing is left to score.
    """
    for prediction in submitted:
        _refuse_unknown(prediction, labels, known)
    ids = {each.id for each in tested}
    used = [prediction for prediction in submitted if prediction.id in ids]
    by_seed = _by_seed(used)
    for by_id in by_seed.values():
        _refuse_other_folds(by_id.values(), tested)
    has_probabilities = _have_probabilities(used)
    missing = tuple(each.id for each in tested if any(each.id not in by_id for by_id in by_seed.values()))
    lacking = set(missing)
    predicted = [each for each in tested if each.id not in lacking]
    if not by_seed or not predicted:
        raise CorpusError("none of the utterances that are tested has a prediction; check ids and manifest")
    seeds = [{i: _probabilities(each, labels) for i, each in by_id.items()} for by_id in by_seed.values()]
    return Submission(
        predictions=to_arrays(labels, predicted, seeds),
        complete=to_arrays_with_missing(labels, tested, seeds) if missing else None,
        missing=missing,
        untested=len(submitted) - len(used),
        has_probabilities=has_probabilities,
        names_folds=all(prediction.fold is not None for prediction in used),
    )


def _refuse_unknown(prediction: SubmittedPrediction, labels: Sequence[str], known: Collection[str]) -> None:
    if prediction.id not in known:
        raise CorpusError(
            f"{prediction.place}: the manifest has no utterance {prediction.id!r}; check which one it is of"
        )
    strange = ({prediction.label} | set(prediction.probabilities or labels)) - set(labels)
    if strange:
        raise CorpusError(
            f"{prediction.place}: {reprlib.repr(min(strange))} is none of the labels {', '.join(labels)}; "
            "rename the predicted labels, or choose another policy with --labels"
        )


def _by_seed(predictions: Iterable[SubmittedPrediction]) -> dict[str, dict[str, SubmittedPrediction]]:
    by_seed: dict[str, dict[str, SubmittedPrediction]] = {}
    for prediction in predictions:
        seed = by_seed.setdefault(prediction.seed, {})
        if prediction.id in seed:
            of_seed = f" by seed {prediction.seed}" if prediction.seed else ""
            raise CorpusError(
                f"{prediction.place}: {prediction.id!r} is predicted twice{of_seed}, "
                f"first in {seed[prediction.id].place}; "
                "leave one, or give each training its own value in a column seed"
            )
        seed[prediction.id] = prediction
    return dict(sorted(by_seed.items()))


def _refuse_other_folds(predictions: Iterable[SubmittedPrediction], tested: Sequence[LabelledUtterance]) -> None:
    """Check that the predictions of a seed name the folds that test.

    Folds may have any names: what counts is which utterances share one.
    """
    fold_of = {one.id: one.fold for one in tested}
    theirs: dict[str, SubmittedPrediction] = {}
    ours: dict[int, SubmittedPrediction] = {}
    for prediction in predictions:
        if prediction.fold is None:
            continue
        for other in (
            theirs.setdefault(prediction.fold, prediction),
            ours.setdefault(fold_of[prediction.id], prediction),
        ):
            together = fold_of[other.id] == fold_of[prediction.id]
            if together != (other.fold == prediction.fold):
                raise CorpusError(_other_folds(prediction, other, together))


def _other_folds(prediction: SubmittedPrediction, other: SubmittedPrediction, together: bool) -> str:
    pair = f"{prediction.place}: {prediction.id!r} and {other.id!r} are"
    if together:
        return (
            f"{pair} in folds {prediction.fold!r} and {other.fold!r}; the protocol tests them together, so that "
            "each may have been in training when the other was tested; predict again with the protocol's folds"
        )
    return (
        f"{pair} both in fold {prediction.fold!r}, and the protocol tests them in two: other folds than the "
        "protocol's; predict again with those, or name the protocol that was used"
    )


def _have_probabilities(predictions: Sequence[SubmittedPrediction]) -> bool:
    without = [prediction for prediction in predictions if prediction.probabilities is None]
    if without and len(without) < len(predictions):
        raise CorpusError(
            f"{without[0].place}: has no probabilities, and other rows have; give them in all rows or in none"
        )
    return not without


def _probabilities(prediction: SubmittedPrediction, labels: Sequence[str]) -> dict[str, float]:
    """Return probabilities of which that of the predicted label is the largest."""
    if prediction.probabilities is None:
        return {label: float(label == prediction.label) for label in labels}
    lacking = [label for label in labels if label not in prediction.probabilities]
    if lacking:
        raise CorpusError(f"{prediction.place}: has no probability of {lacking[0]!r}; give that of every label")
    values = {label: prediction.probabilities[label] for label in labels}
    total = sum(values.values())
    if min(values.values()) < 0 or not math.isfinite(total) or abs(total - 1) > ROUNDING_ERROR * len(labels):
        raise CorpusError(f"{prediction.place}: its probabilities are not shares of 1; their sum is {total:g}")
    most = max(values.values())
    if values[prediction.label] < most - ROUNDING_ERROR:
        likeliest = max(values, key=lambda label: values[label])
        raise CorpusError(
            f"{prediction.place}: the label is {prediction.label!r}, and {likeliest!r} has the largest "
            "probability; leave the probabilities out if the label is not chosen by them"
        )
    # Of two that were rounded to the same number, the predicted label must have the larger.
    return {label: value / total for label, value in values.items()} | {
        prediction.label: float(np.nextafter(most / total, 2.0))
    }
