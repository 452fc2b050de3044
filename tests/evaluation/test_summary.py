"""The figures of a system and of a comparison: pooled, with intervals that count speakers, as plain JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, f1_score, log_loss

from emofuse.errors import CorpusError
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.evaluation.scores import METRICS
from emofuse.evaluation.summary import adjust, compare, late_fusion, summarise

LABELS = ("angry", "happy", "sad")
REFERENCES: dict[str, Any] = {
    "wa": accuracy_score,
    "ua": balanced_accuracy_score,
    "macro_f1": lambda truth, said: f1_score(truth, said, average="macro"),
}
COMPARED = {
    "a", "b", "metric", "difference", "ci95", "test", "p", "p_adjusted", "groups", "smallest_p", "detectable_80",
    "mcnemar",
}  # fmt: skip


def answers(truth: Sequence[int], said: Sequence[Sequence[int]], **given: Any) -> LabelledPredictions:
    """Make a record of what each seed said, with 0.6 on that and the rest spread evenly."""
    labels = given.pop("labels", LABELS)
    chances = np.full((len(said), len(truth), len(labels)), 0.4 / (len(labels) - 1))
    for seed, row in enumerate(said):
        chances[seed, np.arange(len(truth)), row] = 0.6
    unknown = (None,) * len(truth)
    return LabelledPredictions(
        labels=labels,
        ids=tuple(f"u{number}" for number in range(len(truth))),
        truth=np.asarray(truth, dtype=np.int64),
        probabilities=given.pop("probabilities", chances),
        folds=np.asarray(given.pop("folds", [1] * len(truth)), dtype=np.int64),
        speakers=tuple(given.pop("speakers", unknown)),
        sessions=tuple(given.pop("sessions", unknown)),
        **given,
    )


def drawn(seed: int, skill: float, speakers: int = 8, each: int = 15, seeds: int = 2) -> LabelledPredictions:
    """Draw a system that is right in so many of ten answers, on speakers of four sessions."""
    truth = np.random.default_rng(0).integers(0, 3, size=speakers * each)
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(3), size=(seeds, len(truth)))
    known = rng.uniform(size=(seeds, len(truth))) < skill
    chances[known] += 2 * np.eye(3)[np.tile(truth, (seeds, 1))[known]]
    who = np.arange(len(truth)) % speakers
    return answers(
        truth.tolist(),
        [[0] * len(truth)] * seeds,
        probabilities=chances / chances.sum(axis=2, keepdims=True),
        speakers=[f"s{number}" for number in who],
        sessions=[f"session{number // 2}" for number in who],
        folds=(who // 2 + 1).tolist(),
        groups={"gender": [("female", "male")[number % 2] for number in who]},
    )


def test_a_headline_is_pooled_over_folds_and_not_their_mean() -> None:
    truth = [0, 1, *[0] * 8, 1, 1]
    said = [0, 1, *[1] * 8, 1, 1]
    summary = summarise(answers(truth, [said], folds=[1, 1, *[2] * 10], labels=LABELS[:2]))
    assert summary["wa"]["mean"] == pytest.approx(4 / 12)
    assert summary["wa"]["folds_mean"] == pytest.approx((1.0 + 0.2) / 2)
    assert summary["wa"]["folds_range"] == pytest.approx([0.2, 1.0])
    assert summary["ua"]["mean"] == pytest.approx((1 / 9 + 1) / 2)


def test_mean_and_standard_deviation_are_over_seeds() -> None:
    truth = [0] * 10 + [1] * 10
    said = [[0] * right + [1] * (20 - right) for right in (4, 6, 8)]
    summary = summarise(answers(truth, said))
    values = [(right + 10) / 20 for right in (4, 6, 8)]
    assert summary["wa"]["mean"] == pytest.approx(statistics.mean(values))
    assert summary["wa"]["std"] == pytest.approx(statistics.stdev(values))
    assert [summarise(answers(truth, said[:1]))[metric]["std"] for metric in METRICS] == [None] * 3


def test_the_headline_agrees_with_scikit_learn() -> None:
    found = drawn(1, 0.5)
    summary = summarise(found)
    for metric, reference in REFERENCES.items():
        values = [reference(found.truth, said) for said in found.predicted]
        assert summary[metric]["mean"] == pytest.approx(np.mean(values))
        folds = [
            reference(found.truth[found.folds == fold], said[found.folds == fold])
            for said, fold in product(found.predicted, range(1, 5))
        ]
        assert summary[metric]["folds_mean"] == pytest.approx(np.mean(folds))
        assert summary[metric]["folds_range"] == pytest.approx([min(folds), max(folds)])


def test_confidence_is_measured_as_others_measure_it() -> None:
    found = drawn(1, 0.5)
    summary = summarise(found)
    nll = [log_loss(found.truth, chances, labels=range(3)) for chances in found.probabilities]
    brier = [
        sum(brier_score_loss(found.truth == label, chances[:, label]) for label in range(3))
        for chances in found.probabilities
    ]
    assert summary["nll"] == pytest.approx(np.mean(nll))
    assert summary["brier"] == pytest.approx(np.mean(brier))
    assert 0 < summary["ece"] < 1
    assert 0 < summary["aurc"] < 1 - summary["wa"]["mean"]  # sure answers are oftener right


def test_confusions_and_scores_of_classes_are_means_over_seeds_and_counts_are_utterances() -> None:
    truth = [0, 0, 0, 0, 1, 1, 1, 1]
    said = [[0, 0, 0, 1, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1]]
    summary = summarise(answers(truth, said, labels=LABELS[:2]))
    assert summary["confusion"] == [[3.5, 0.5], [1.5, 2.5]]
    assert summary["n"] == 8
    assert summary["per_class"]["angry"] == {
        "recall": pytest.approx(7 / 8),
        "precision": pytest.approx((3 / 5 + 4 / 5) / 2),
        "f1": pytest.approx((6 / 9 + 8 / 9) / 2),
        "support": 4,
    }


def test_the_mean_of_the_f1_of_classes_is_macro_f1_for_three_seeds() -> None:
    """The F1 of confusions that are summed over seeds is another number."""
    found = drawn(1, 0.5, seeds=3)
    summary = summarise(found)
    per_class = summary["per_class"]
    assert np.mean([each["f1"] for each in per_class.values()]) == pytest.approx(summary["macro_f1"]["mean"])
    assert np.mean([each["recall"] for each in per_class.values()]) == pytest.approx(summary["ua"]["mean"])
    assert sum(each["support"] for each in per_class.values()) == summary["n"] == 120
    assert [sum(row) for row in summary["confusion"]] == pytest.approx(np.bincount(found.truth))
    reference = [f1_score(found.truth, said, average=None) for said in found.predicted]
    assert [each["f1"] for each in per_class.values()] == pytest.approx(np.mean(reference, axis=0))


def test_a_label_that_only_some_seeds_predict_has_the_precision_of_these() -> None:
    summary = summarise(answers([0, 1, 1], [[0, 0, 0], [0, 1, 0]], labels=LABELS[:2]))
    assert summary["per_class"]["happy"]["precision"] == 1.0
    assert summarise(answers([0, 1], [[0, 0]] * 2, labels=LABELS[:2]))["per_class"]["happy"]["precision"] is None


def test_counts_of_one_seed_stay_whole() -> None:
    summary = summarise(answers([0, 1, 1], [[0, 0, 1]], labels=LABELS[:2]))
    assert json.dumps(summary["confusion"]) == "[[1, 0], [1, 1]]"


def test_folds_without_a_class_are_flagged_and_it_is_left_out_of_their_accuracy() -> None:
    truth, folds = [0, 1, 0, 0, 1, 1], [1, 1, 2, 2, 3, 3]
    summary = summarise(answers(truth, [[0, 1, 0, 0, 0, 1]], folds=folds, labels=LABELS[:2]))
    assert summary["folds_without_class"] == {"2": ["happy"], "3": ["angry"]}
    assert summary["ua"]["folds_range"] == [0.5, 1.0]


def test_intervals_count_speakers_and_those_of_sessions_stand_beside() -> None:
    found = drawn(1, 0.5)
    summary = summarise(found)
    for metric in METRICS:
        speakers, sessions = (summary["intervals"][metric][by] for by in ("speakers", "sessions"))
        assert summary[metric]["ci95"] == [speakers["low"], speakers["high"]]
        assert (speakers["groups"], sessions["groups"]) == (8, 4)
        assert speakers["method"].startswith("jackknife on the logit scale, t(7)")
        for interval in (speakers, sessions):
            assert 0 < interval["low"] < summary[metric]["mean"] < interval["high"] < 1


def test_an_interval_of_speakers_computed_by_leaving_out_each() -> None:
    found = drawn(1, 0.5, seeds=1)
    summary = summarise(found)
    right, who = found.correct[0], np.array(found.speakers)
    left = [right[who != name] for name in sorted(set(found.speakers))]
    logits = np.array([np.log((one.sum() + 0.5) / (len(one) - one.sum() + 0.5)) for one in left])
    centre = np.log(right.mean() / (1 - right.mean()))
    half = stats.t.ppf(0.975, 7) * np.sqrt(7 * logits.var())
    expected = [1 / (1 + np.exp(-(centre + sign * half))) for sign in (-1, 1)]
    assert summary["wa"]["ci95"] == pytest.approx(expected)


@pytest.mark.parametrize("speakers", [None, "one", "some"])
def test_where_speakers_are_unknown_or_one_there_is_no_interval(speakers: str | None) -> None:
    named = {None: [None] * 6, "one": ["a"] * 6, "some": ["a", "b", None, "a", "b", "a"]}[speakers]
    sessions = ["x", "y", "x", "y", "x", "y"]
    summary = summarise(answers([0, 1, 2, 0, 1, 2], [[0, 1, 1, 0, 2, 0]], speakers=named, sessions=sessions))
    for metric in METRICS:
        assert summary[metric]["ci95"] is None
        assert summary["intervals"][metric]["speakers"] is None
    assert summary["intervals"]["wa"]["sessions"]["groups"] == 2


def test_groups_are_scored_each_by_itself() -> None:
    found = drawn(1, 0.5)
    groups = summarise(found)["groups"]
    assert list(groups) == ["gender"]
    female = np.array(found.groups["gender"]) == "female"
    ua = np.mean([balanced_accuracy_score(found.truth[female], said[female]) for said in found.predicted])
    assert groups["gender"]["values"]["female"]["ua"] == pytest.approx(ua)


def test_summaries_and_comparisons_are_plain_json() -> None:
    systems = {"a": drawn(1, 0.6), "b": drawn(2, 0.4)}
    lacking = answers([0, 0, 1], [[0, 1, 1]])  # a class never occurs, nobody is known
    documents = [
        summarise(systems["a"]),
        summarise(lacking),
        adjust([compare("a", "b", systems, metric) for metric in METRICS]),
        compare("a", "b", {"a": lacking, "b": lacking}, "ua"),
    ]
    for document in documents:
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_comparison_says_how_much_better_the_first_is_and_what_speakers_say() -> None:
    systems = {"audio": drawn(1, 0.3), "fusion": drawn(2, 0.8)}
    for metric in METRICS:
        found = compare("fusion", "audio", systems, metric)
        assert set(found) == COMPARED
        assert (found["a"], found["b"], found["metric"]) == ("fusion", "audio", metric)
        ours = summarise(systems["fusion"])[metric]["mean"] - summarise(systems["audio"])[metric]["mean"]
        assert found["difference"] == pytest.approx(ours)
        assert found["ci95"][0] < found["difference"] < found["ci95"][1]
        assert found["test"] == "exact sign-flip over 8 groups"
        assert found["p_adjusted"] is None
        assert found["groups"] == 8
        assert found["smallest_p"] == 2 / 2**8
        assert found["p"] == pytest.approx(2 / 2**8)  # all speakers say so
        assert found["detectable_80"] > 0
        turned = compare("audio", "fusion", systems, metric)
        assert turned["difference"] == pytest.approx(-found["difference"])
        assert turned["ci95"] == pytest.approx([-found["ci95"][1], -found["ci95"][0]])
        assert turned["p"] == pytest.approx(found["p"])


def test_p_of_a_comparison_by_turning_all_signs() -> None:
    a, b = drawn(1, 0.5), drawn(2, 0.35)
    who = np.array(a.speakers)
    differences = [
        float((a.correct[:, who == name].sum() - b.correct[:, who == name].sum()) / 2) for name in sorted(set(who))
    ]
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in product((1, -1), repeat=8)]
    expected = np.mean([abs(each) >= abs(sum(differences)) - 1e-9 for each in sums])
    assert 0.01 < expected < 1  # neither sure nor nothing
    assert compare("a", "b", {"a": a, "b": b}, "wa")["p"] == pytest.approx(expected)


def test_mcnemar_describes_the_first_seed() -> None:
    a, b = drawn(1, 0.5), drawn(2, 0.3)
    found = compare("a", "b", {"a": a, "b": b}, "wa")["mcnemar"]
    only_a = int((a.correct[0] & ~b.correct[0]).sum())
    only_b = int((b.correct[0] & ~a.correct[0]).sum())
    assert set(found) == {"only_a", "only_b", "p", "label"}
    assert (found["only_a"], found["only_b"]) == (only_a, only_b)
    assert found["p"] == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue)
    assert found["label"].startswith("descriptive")


@pytest.mark.parametrize("speakers", [[None] * 4, ["a"] * 4])
def test_without_two_known_speakers_a_comparison_only_describes(speakers: list[str | None]) -> None:
    systems = {
        "a": answers([0, 1, 0, 1], [[0, 1, 0, 1]], speakers=speakers),
        "b": answers([0, 1, 0, 1], [[0, 1, 0, 0]], speakers=speakers),
    }
    found = compare("a", "b", systems, "wa")
    assert set(found) == COMPARED
    assert found["difference"] == pytest.approx(0.25)
    assert found["mcnemar"]["only_a"] == 1
    unknown = COMPARED - {"a", "b", "metric", "difference", "mcnemar"}
    assert {found[key] for key in unknown} == {None}


def test_systems_that_do_not_differ_are_not_told_apart() -> None:
    same = drawn(1, 0.5)
    found = compare("a", "b", {"a": same, "b": same}, "ua")
    assert found["difference"] == 0.0
    assert found["p"] == 1.0
    assert found["ci95"] is None  # one of no width would claim certainty


def test_systems_scored_on_other_utterances_are_not_compared() -> None:
    a = answers([0, 1, 0, 1], [[0, 1, 0, 1]], speakers=["a", "a", "b", "b"])
    b = answers([0, 1, 1, 1], [[0, 1, 0, 1]], speakers=["a", "a", "b", "b"])
    with pytest.raises(CorpusError, match="same utterances"):
        compare("a", "b", {"a": a, "b": b}, "wa")


def test_holm_adjusts_within_each_metric() -> None:
    given = [
        {"metric": metric, "p": p, "p_adjusted": None}
        for metric, p in [("ua", 0.01), ("wa", 0.02), ("ua", 0.04), ("wa", None), ("ua", 0.03), ("macro_f1", 0.9)]
    ]
    found = adjust(given)
    assert [one["p_adjusted"] for one in found] == pytest.approx([0.03, 0.02, 0.06, None, 0.06, 0.9])
    assert [one["p_adjusted"] for one in given] == [None] * 6  # what was given stays as it was


def test_late_fusion_is_the_mean_of_probabilities() -> None:
    a, b = drawn(1, 0.5).probabilities, drawn(2, 0.5).probabilities
    found = late_fusion(a, b)
    np.testing.assert_allclose(
        found, [[(x + y) / 2 for x, y in zip(*p, strict=True)] for p in zip(a, b, strict=True)]
    )
    np.testing.assert_allclose(found.sum(axis=2), 1)
