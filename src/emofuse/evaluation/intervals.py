"""Confidence intervals over speakers, not utterances: utterances of one speaker are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from emofuse.evaluation.metrics import Counts
from emofuse.evaluation.student_t import t_quantile
from emofuse.types.arrays import Float64Array, IntArray

# How often each group counts, (groups,): all ones is the corpus as it is, a zero deletes a group.
Weights: TypeAlias = IntArray
MIN_GROUPS_FOR_BOOTSTRAP = 30
SHARE: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Interval:
    """A confidence interval, how it was made and of how many groups."""

    low: float
    high: float
    method: str
    groups: int

    def as_dict(self) -> dict[str, Any]:
        """Return the interval as JSON would hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Statistic:
    """A number computed from pooled utterances, as a function of the weight of each group of them.

    Attributes:
        value: weights (groups,) -> the number.
        sizes: utterances of each group, (groups,).
        bounds: the range of the number: its intervals are made on the logit scale of that range and never leave
            it. None where it has no bounds, or, as a difference has, bounds that are far off.
    """

    value: Callable[[Weights], float]
    sizes: Counts
    bounds: tuple[float, float] | None = None


def group_confusions(
    truth: IntArray, predicted: IntArray, groups: Sequence[str], labels: int
) -> tuple[tuple[str, ...], Counts]:
    """Count confusions by group: the groups in order, and (seeds, groups, labels, labels).

    Args:
        truth: true labels, (utterances,).
        predicted: predicted labels, (seeds, utterances).
        groups: the speaker, or session, of each utterance.
        labels: how many labels there are.
    """
    names, number = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    counts = np.zeros((len(predicted), len(names), labels, labels), dtype=np.int64)
    for seed, labels_of_seed in enumerate(predicted):
        np.add.at(counts[seed], (number, truth, labels_of_seed), 1)
    return tuple(str(name) for name in names), counts


def confusion_statistic(metric: Callable[[Counts], float], counts: Counts) -> Statistic:
    """Make a statistic of confusions, (seeds, groups, labels, labels): pooled over groups, averaged over seeds.

    Where a deleted group held all utterances of a class, the metric is that of the classes that are left, by the
    rule of `metrics`: what that does to it counts as spread between groups, which widens the interval.
    """

    def value(weights: Weights) -> float:
        pooled = np.tensordot(weights, counts, axes=(0, 1))
        return float(np.mean([metric(confusion) for confusion in pooled]))

    return Statistic(value, counts[0].sum(axis=(1, 2)), SHARE)


def difference(a: Statistic, b: Statistic) -> Statistic:
    """Make a statistic of how much larger `a` is than `b`, on the same groups."""
    return Statistic(lambda weights: a.value(weights) - b.value(weights), a.sizes)


def confidence_interval(statistic: Statistic, level: float = 0.95, seed: int = 0) -> Interval | None:
    """Return the interval for as many groups as there are: cluster bootstrap from 30 on, else the jackknife.

    Pass a statistic of sessions for the interval beside it: the two speakers of a dyad are not independent either.
    None for one group, and where the groups do not differ or leave the statistic undefined: an interval of no
    width would claim too much certainty.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    if len(statistic.sizes) >= MIN_GROUPS_FOR_BOOTSTRAP:
        return cluster_bootstrap_interval(statistic, level, seed=seed)
    return jackknife_interval(statistic, level)


def jackknife_interval(statistic: Statistic, level: float = 0.95) -> Interval | None:
    """Return the delete-one-group jackknife interval of the pooled statistic, with t(G - 1).

    A statistic with bounds has its standard error on the logit scale. `tests/doubles/simulation.py` says why:
    with 10 and 24 speakers and accuracies of about 0.9 the plain interval covered 82 to 95 % and this one 89 to
    95 %; with accuracies of about 0.6 the plain one covered 90 to 95 % and this one 92 to 95 %. Both are lowest
    where speakers differ most in how good they are and in how much they say. None as for `confidence_interval`.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    groups = len(statistic.sizes)
    if groups < 2:
        return None
    return _interval(statistic, 1 - np.eye(groups, dtype=np.int64), groups - 1, level, "jackknife")


def cluster_bootstrap_interval(
    statistic: Statistic, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Interval | None:
    """Return the interval whose standard error comes from drawing whole groups with replacement, with t(G - 1).

    The standard error, on the logit scale where there are bounds and with the factor G / (G - 1), not percentiles:
    of 30 simulated speakers it covered 91 to 95 %, percentiles 89 to 92 % and BCa, whose acceleration is itself
    guessed from G values, 87 to 91 %; the jackknife, 92 to 95 %. It serves what a jackknife cannot, such as binned
    metrics; below 30 groups draws lack too many of them. None as for `confidence_interval`.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    groups = len(statistic.sizes)
    if groups < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return _interval(statistic, drawn, groups / (groups - 1), level, "cluster bootstrap")


def _interval(statistic: Statistic, drawn: Counts, factor: float, level: float, method: str) -> Interval | None:
    """Turn the variance (ddof 0) of the statistic over rows of weights, times a factor, into an interval."""
    groups = len(statistic.sizes)
    estimate = statistic.value(np.ones(groups, dtype=np.int64))
    values = np.array([statistic.value(weights) for weights in drawn])
    if not np.isfinite([estimate, *values]).all() or np.ptp(values) < 1e-12:
        return None
    if statistic.bounds is None:
        half = _half(values, factor, groups, level)
        return Interval(estimate - half, estimate + half, f"{method}, t({groups - 1})", groups)
    low, high = statistic.bounds
    shares = (values - low) / (high - low)
    # Half an utterance is added on either side, else the logit of a bound would be infinite.
    utterances = drawn @ statistic.sizes
    half = _half(_logit((shares * utterances + 0.5) / (utterances + 1)), factor, groups, level)
    centre = _logit(np.float64((estimate - low) / (high - low)))
    ends = low + (high - low) / (1 + np.exp(-(centre + np.array([-half, half]))))
    return Interval(float(ends[0]), float(ends[1]), f"{method} on the logit scale, t({groups - 1})", groups)


def _half(values: Float64Array, factor: float, groups: int, level: float) -> float:
    return t_quantile((1 + level) / 2, groups - 1) * float(np.sqrt(factor * values.var()))


def _logit(share: npt.ArrayLike) -> Float64Array:
    return np.asarray(np.log(share) - np.log1p(-np.asarray(share)))
