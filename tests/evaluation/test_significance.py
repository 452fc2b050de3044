from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from simulation import METRICS, Setting, false_positives, power, systems

from emofuse.errors import CorpusError, MissingExtraError
from emofuse.evaluation import significance
from emofuse.evaluation.metrics import CONFUSION_METRICS, Counts, MetricName
from emofuse.evaluation.significance import (
    MAX_EXACT_GROUPS,
    McNemar,
    SignFlip,
    detectable_difference,
    holm,
    mcnemar,
    sign_flip_test,
    speaker_differences,
)

FIXED = settings(derandomize=True, deadline=None)
# Integers, so that ties between sums are exact.
DIFFERENCES = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=9)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def pair(speakers: int = 5, seeds: int = 2, seed: int = 0) -> tuple[Counts, Counts]:
    """Make two systems on the same utterances, (seeds, speakers, labels, labels)."""
    a, b = systems(Setting(speakers, utterances=20), 1, np.random.default_rng(seed))
    more = [
        np.random.default_rng(seed + n).permuted(counts, axis=-1) for n in range(1, seeds) for counts in (a, b)
    ]
    return np.concatenate([a, *more[::2]]), np.concatenate([b, *more[1::2]])


def headline(metric: MetricName, a: Counts, b: Counts) -> float:
    score = CONFUSION_METRICS[metric]
    return float(np.mean([score(one.sum(axis=0)) - score(two.sum(axis=0)) for one, two in zip(a, b, strict=True)]))


def slow_sign_flip(differences: list[float]) -> float:
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(value >= abs(sum(differences)) for value in sums) / len(sums)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_the_mean_over_speakers_is_the_headline_difference(metric: MetricName, seed: int) -> None:
    a, b = pair(seed=seed)
    found = speaker_differences(metric, a, b)
    assert found.shape == (5,)
    assert found.mean() == pytest.approx(headline(metric, a, b), abs=1e-12)
    assert speaker_differences(metric, b, a) == pytest.approx(-found)


@pytest.mark.parametrize("metric", METRICS)
def test_a_class_that_does_not_occur_is_left_out(metric: MetricName) -> None:
    a, b = pair()
    a[:, :, 1], b[:, :, 1] = 0, 0
    assert speaker_differences(metric, a, b).mean() == pytest.approx(headline(metric, a, b), abs=1e-12)


@pytest.mark.parametrize("metric", ["wa", "ua"])
def test_exchanging_the_systems_on_a_speaker_turns_that_sign_and_no_other(metric: MetricName) -> None:
    a, b = pair()
    turned = np.array([False, True, False, True, True])[None, :, None, None]
    exchanged = speaker_differences(metric, np.where(turned, b, a), np.where(turned, a, b))
    assert exchanged == pytest.approx(speaker_differences(metric, a, b) * np.where(turned[0, :, 0, 0], -1, 1))


@pytest.mark.parametrize("metric", METRICS)
def test_the_test_is_that_of_exchanging_systems_speaker_by_speaker(metric: MetricName) -> None:
    a, b = pair(speakers=6)
    seen = abs(headline(metric, a, b))
    exchanged = []
    for signs in itertools.product((False, True), repeat=6):
        turned = np.array(signs)[None, :, None, None]
        exchanged.append(abs(headline(metric, np.where(turned, b, a), np.where(turned, a, b))) >= seen - 1e-12)
    found = sign_flip_test(speaker_differences(metric, a, b)).p
    # Macro-F1 is not linear in a speaker's answers: there the two are close and not the same.
    assert found == pytest.approx(np.mean(exchanged), abs=0.04 if metric == "macro_f1" else 1e-12)


def test_differences_computed_by_hand() -> None:
    # Two speakers; of the first class 3 and 1 utterances, of the second none and 4.
    a = np.array([[[[3, 0], [0, 0]], [[0, 1], [1, 3]]]])
    b = np.array([[[[1, 2], [0, 0]], [[1, 0], [3, 1]]]])
    assert speaker_differences("wa", a, b) == pytest.approx([2 * 2 / 8, 2 * (-1 + 2) / 8])
    assert speaker_differences("ua", a, b) == pytest.approx([2 * (2 / 4) / 2, 2 * (-1 / 4 + 2 / 4) / 2])


