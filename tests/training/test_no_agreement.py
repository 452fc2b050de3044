"""Utterances without a majority teach by their votes, and are never scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_fit import recipe, silent, weights

from emofuse.data.labels import apply_policy, undecided
from emofuse.errors import RecipeError
from emofuse.experiment.job import with_undecided
from emofuse.model.build import build
from emofuse.training.fit import fit
from emofuse.training.fit_calibration import priors_of
from emofuse.training.loader import NO_LABEL, AudioCache, InputReader, prepare_part
from emofuse.types import Corpus

VOTES = {"soft_labels": True, "no_agreement": True, "epochs": 1}


def with_ties(corpus: Corpus) -> Corpus:
    """Let raters disagree on the first utterance of each man."""
    tied = {"angry": 1.0, "sad": 1.0}
    changed = [replace(u, label=None, votes=tied) if u.id.endswith("M_0") else u for u in corpus]
    return replace(corpus, utterances=tuple(changed))


def test_they_join_the_training_part_with_their_votes_as_targets(corpus: Corpus) -> None:
    chosen, mixed = recipe(training=VOTES), with_ties(corpus)
    labelled, task = apply_policy(mixed, "as-is")
    aside = undecided(mixed, labelled, task)
    plain = labelled.select(lambda u: u.label is not None and u.session != "session1")
    tested = labelled.select(lambda u: u.label is not None and u.session == "session1")
    train = with_undecided(plain, tested, aside, chosen)
    assert {u.id for u in train} - {u.id for u in plain} == {u.id for u in aside if u.session != "session1"}
    checkpoint = build(chosen, "text", task, [str(u.text) for u in train], 0)
    parts = [
        prepare_part(one, task, InputReader(checkpoint.preparation, AudioCache()), True)[0]
        for one in (train, plain)
    ]
    added = parts[0].targets == NO_LABEL
    assert added.sum() == len(train) - len(plain) > 0
    np.testing.assert_array_equal(
        parts[0].shares[added],
        [[{"angry": 0.5, "sad": 0.5}.get(label, 0.0) for label in task.labels]] * added.sum(),
    )
    assert priors_of(train.utterances) == priors_of(plain.utterances)
    moved = []
    for part in parts:
        checkpoint = build(chosen, "text", task, [str(u.text) for u in train], 0)
        fit(checkpoint, part, None, chosen, 0, silent)
        moved.append(weights(checkpoint)["fusion.head.classifier.bias"])
    assert moved[0].tolist() != moved[1].tolist()


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"soft_labels": False}, "use it with training.soft_labels"),
        ({"balance": ["label"]}, "cannot draw by label"),
    ],
)
def test_what_it_cannot_go_with_is_refused(training: dict[str, object], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        recipe(training=VOTES | training)
