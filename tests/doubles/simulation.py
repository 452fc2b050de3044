"""Simulated corpora: how often intervals hold the truth, and how often the test errs, where the truth is known.

`python tests/doubles/simulation.py 2000` prints the large table; the tests run the same at a small size.

A speaker has a logit-normal accuracy for each class, about a level of its own; the number of utterances is
log-normal, the shares of classes vary from speaker to speaker. The truth is that of the population of speakers:
the metric of endlessly many of them, by Gauss-Hermite quadrature.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from statistics import NormalDist

import numpy as np

from emofuse.evaluation.intervals import (
    Interval,
    Statistic,
    cluster_bootstrap_interval,
    confusion_statistic,
    difference,
    jackknife_interval,
)
from emofuse.evaluation.metrics import CONFUSION_METRICS, Counts, MetricName
from emofuse.evaluation.significance import detectable_difference, sign_flip_test, speaker_differences
from emofuse.types.arrays import Float64Array

MakeInterval = Callable[[Statistic], Interval | None]
METRICS: tuple[MetricName, ...] = ("wa", "ua", "macro_f1")
# The shares of angry, happy, neutral, sad in IEMOCAP's four classes.
SHARES = np.array([0.20, 0.30, 0.31, 0.19])
# Logits of the accuracy of a middling speaker, by class.
LEVELS = {
    "middling": np.array([0.8, 0.3, 0.6, 1.0]),
    "high": np.array([3.2, 2.6, 2.8, 3.4]),
}
# What errors are taken for, (true, predicted).
ERRORS = np.array([[0, 0.5, 0.4, 0.1], [0.3, 0, 0.5, 0.2], [0.2, 0.4, 0, 0.4], [0.1, 0.3, 0.6, 0]])
NORMAL = NormalDist()
OWN = 0.3  # spread of a speaker's accuracy between classes, in logits


@dataclass(frozen=True)
class Setting:
    """What a corpus is like.

    Attributes:
        speakers: how many there are.
        level: how good the system is.
        spread: standard deviation of the speakers' levels, in logits.
        uneven: standard deviation of the logarithm of the number of utterances.
        session: standard deviation of what the two speakers of a session share, in logits.
        utterances: the median number for a speaker.
    """

    speakers: int
    level: str = "middling"
    spread: float = 0.5
    uneven: float = 0.5
    session: float = 0.0
    utterances: int = 60


def truths(setting: Setting) -> dict[MetricName, float]:
    """Return the metrics of the population of speakers."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    deviation = np.sqrt(setting.spread**2 + setting.session**2 + OWN**2)
    right = sigmoid(LEVELS[setting.level][:, None] + deviation * nodes) @ (weights / weights.sum())
    confusion = SHARES[:, None] * (np.diag(right) + (1 - right)[:, None] * ERRORS)
    f1 = 2 * np.diag(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1))
    return {"wa": float(np.trace(confusion)), "ua": float(right.mean()), "macro_f1": float(f1.mean())}


def corpora(setting: Setting, replicates: int, generator: np.random.Generator) -> Counts:
    """Return confusions of simulated corpora: (replicates, speakers, labels, labels)."""
    support, logits = _speakers(setting, replicates, generator)
    right = generator.binomial(support, sigmoid(logits))
    return _confusions(right, support, generator)


def systems(
    setting: Setting, replicates: int, generator: np.random.Generator, apart: float = 0.3, skewed: bool = False
) -> tuple[Counts, Counts]:
    """Return confusions of two equally good systems on the same corpora.

    They find the same speakers and the same utterances hard: half of what could be right in both at most beyond
    chance is so. `apart` is how much a speaker may prefer one to the other, in logits; where `skewed`, a few
    speakers prefer one system much and most the other a little, and only the population's means are the same.
    """
    support, logits = _speakers(setting, replicates, generator)
    if skewed:
        lean = 0.04 * (generator.exponential(size=(*support.shape[:2], 1)) - 1)
        middle = np.clip(sigmoid(logits), 0.35, 0.65)
        first, second = middle + lean.clip(max=0.34), middle - lean.clip(max=0.34)
    else:
        lean = apart * generator.normal(size=(*support.shape[:2], 1)) / 2
        first, second = sigmoid(logits + lean), sigmoid(logits - lean)
    both = first * second + 0.5 * (np.minimum(first, second) - first * second)
    outcomes = np.stack([both, first - both, second - both, 1 - first - second + both], axis=-1).clip(0)
    drawn = generator.multinomial(support, outcomes / outcomes.sum(axis=-1, keepdims=True))
    return (
        _confusions(drawn[..., 0] + drawn[..., 1], support, generator),
        _confusions(drawn[..., 0] + drawn[..., 2], support, generator),
    )


