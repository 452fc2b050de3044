from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from simulation import Setting, coverage, difference_coverage, plain_jackknife, session_coverage

from emofuse.errors import MissingExtraError
from emofuse.evaluation.intervals import (
    Interval,
    Statistic,
    cluster_bootstrap_interval,
    confidence_interval,
    confusion_statistic,
    difference,
    group_confusions,
    jackknife_interval,
)
from emofuse.evaluation.metrics import (
    CONFUSION_METRICS,
    Counts,
    concordance,
    confusion_matrix,
    unweighted_accuracy,
    weighted_accuracy,
)

FIXED = settings(derandomize=True, deadline=None)
# Three speakers with 8 of 10, 5 of 10 and 15 of 20 right: 28 of 40 in all.
THREE = np.array([[[[8, 2], [0, 0]], [[5, 5], [0, 0]], [[15, 5], [0, 0]]]])


def some_confusions(groups: int, seeds: int = 1, labels: int = 3, seed: int = 0) -> Counts:
    """Make confusions in which every seed has the same truths."""
    generator = np.random.default_rng(seed)
    support = generator.integers(1, 20, size=(groups, labels))
    chances = generator.dirichlet(np.ones(labels), size=(seeds, groups, labels))
    return generator.multinomial(np.broadcast_to(support, (seeds, groups, labels)), chances)


def of_utterances(
    metric: Callable[[Counts], float], groups: Sequence[str], bounds: tuple[float, float] | None = None
) -> Statistic:
    """Make a statistic of a metric of the positions of utterances, repeated by their weight: a second way."""
    names, number = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)

    def value(weights: Counts) -> float:
        return metric(np.repeat(np.arange(len(number)), weights[number]))

    return Statistic(value, np.bincount(number, minlength=len(names)), bounds)


def mean_of(values: list[float]) -> Statistic:
    """Make the mean of one number from each group."""
    numbers = np.array(values)
    return of_utterances(lambda which: float(numbers[which].mean()), [f"{n:04d}" for n in range(len(values))])


def test_confusions_are_counted_by_group_and_seed() -> None:
    truth, groups = np.array([0, 1, 1, 0]), ["b", "a", "b", "b"]
    predicted = np.array([[0, 1, 0, 1], [0, 0, 1, 0]])
    names, counts = group_confusions(truth, predicted, groups, 2)
    assert names == ("a", "b")
    assert counts.tolist() == [[[[0, 0], [0, 1]], [[1, 1], [1, 0]]], [[[0, 0], [1, 0]], [[2, 0], [0, 1]]]]
    for seed in range(2):
        assert counts[seed].sum(axis=0).tolist() == confusion_matrix(truth, predicted[seed], 2).tolist()


def test_a_statistic_of_confusions_is_pooled_within_a_seed_and_averaged_over_seeds() -> None:
    counts = some_confusions(groups=4, seeds=3)
    statistic = confusion_statistic(unweighted_accuracy, counts)
    pooled = [unweighted_accuracy(one.sum(axis=0)) for one in counts]
    assert statistic.value(np.ones(4, dtype=np.int64)) == pytest.approx(np.mean(pooled))
    assert statistic.sizes.tolist() == counts[0].sum(axis=(1, 2)).tolist()


@FIXED
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any), st.integers(0, 99))
def test_a_statistic_of_confusions_is_that_of_the_utterances(weights: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(0, 3, size=(2, 40))
    groups = ["abcd"[n % 4] for n in range(40)]
    _, counts = group_confusions(truth, predicted[None], groups, 3)
    a = confusion_statistic(weighted_accuracy, counts)
    b = of_utterances(lambda which: float((truth == predicted)[which].mean()), groups)
    assert a.value(np.array(weights)) == pytest.approx(b.value(np.array(weights)))
    assert a.sizes.tolist() == b.sizes.tolist()


@FIXED
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=12).filter(lambda values: np.ptp(values) > 1e-3))
def test_the_jackknife_of_a_mean_is_the_t_interval(values: list[float]) -> None:
    found = jackknife_interval(mean_of(values))
    assert found is not None
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.method == f"jackknife, t({len(values) - 1})"


def test_a_jackknife_computed_by_hand() -> None:
    # Without one speaker: 20/30, 23/30, 13/20; their mean is 25/36.
    left = [20 / 30, 23 / 30, 13 / 20]
    error = math.sqrt(2 / 3 * sum((value - 25 / 36) ** 2 for value in left))
    found = plain_jackknife(confusion_statistic(weighted_accuracy, THREE))
    # t(2) at 97.5 % is 4.302653, from printed tables.
    assert found == Interval(
        low=pytest.approx(0.7 - 4.302653 * error),
        high=pytest.approx(0.7 + 4.302653 * error),
        method="jackknife, t(2)",
        groups=3,
    )


