"""How well confidence matches accuracy: reliability by bins, when to abstain, what abstaining gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Float64Array

Flags = npt.NDArray[np.bool_]
# A threshold that rests on fewer accepted utterances than this is noise.
MIN_ACCEPTED = 10
# A threshold is selected on all of these parts but one, and judged on that one.
JUDGING_PARTS = 10


@dataclass(frozen=True)
class Bin:
    """Utterances of like confidence: its range, its mean, the share that is right, how many there are."""

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class CoverageRisk:
    """What abstaining costs and gains: one point for each distinct threshold, from the highest.

    Attributes:
        thresholds: utterances with at least this confidence are accepted.
        coverage: the share of utterances that is accepted.
        risk: the share of the accepted ones that is wrong.
        area: the mean over utterances of the risk at their own confidence (AURC, Geifman et al. 2018); an
            utterance picked at random has this risk when everything with a lower confidence is rejected.
    """

    thresholds: tuple[float, ...]
    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float


def reliability(confidence: Float64Array, correct: Flags, bins: int = 15) -> tuple[Bin, ...]:
    """Compare confidence, (utterances,), with correctness, (utterances,), in bins of equal mass.

    Utterances of the same confidence stay in one bin, that of their middle rank, so that the table does not depend
    on the order of utterances; bins that get none are left out. Fewer utterances than bins are one to a bin.
    """
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    middle = first + (counts - 1) / 2
    number = np.floor(middle * min(bins, len(confidence)) / max(1, len(confidence))).astype(np.int64)[inverse]
    members = [np.flatnonzero(number == each) for each in np.unique(number)]
    return tuple(
        Bin(
            low=float(confidence[which].min()),
            high=float(confidence[which].max()),
            confidence=float(confidence[which].mean()),
            accuracy=float(correct[which].mean()),
            n=len(which),
        )
        for which in members
    )


def coverage_risk(confidence: Float64Array, correct: Flags) -> CoverageRisk:
    """Return the risk at each coverage, accepting utterances from the most confident down, ties together."""
    values, accepted, right = _by_threshold(confidence, correct)
    risk = 1 - right / accepted
    own = np.diff(accepted, prepend=0)
    return CoverageRisk(
        thresholds=tuple(values.tolist()),
        coverage=tuple((accepted / len(confidence)).tolist()),
        risk=tuple(risk.tolist()),
        area=float((own * risk).sum() / len(confidence)) if len(confidence) else float("nan"),
    )


def abstention_threshold(
    confidence: Float64Array, correct: Flags, accuracy: float, min_accepted: int = MIN_ACCEPTED
) -> float | None:
    """Return the smallest threshold at which the accepted utterances are as accurate as the target.

    Accepted is what is at least as confident as the threshold. 0.0 where all may be accepted; None where no
    threshold that accepts `min_accepted` utterances is accurate enough. The threshold is selected on
    these utterances, so that its accuracy on them is optimistic: report its accuracy on others.
    """
    values, accepted, right = _by_threshold(confidence, correct)
    good = np.flatnonzero((right >= accuracy * accepted - 1e-9) & (accepted >= min_accepted))
    if not len(good):
        return None
    last = int(good[-1])
    return 0.0 if last == len(values) - 1 else float(values[last])


def cross_fitted_threshold(
    confidence: Float64Array, correct: Flags, accuracy: float, min_accepted: int = MIN_ACCEPTED
) -> float | None:
    """Return the threshold whose accuracy on other utterances of this kind is the target.

    A threshold that just reaches the target where it is selected falls short of it elsewhere. So it is also
    selected without each tenth in turn, and judged on that tenth; if the accepted ones together are less accurate
    than the target, a higher accuracy is asked for, by steps of .01: the first that suffices,
    else the highest there is. None where the target has none.
    """
    ranks = np.argsort(np.argsort(confidence, kind="stable"), kind="stable")
    tenths = [ranks % JUDGING_PARTS == part for part in range(JUDGING_PARTS)]
    found = abstention_threshold(confidence, correct, accuracy, min_accepted)
    for asked in np.arange(accuracy, 1.0, 0.01):
        stricter = abstention_threshold(confidence, correct, float(asked), min_accepted)
        if stricter is None:
            break
        found, accepted, right = stricter, 0, 0
        for held in tenths:
            threshold = abstention_threshold(confidence[~held], correct[~held], float(asked), min_accepted)
            taken = held & (confidence >= threshold) if threshold is not None else np.zeros_like(held)
            accepted, right = accepted + int(taken.sum()), right + int(correct[taken].sum())
        if accepted and right >= accuracy * accepted - 1e-9:
            break
    return found


def _by_threshold(confidence: Float64Array, correct: Flags) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the different confidences, highest first, and how many are accepted and right at each."""
    values, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    right = np.bincount(inverse, weights=correct, minlength=len(values))
    return values[::-1], np.cumsum(counts[::-1]).astype(np.float64), np.cumsum(right[::-1])