def coverage(
    setting: Setting, replicates: int, make: MakeInterval = jackknife_interval, seed: int = 0
) -> dict[MetricName, float]:
    """Return how often the interval of each metric holds the population's; no interval at all holds nothing."""
    found = corpora(setting, replicates, np.random.default_rng(seed))
    return {
        metric: _share(
            _holds(make(confusion_statistic(CONFUSION_METRICS[metric], one[None])), truth) for one in found
        )
        for metric, truth in truths(setting).items()
    }


def difference_coverage(setting: Setting, replicates: int, seed: int = 0) -> dict[MetricName, float]:
    """Return how often the interval of the difference between two equally good systems holds zero."""
    pairs = list(zip(*systems(setting, replicates, np.random.default_rng(seed)), strict=True))
    return {
        metric: _share(
            _holds(
                jackknife_interval(
                    difference(confusion_statistic(score, a[None]), confusion_statistic(score, b[None]))
                ),
                0.0,
            )
            for a, b in pairs
        )
        for metric, score in CONFUSION_METRICS.items()
    }


def false_positives(
    setting: Setting, replicates: int, skewed: bool = False, seed: int = 0
) -> dict[MetricName, float]:
    """Return how often the sign-flip test tells two equally good systems apart at 5 %."""
    pairs = list(zip(*systems(setting, replicates, np.random.default_rng(seed), skewed=skewed), strict=True))
    return {
        metric: _share(sign_flip_test(speaker_differences(metric, a[None], b[None])).p <= 0.05 for a, b in pairs)
        for metric in METRICS
    }


def power(speakers: int, replicates: int, seed: int = 0) -> float:
    """Return how often the sign-flip test finds what `detectable_difference` calls detectable at 80 %."""
    generator = np.random.default_rng(seed)
    like = np.linspace(-1, 1, speakers)
    wanted = detectable_difference(like / like.std(ddof=1))
    assert wanted is not None
    drawn = generator.normal(wanted, size=(replicates, speakers))
    return _share(sign_flip_test(row).p <= 0.05 for row in drawn)


def of_sessions(counts: Counts) -> Counts:
    """Join the speakers of a session: (speakers, labels, labels) -> (sessions, labels, labels)."""
    return np.asarray(counts.reshape(-1, 2, *counts.shape[1:]).sum(axis=1))


def session_coverage(setting: Setting, replicates: int, seed: int = 0) -> dict[MetricName, float]:
    """Return how often the interval of sessions holds the population's metric."""
    found = corpora(setting, replicates, np.random.default_rng(seed))
    return {
        metric: _share(
            _holds(
                jackknife_interval(confusion_statistic(CONFUSION_METRICS[metric], of_sessions(one)[None])), truth
            )
            for one in found
        )
        for metric, truth in truths(setting).items()
    }


def plain_jackknife(statistic: Statistic) -> Interval | None:
    """Return the jackknife interval on the scale of the metric itself, for comparison."""
    return jackknife_interval(replace(statistic, bounds=None))


def drawn_percentiles(statistic: Statistic, draws: int, corrected: bool) -> Interval | None:
    """Return the percentile interval of the cluster bootstrap, or BCa (Efron 1987) where corrected, to compare."""
    groups = len(statistic.sizes)
    weights = np.random.default_rng(0).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    values = np.array([statistic.value(each) for each in weights])
    ends = np.array([0.025, 0.975])
    if corrected:
        estimate = statistic.value(np.ones(groups, dtype=np.int64))
        left = np.array([statistic.value(each) for each in 1 - np.eye(groups, dtype=np.int64)])
        pulls = left.mean() - left
        acceleration = (pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5)
        below = np.clip((values < estimate).mean() + (values == estimate).mean() / 2, 1 / draws, 1 - 1 / draws)
        shifted = NORMAL.inv_cdf(float(below)) + np.array([NORMAL.inv_cdf(end) for end in ends])
        bent = NORMAL.inv_cdf(float(below)) + shifted / (1 - acceleration * shifted)
        ends = np.array([NORMAL.cdf(each) for each in bent])
    low, high = np.quantile(values, ends)
    return Interval(float(low), float(high), "BCa" if corrected else "percentiles", groups)