def test_a_jackknife_on_the_logit_scale_computed_by_hand() -> None:
    logits = [math.log(20.5 / 10.5), math.log(23.5 / 7.5), math.log(13.5 / 7.5)]
    half = 4.302653 * math.sqrt(2 / 3 * sum((logit - sum(logits) / 3) ** 2 for logit in logits))
    centre = math.log(0.7 / 0.3)
    assert jackknife_interval(confusion_statistic(weighted_accuracy, THREE)) == Interval(
        low=pytest.approx(1 / (1 + math.exp(half - centre))),
        high=pytest.approx(1 / (1 + math.exp(-half - centre))),
        method="jackknife on the logit scale, t(2)",
        groups=3,
    )


def test_an_interval_of_accuracy_holds_its_estimate_and_stays_a_share() -> None:
    # All mistakes are one speaker's, so that the accuracy without that speaker is 1.
    counts = np.array([[[[19, 1], [0, 0]], [[20, 0], [0, 0]]]])
    found = jackknife_interval(confusion_statistic(weighted_accuracy, counts))
    assert found is not None
    assert 0 < found.low < 39 / 40 < found.high < 1


def test_a_speaker_who_alone_has_a_class_widens_the_interval_and_breaks_nothing() -> None:
    counts = some_confusions(groups=5)
    counts[:, 1:, 2] = 0
    statistic = confusion_statistic(unweighted_accuracy, counts)
    without = counts[0, 1:].sum(axis=0)
    assert statistic.value(np.array([0, 1, 1, 1, 1])) == pytest.approx(
        np.mean([without[label, label] / without[label].sum() for label in range(2)])
    )
    assert jackknife_interval(statistic) is not None


def test_a_higher_level_is_a_wider_interval() -> None:
    statistic = confusion_statistic(unweighted_accuracy, some_confusions(groups=6))
    for make in (jackknife_interval, cluster_bootstrap_interval):
        usual, wide = make(statistic), make(statistic, 0.99)
        assert usual is not None
        assert wide is not None
        assert wide.low < usual.low < usual.high < wide.high


def test_the_bootstrap_is_the_standard_error_of_drawn_groups() -> None:
    values = np.random.default_rng(3).normal(size=40)
    found = cluster_bootstrap_interval(mean_of(values.tolist()), draws=20_000)
    assert found is not None
    # Of a mean, the bootstrap's variance is known: that of the values, divided by n, not by n - 1.
    expected = stats.t.interval(0.95, 39, loc=values.mean(), scale=values.std(ddof=1) / math.sqrt(40))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.01)
    reference = stats.bootstrap((values,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1))
    seen = (found.high - found.low) / 2 / stats.t.ppf(0.975, 39) * math.sqrt(39 / 40)
    assert seen == pytest.approx(reference.standard_error, rel=0.03)


def test_the_bootstrap_of_an_accuracy_agrees_with_drawing_utterances_by_hand() -> None:
    counts = some_confusions(groups=30)
    found = cluster_bootstrap_interval(confusion_statistic(weighted_accuracy, counts), draws=4000)
    generator = np.random.default_rng(8)
    logits = []
    for _ in range(4000):
        drawn = counts[0, generator.integers(0, 30, size=30)].sum(axis=0)
        logits.append(math.log(np.trace(drawn) / (drawn.sum() - np.trace(drawn))))
    centre = weighted_accuracy(counts[0].sum(axis=0))
    half = stats.t.ppf(0.975, 29) * np.std(logits) * math.sqrt(30 / 29)
    assert found is not None
    assert math.log(found.high / (1 - found.high)) == pytest.approx(
        math.log(centre / (1 - centre)) + half, abs=0.02
    )
    assert math.log(found.low / (1 - found.low)) == pytest.approx(math.log(centre / (1 - centre)) - half, abs=0.02)


def test_the_bootstrap_repeats_with_its_seed() -> None:
    statistic = confusion_statistic(unweighted_accuracy, some_confusions(groups=30))
    assert cluster_bootstrap_interval(statistic, draws=50) == cluster_bootstrap_interval(statistic, draws=50)
    assert cluster_bootstrap_interval(statistic, draws=50) != cluster_bootstrap_interval(
        statistic, draws=50, seed=1
    )


