"""Answers that were handed in: checked against what was to be answered, put into arrays."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.scored import Scored
from emofuse.evaluation.summary import summarise
from emofuse.runs.stored_predictions import Tested, pool
from emofuse.runs.submitted_files import Answer

# Probabilities are rounded when they are written.
ROUNDED = 1e-3
# The figures that a label alone does not tell.
OF_PROBABILITIES = ("ece", "nll", "brier", "aurc")


@dataclass(frozen=True)
class Submission:
    """Answers that were found fit to be scored.

    Attributes:
        scored: the utterances that every seed answers.
        missing: ids that were to be predicted and were not, by some seed.
        untested: how many answers are for utterances that no fold tests.
        calibrated: whether there are probabilities; else `scored` holds ones and zeros.
        folds_told: whether every answer names its fold.
    """

    scored: Scored
    missing: tuple[str, ...]
    untested: int
    calibrated: bool
    folds_told: bool

    def figures(self) -> dict[str, Any]:
        """Return `summarise`'s figures; null where they need probabilities and there are none."""
        return summarise(self.scored) | ({} if self.calibrated else dict.fromkeys(OF_PROBABILITIES))


def check_answers(
    answers: Sequence[Answer], labels: Sequence[str], tested: Sequence[Tested], known: Collection[str]
) -> Submission:
    """Check answers against what was to be answered, and put them into arrays.

    Args:
        answers: of one system, from one seed or more.
        labels: of the task, in order.
        tested: what was to be answered.
        known: ids of the whole corpus.

    Raises:
        CorpusError: an id or a label is unknown, an utterance is answered twice by one seed, only some answers
            have probabilities, the folds are other ones, or nothing is left to score.
    """
    for answer in answers:
        _refuse_unknown(answer, labels, known)
    ids = {one.id for one in tested}
    wanted = [answer for answer in answers if answer.id in ids]
    by_seed = _by_seed(wanted)
    for found in by_seed.values():
        _refuse_other_folds(found.values(), tested)
    folds_told = all(answer.fold is not None for answer in wanted)
    calibrated = _have_probabilities(wanted)
    missing = tuple(one.id for one in tested if any(one.id not in found for found in by_seed.values()))
    lacking = set(missing)
    answered = [one for one in tested if one.id not in lacking]
    if not by_seed or not answered:
        raise CorpusError("none of the utterances that are tested has a prediction; check ids and manifest")
    seeds = [{i: _chances(answer, labels) for i, answer in found.items()} for found in by_seed.values()]
    return Submission(pool(labels, answered, seeds), missing, len(answers) - len(wanted), calibrated, folds_told)


def _refuse_unknown(answer: Answer, labels: Sequence[str], known: Collection[str]) -> None:
    if answer.id not in known:
        raise CorpusError(f"{answer.place}: the manifest has no utterance {answer.id!r}; check which one it is of")
    strange = ({answer.label} | set(answer.probabilities or labels)) - set(labels)
    if strange:
        raise CorpusError(
            f"{answer.place}: {min(strange)!r} is none of the labels {', '.join(labels)}; "
            "rename the predicted labels, or choose another policy with --labels"
        )


def _by_seed(answers: Iterable[Answer]) -> dict[str, dict[str, Answer]]:
    found: dict[str, dict[str, Answer]] = {}
    for answer in answers:
        seed = found.setdefault(answer.seed, {})
        if answer.id in seed:
            of_seed = f" by seed {answer.seed}" if answer.seed else ""
            raise CorpusError(
                f"{answer.place}: {answer.id!r} is predicted twice{of_seed}, first in {seed[answer.id].place}; "
                "leave one, or tell trainings apart by a column seed"
            )
        seed[answer.id] = answer
    return dict(sorted(found.items()))


def _refuse_other_folds(answers: Iterable[Answer], tested: Sequence[Tested]) -> None:
    """Make sure that the folds that the answers of a seed name are those that test.

    Folds may have any names: what counts is which utterances share one.
    """
    fold_of = {one.id: one.fold for one in tested}
    theirs: dict[str, Answer] = {}
    ours: dict[int, Answer] = {}
    for answer in answers:
        if answer.fold is None:
            continue
        for other in (theirs.setdefault(answer.fold, answer), ours.setdefault(fold_of[answer.id], answer)):
            together = fold_of[other.id] == fold_of[answer.id]
            if together != (other.fold == answer.fold):
                raise CorpusError(_other_folds(answer, other, together))


def _other_folds(answer: Answer, other: Answer, together: bool) -> str:
    pair = f"{answer.place}: {answer.id!r} and {other.id!r} are"
    if together:
        return (
            f"{pair} in folds {answer.fold!r} and {other.fold!r}, and the protocol tests them together, so that "
            "each may have been learnt from when the other was tested; predict again with the protocol's folds"
        )
    return (
        f"{pair} both in fold {answer.fold!r}, and the protocol tests them in two: other folds than the "
        "protocol's; predict again with those, or name the protocol that was used"
    )


def _have_probabilities(answers: Sequence[Answer]) -> bool:
    without = [answer for answer in answers if answer.probabilities is None]
    if without and len(without) < len(answers):
        raise CorpusError(
            f"{without[0].place}: has no probabilities, and other rows have; give them in all rows or in none"
        )
    return not without


def _chances(answer: Answer, labels: Sequence[str]) -> dict[str, float]:
    """Return probabilities of which the answer's own label has the largest."""
    if answer.probabilities is None:
        return {label: float(label == answer.label) for label in labels}
    lacking = [label for label in labels if label not in answer.probabilities]
    if lacking:
        raise CorpusError(f"{answer.place}: has no probability of {lacking[0]!r}; give that of every label")
    values = {label: answer.probabilities[label] for label in labels}
    total = sum(values.values())
    if min(values.values()) < 0 or not math.isfinite(total) or abs(total - 1) > ROUNDED * len(labels):
        raise CorpusError(f"{answer.place}: its probabilities are not shares of 1; their sum is {total:g}")
    most = max(values.values())
    if values[answer.label] < most - ROUNDED:
        likeliest = max(values, key=lambda label: values[label])
        raise CorpusError(
            f"{answer.place}: the label is {answer.label!r}, and {likeliest!r} has the largest probability; "
            "leave the probabilities out if the label is not chosen by them"
        )
    # Two that were rounded to the same number: the one that was answered must win.
    return {label: value / total for label, value in values.items()} | {
        answer.label: float(np.nextafter(most / total, 2.0))
    }
