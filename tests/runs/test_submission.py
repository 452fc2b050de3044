"""Submitted predictions, checked against the tested utterances. The command is tested in tests/cli."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score
from small_run import CORPUS, FOLDS, LABELS, TRUTH

from emofuse.errors import CorpusError
from emofuse.runs.labelled_utterances import labelled_utterances
from emofuse.runs.submission import Submission, check_submission
from emofuse.runs.submitted_files import SubmittedPrediction

TESTED = labelled_utterances(CORPUS, FOLDS)
RIGHT = [SubmittedPrediction(f"p:{n}", each.id, each.label, str(each.fold)) for n, each in enumerate(TESTED)]


def check(predictions: Sequence[SubmittedPrediction]) -> Submission:
    return check_submission(predictions, LABELS, TESTED, set(TRUTH))


def test_labels_alone_become_ones_and_zeros() -> None:
    found = check(RIGHT)
    assert (found.missing, found.untested, found.has_probabilities, found.names_folds) == ((), 0, False, True)
    assert found.predictions.probabilities.max(axis=2).tolist() == [pytest.approx([1.0] * 20)]
    assert found.figures()["ua"]["mean"] == 1.0
    assert found.figures()["nll"] is None


def test_what_some_seed_lacks_is_missing() -> None:
    again = [replace(each, seed="2") for each in RIGHT[1:]]
    assert check([*(replace(each, seed="1") for each in RIGHT), *again]).missing == ("u0",)


def test_the_predicted_label_wins_among_rounded_probabilities() -> None:
    even = [replace(each, probabilities=dict.fromkeys(LABELS, 0.5)) for each in RIGHT]
    found = check(even)
    assert found.has_probabilities
    assert (found.predictions.predicted == found.predictions.truth).all()


def test_missing_predictions_are_counted_as_wrong_beside_the_figures_as_given() -> None:
    """Planted: eight utterances, six of them hard ones, are left out; as given the figures rise to 1."""
    left = {f"u{n}" for n in (0, 1, 2, 4, 6, 8, 10, 11)}
    found = check([each for each in RIGHT if each.id not in left])
    wrong = found.missing_as_wrong()
    assert wrong is not None
    truth = [each.label for each in TESTED]
    said = ["none" if each.id in left else each.label for each in TESTED]
    assert found.figures()["ua"]["mean"] == 1.0
    assert wrong["wa"]["mean"] == pytest.approx(accuracy_score(truth, said)) == pytest.approx(12 / 20)
    assert wrong["ua"]["mean"] == pytest.approx(recall_score(truth, said, labels=LABELS, average="macro"))
    assert wrong["macro_f1"]["mean"] == pytest.approx(f1_score(truth, said, labels=LABELS, average="macro"))


def test_each_seed_is_wrong_where_it_predicts_nothing() -> None:
    seeds = [replace(each, seed=seed) for seed in "12" for each in RIGHT if (each.id, seed) != ("u0", "1")]
    wrong = check(seeds).missing_as_wrong()
    assert wrong is not None
    assert wrong["wa"]["mean"] == pytest.approx((19 / 20 + 1) / 2)


def test_a_whole_submission_has_one_kind_of_figures() -> None:
    assert check(RIGHT).missing_as_wrong() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "u99"}, "p:0: the manifest has no utterance 'u99'"),
        ({"label": "calm"}, "p:0: 'calm' is none of the labels angry, sad"),
        ({"id": "u1"}, "'u1' is predicted twice, first in p:0"),
        ({"fold": "2"}, "are"),
        ({"probabilities": {"angry": 0.9, "sad": 0.1}}, "has no probabilities, and other rows have"),
    ],
)
def test_what_cannot_be_scored_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        check([replace(RIGHT[0], **changes), *RIGHT[1:]])  # type: ignore[arg-type]