def sigmoid(values: Float64Array) -> Float64Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def _speakers(setting: Setting, replicates: int, generator: np.random.Generator) -> tuple[Counts, Float64Array]:
    """Return how often each class is said and the logit of its being right, (replicates, speakers, labels)."""
    shape = (replicates, setting.speakers)
    sizes = np.round(setting.utterances * np.exp(setting.uneven * generator.normal(size=shape))).astype(np.int64)
    support = generator.multinomial(sizes.clip(min=1), generator.dirichlet(SHARES * 20, size=shape))
    level = setting.spread * generator.normal(size=shape)
    shared = setting.session * generator.normal(size=(replicates, (setting.speakers + 1) // 2))
    level = level + np.repeat(shared, 2, axis=1)[:, : setting.speakers]
    own = OWN * generator.normal(size=(*shape, len(SHARES)))
    return support, LEVELS[setting.level] + level[..., None] + own


def _confusions(right: Counts, support: Counts, generator: np.random.Generator) -> Counts:
    counts = np.asarray(generator.multinomial(support - right, ERRORS), dtype=np.int64)
    labels = np.arange(len(SHARES))
    counts[..., labels, labels] += right
    return counts


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


def _share(flags: Iterator[bool]) -> float:
    return float(np.mean(list(flags)))


def main(replicates: int) -> None:
    """Print the large table, in per cent, for WA, UA and macro-F1."""
    _title(f"coverage of 95 % intervals, {replicates} corpora: as made | plain jackknife (WA, UA, macro-F1)")
    for speakers, level, spread, uneven in product((5, 10, 24), LEVELS, (0.3, 0.8, 1.5), (0.5, 1.0)):
        setting = Setting(speakers, level, spread, uneven)
        _say(setting, coverage(setting, replicates), coverage(setting, replicates, plain_jackknife))
    _title(
        "30 speakers, a quarter of the corpora: bootstrap of 400 draws | jackknife | bootstrap percentiles | BCa"
    )
    ways = (
        partial(cluster_bootstrap_interval, draws=400),
        jackknife_interval,
        partial(drawn_percentiles, draws=400, corrected=False),
        partial(drawn_percentiles, draws=400, corrected=True),
    )
    for level, uneven in product(LEVELS, (0.5, 1.0)):
        setting = Setting(30, level, 0.8, uneven)
        _say(setting, *(coverage(setting, replicates // 4, way) for way in ways))
    _title("dyads that share half a logit: intervals of speakers | of sessions")
    for speakers in (10, 24):
        setting = Setting(speakers, session=0.5)
        _say(setting, coverage(setting, replicates), session_coverage(setting, replicates))
    _title("two equally good systems: zero in the interval | false positives at 5 % | the same, skewed")
    for speakers, uneven in product((6, 10, 24), (0.5, 1.0)):
        setting = Setting(speakers, uneven=uneven)
        errors = (false_positives(setting, replicates, skewed=skewed) for skewed in (False, True))
        _say(setting, difference_coverage(setting, replicates), *errors)
    _title("power at the detectable difference")
    for speakers in (6, 7, 8, 10, 24):
        _title(f"{speakers:2d} speakers: {100 * power(speakers, replicates):5.1f}")


def _title(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _say(setting: Setting, *columns: dict[MetricName, float]) -> None:
    cells = ["  ".join(f"{100 * column[metric]:5.1f}" for metric in METRICS) for column in columns]
    name = f"{setting.speakers:2d} speakers, {setting.level}, spread {setting.spread}, uneven {setting.uneven}"
    _title(f"{name:50s} {'   |   '.join(cells)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
