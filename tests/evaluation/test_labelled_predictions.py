from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from emofuse.errors import CorpusError
from emofuse.evaluation.labelled_predictions import LabelledPredictions

LABELS = ("angry", "happy", "sad")
RNG = np.random.default_rng(4)
TRUTH = RNG.integers(0, 3, size=40)
CHANCES = RNG.dirichlet(np.ones(3), size=(2, 40))
SPEAKERS = tuple(f"s{number % 5}" for number in range(40))


def scored(**changes: object) -> LabelledPredictions:
    made = LabelledPredictions(
        labels=LABELS,
        ids=tuple(f"u{number}" for number in range(40)),
        truth=TRUTH,
        probabilities=CHANCES,
        folds=np.arange(40) % 5,
        speakers=SPEAKERS,
        sessions=tuple(f"session{number % 2}" for number in range(40)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_is_predicted_is_the_likeliest_label_of_each_seed() -> None:
    found = scored()
    for seed in range(2):
        for row in range(40):
            chances = CHANCES[seed, row].tolist()
            assert found.predicted[seed, row] == chances.index(max(chances))
            assert found.confidence[seed, row] == max(chances)
            assert found.correct[seed, row] == (chances.index(max(chances)) == TRUTH[row])


def test_confusions_are_those_of_scikit_learn_by_seed() -> None:
    found = scored()
    for seed in range(2):
        expected = confusion_matrix(TRUTH, found.predicted[seed], labels=range(3))
        np.testing.assert_array_equal(found.confusions[seed], expected)


def test_confusions_by_speaker_add_up_to_the_whole() -> None:
    found = scored()
    counts = found.confusions_by(SPEAKERS)
    assert counts is not None
    assert counts.shape == (2, 5, 3, 3)
    np.testing.assert_array_equal(counts.sum(axis=1), found.confusions)
    own = np.array(SPEAKERS) == "s3"
    expected = confusion_matrix(TRUTH[own], found.predicted[1][own], labels=range(3))
    np.testing.assert_array_equal(counts[1, 3], expected)


def test_one_unknown_speaker_leaves_no_statistic_of_speakers() -> None:
    found = scored(speakers=(None, *SPEAKERS[1:]))
    assert found.confusions_by(found.speakers) is None
    assert found.statistic("ua", found.speakers) is None
    assert found.statistic("ua", found.sessions) is not None


def test_a_statistic_is_the_mean_over_seeds_of_the_pooled_metric() -> None:
    found = scored()
    for metric, reference in (
        ("wa", accuracy_score),
        ("ua", balanced_accuracy_score),
        ("macro_f1", lambda truth, said: f1_score(truth, said, average="macro")),
    ):
        statistic = found.statistic(metric, SPEAKERS)  # type: ignore[arg-type]
        assert statistic is not None
        assert statistic.sizes.tolist() == [8] * 5
        whole = np.mean([reference(TRUTH, said) for said in found.predicted])
        assert statistic.value(np.ones(5, dtype=np.int64)) == pytest.approx(whole)
        weights = np.array([1, 0, 2, 1, 0])
        rows = np.concatenate([np.flatnonzero(np.array(SPEAKERS) == f"s{s}") for s in (0, 2, 2, 3)])
        drawn = np.mean([reference(TRUTH[rows], said[rows]) for said in found.predicted])
        assert statistic.value(weights) == pytest.approx(drawn)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(CorpusError, match="no labelled utterance to score"):
        scored(truth=np.zeros(0, dtype=np.int64), probabilities=np.zeros((1, 0, 3)))