@pytest.mark.parametrize(("groups", "method"), [(2, "jackknife"), (29, "jackknife"), (30, "cluster bootstrap")])
def test_the_method_goes_by_the_number_of_groups(groups: int, method: str) -> None:
    found = confidence_interval(confusion_statistic(weighted_accuracy, some_confusions(groups)))
    assert found is not None
    assert found.method.split(" on ")[0] == method
    assert found.groups == groups


def test_one_group_has_no_interval() -> None:
    statistic = confusion_statistic(weighted_accuracy, some_confusions(1))
    assert confidence_interval(statistic) is None
    assert jackknife_interval(statistic) is None
    assert cluster_bootstrap_interval(statistic) is None


@pytest.mark.parametrize("groups", [3, 30])
def test_groups_that_do_not_differ_have_no_interval_of_no_width(groups: int) -> None:
    perfect = np.tile(np.diag([4, 5]), (1, groups, 1, 1))
    assert confidence_interval(confusion_statistic(weighted_accuracy, perfect)) is None


def test_a_statistic_that_a_deletion_leaves_undefined_has_no_interval() -> None:
    truth = np.array([1.0, 2.0, 5.0, 5.0])
    statistic = of_utterances(lambda which: concordance(truth[which], truth[which]), ["a", "a", "b", "b"])
    assert statistic.value(np.array([1, 1])) == 1.0
    assert math.isnan(statistic.value(np.array([0, 1])))
    assert jackknife_interval(statistic) is None


def test_a_concordance_has_its_interval_between_minus_one_and_one() -> None:
    generator = np.random.default_rng(5)
    truth = generator.normal(size=60)
    predicted = truth + 0.2 * generator.normal(size=60)
    groups = ["abcd"[n % 4] for n in range(60)]
    statistic = of_utterances(lambda which: concordance(truth[which], predicted[which]), groups, (-1.0, 1.0))
    found = jackknife_interval(statistic)
    assert found is not None
    assert -1 < found.low < concordance(truth, predicted) < found.high < 1


def test_a_difference_is_taken_on_the_same_groups() -> None:
    a, b = (confusion_statistic(weighted_accuracy, some_confusions(5, seed=seed)) for seed in (1, 2))
    both = difference(a, b)
    weights = np.array([1, 0, 1, 2, 1])
    assert both.value(weights) == a.value(weights) - b.value(weights)
    assert jackknife_interval(difference(a, a)) is None
    turned, found = jackknife_interval(difference(b, a)), jackknife_interval(both)
    assert found is not None
    assert turned is not None
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_an_interval_is_plain_json() -> None:
    found = jackknife_interval(confusion_statistic(weighted_accuracy, THREE))
    assert found is not None
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False)) == found.as_dict()


def test_without_scipy_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"emofuse\[train\]\""):
        confidence_interval(confusion_statistic(weighted_accuracy, THREE))


# Where the true coverage is 93 %, the share of 600 corpora is within 3 points of it in 99.6 % of such runs, and
# that of 300 corpora within 4.
@pytest.mark.parametrize(("speakers", "corpora", "lowest"), [(10, 600, 0.90), (24, 300, 0.89)])
@pytest.mark.parametrize("level", ["middling", "high"])
def test_intervals_of_simulated_corpora_cover_the_truth(
    speakers: int, corpora: int, lowest: float, level: str
) -> None:
    found = coverage(Setting(speakers, level), corpora)
    assert set(found) == set(CONFUSION_METRICS)
    for share in found.values():
        assert lowest <= share <= 0.98


def test_the_logit_scale_mends_what_the_plain_jackknife_misses_near_the_ceiling() -> None:
    setting = Setting(10, "high", spread=1.5)
    mended, plain = coverage(setting, 300), coverage(setting, 300, plain_jackknife)
    assert plain["ua"] < 0.90 <= mended["ua"]


def test_the_bootstrap_of_thirty_simulated_speakers_covers_the_truth() -> None:
    found = coverage(Setting(30), 120, partial(cluster_bootstrap_interval, draws=150))
    for share in found.values():
        assert 0.88 <= share <= 0.99


def test_intervals_of_a_difference_between_equal_systems_hold_zero() -> None:
    for share in difference_coverage(Setting(10), 400).values():
        assert 0.90 <= share <= 0.98


def test_sessions_cover_what_speakers_of_a_dyad_miss() -> None:
    setting = Setting(10, session=0.8)
    by_speaker, by_session = coverage(setting, 400), session_coverage(setting, 400)
    assert by_speaker["ua"] < by_session["ua"] - 0.03
    assert by_session["ua"] >= 0.90


def test_bounds_change_the_scale_and_not_the_statistic() -> None:
    statistic = confusion_statistic(weighted_accuracy, THREE)
    assert replace(statistic, bounds=None).value is statistic.value