def test_the_mean_of_the_speakers_own_ua_can_have_another_sign() -> None:
    # One speaker has a single utterance of the second class, and counts as much there as one with a hundred.
    a = np.array([[[[10, 0], [1, 0]], [[50, 50], [20, 80]]]])
    b = np.array([[[[10, 0], [0, 1]], [[50, 50], [0, 100]]]])
    a[0, 1, 0], a[0, 1, 1], b[0, 1, 0] = [90, 10], [20, 80], [50, 50]
    own = [
        CONFUSION_METRICS["ua"](one) - CONFUSION_METRICS["ua"](two) for one, two in zip(a[0], b[0], strict=True)
    ]
    assert np.mean(own) < 0 < headline("ua", a, b)
    assert speaker_differences("ua", a, b).mean() == pytest.approx(headline("ua", a, b))


def test_systems_on_other_utterances_are_not_compared() -> None:
    a, b = pair()
    b[0, 0, 0, 0] += 1
    with pytest.raises(CorpusError, match="same utterances"):
        speaker_differences("wa", a, b)
    with pytest.raises(CorpusError, match="same utterances"):
        speaker_differences("wa", a, a[:, :3])


@FIXED
@given(DIFFERENCES)
def test_the_sign_flip_test_agrees_with_a_second_implementation(differences: list[float]) -> None:
    found = sign_flip_test(np.array(differences))
    assert found.p == pytest.approx(slow_sign_flip(differences), abs=1e-12)
    assert found == SignFlip(found.p, min(1.0, 2 / 2 ** len(differences)), len(differences), exact=True)


def test_the_sign_flip_test_agrees_with_scipy() -> None:
    differences = np.random.default_rng(2).normal(0.4, size=12)
    reference = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert sign_flip_test(differences).p == pytest.approx(reference.pvalue, abs=1e-12)


def test_darwins_plants() -> None:
    # Heights of 15 pairs of maize plants, crossed minus selfed, in eighths of an inch; Fisher (1935), section 21,
    # counted 863 of the 32768 patterns of signs with a sum of at least 314 on one side: p = 1726 / 32768.
    darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip_test(np.array(darwin, dtype=np.float64)).p == 1726 / 32768


def test_all_for_one_side_is_the_smallest_p() -> None:
    for groups in (1, 5, 10, 24):
        found = sign_flip_test(np.arange(1.0, groups + 1))
        assert found.p == found.smallest_p == min(1.0, 2.0 ** (1 - groups))


def test_systems_that_do_not_differ_have_a_p_of_one() -> None:
    assert sign_flip_test(np.zeros(6)).p == 1.0
    assert sign_flip_test(np.zeros(MAX_EXACT_GROUPS + 1), draws=99).p == 1.0
    assert sign_flip_test(np.array([0.5, -0.5])).p == 1.0


def test_ties_are_counted_in_spite_of_rounding() -> None:
    assert sign_flip_test(np.array([0.1, 0.2, 0.3])).p == 2 / 8
    assert sign_flip_test(np.array([0.1, 0.2, -0.3, 0.4]) / 7).p == slow_sign_flip([1.0, 2.0, -3.0, 4.0])


def test_many_groups_are_counted_exactly_too() -> None:
    # Equal magnitudes: the sum is a binomial, of 40 speakers 26 for one side.
    differences = np.array([1.0] * 26 + [-1.0] * 14)
    found = sign_flip_test(differences)
    assert found.exact
    assert found.p == pytest.approx(stats.binomtest(26, 40).pvalue, rel=1e-9)


def test_beyond_forty_groups_signs_are_drawn_with_a_fixed_seed() -> None:
    differences = np.array([1.0] * 40 + [-1.0] * 20)
    found = sign_flip_test(differences)
    assert found.p == pytest.approx(stats.binomtest(40, 60).pvalue, abs=0.001)
    assert found.smallest_p == 1e-5
    assert found.name == "Monte Carlo sign-flip over 60 groups"
    assert found == sign_flip_test(differences)


def test_drawn_signs_never_give_a_p_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(significance, "MAX_EXACT_GROUPS", 0)
    found = sign_flip_test(np.ones(30), draws=999)
    assert found.p == found.smallest_p == 1 / 1000


def test_drawn_and_counted_patterns_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(4).normal(0.3, size=14)
    counted = sign_flip_test(differences)
    monkeypatch.setattr(significance, "MAX_EXACT_GROUPS", 0)
    assert sign_flip_test(differences).p == pytest.approx(counted.p, abs=0.005)


# The test is exact: it errs in 5 % of cases at most; of 1500 corpora, more than 6.5 % in one of 250 such runs.
@pytest.mark.parametrize("setting", [Setting(10), Setting(24), Setting(10, "high", uneven=1.0)])
def test_equal_systems_are_told_apart_in_hardly_more_than_five_per_cent(setting: Setting) -> None:
    assert max(false_positives(setting, 1500).values()) <= 0.065


def slow_holm(values: list[float]) -> list[float]:
    ranked = sorted(values)
    steps = [min(1.0, (len(values) - rank) * value) for rank, value in enumerate(ranked)]
    return [max(step for step, other in zip(steps, ranked, strict=True) if other <= value) for value in values]


@FIXED
@given(SHARES)
def test_holm_agrees_with_a_second_implementation(values: list[float]) -> None:
    assert holm(values) == pytest.approx(slow_holm(values))


def test_holm_computed_by_hand() -> None:
    # Example of Holm's procedure: 4 x .005, 3 x .01, 2 x .03 and then no smaller than before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.6]) == [1.0, 1.0]


@FIXED
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_agrees_with_the_binomial_test_of_scipy(only_a: int, only_b: int) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True, False])
    b = np.array([False] * only_a + [True] * only_b + [True, False])
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(a, b) == McNemar(only_a, only_b, pytest.approx(expected, rel=1e-9))


def test_mcnemar_computed_by_hand_and_for_many_utterances() -> None:
    # 1 against 5: 2 (C(6, 0) + C(6, 1)) / 2^6.
    assert mcnemar(np.array([True] + 5 * [False]), np.array([False] + 5 * [True])).p == 14 / 64
    many = mcnemar(np.arange(6000) < 3100, np.arange(6000) >= 3100)
    assert many.p == pytest.approx(stats.binomtest(3100, 6000).pvalue, rel=1e-9)
    assert McNemar.LABEL.startswith("descriptive")


def test_the_detectable_difference_agrees_with_a_second_implementation() -> None:
    differences = np.random.default_rng(0).normal(0.02, 0.05, size=10)
    level = math.floor(0.05 * 512) / 512
    critical = stats.t.ppf(1 - level / 2, 9)

    def lacking(effect: float) -> float:
        return float(stats.nct.sf(critical, 9, effect) + stats.nct.cdf(-critical, 9, effect) - 0.8)

    expected = optimize.brentq(lacking, 0.5, 8) * differences.std(ddof=1) / math.sqrt(10)
    assert detectable_difference(differences) == pytest.approx(expected, rel=1e-6)


def test_with_many_groups_the_detectable_difference_is_that_of_the_normal_distribution() -> None:
    differences = np.random.default_rng(0).normal(size=2000)
    expected = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * differences.std(ddof=1) / math.sqrt(2000)
    assert detectable_difference(differences) == pytest.approx(expected, rel=2e-3)


def test_a_stored_sample_size() -> None:
    # As in the tables of Cohen (1988): a mean half a standard deviation from zero needs 34 for 80 % power at 5 %.
    for groups, enough in ((34, True), (33, False)):
        like = np.linspace(-1, 1, groups)
        found = detectable_difference(like / like.std(ddof=1))
        assert found is not None
        assert (found <= 0.5) == enough


def test_five_groups_can_find_nothing_however_large() -> None:
    assert detectable_difference(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) is None
    assert detectable_difference(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])) is not None
    assert sign_flip_test(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).p == 1 / 16 > 0.05


def test_without_spread_nothing_is_said_of_what_could_be_found() -> None:
    assert detectable_difference(np.zeros(10)) is None


# 1000 draws: a power of 80 % is seen within 4 points.
@pytest.mark.parametrize("speakers", [8, 10, 24])
def test_the_sign_flip_test_finds_the_detectable_difference_in_four_of_five_cases(speakers: int) -> None:
    assert power(speakers, 1000) == pytest.approx(0.8, abs=0.04)


def test_without_scipy_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"emofuse\[train\]\""):
        detectable_difference(np.arange(10.0))
    assert sign_flip_test(np.ones(3)).p == 0.25
