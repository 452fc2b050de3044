"""The utterances that folds test, with their true labels; and predictions of them, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from emofuse import layout
from emofuse.errors import RunError
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.runs.stored_predictions import read_json_lines
from emofuse.types import Corpus, Fold, Utterance

# The label that stands for a missing prediction; no label of a corpus is empty.
NO_PREDICTION = ""
# Utterance id -> label -> probability.
ProbabilitiesById: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class LabelledUtterance:
    """An utterance of a test part: its true label, its fold, and the attributes by which results are grouped.

    Attributes:
        groups: attribute, such as gender -> its value; None if unknown.
    """

    id: str
    label: str
    fold: int
    speaker: str | None = None
    session: str | None = None
    groups: Mapping[str, str | None] = field(default_factory=dict, hash=False)


def labelled_utterances(corpus: Corpus, folds: Sequence[Fold]) -> tuple[LabelledUtterance, ...]:
    """Return the labelled utterances of a corpus that folds test, sorted by id."""
    fold_of = {identity: fold.index for fold in folds for identity in fold.test}
    return tuple(
        LabelledUtterance(u.id, u.label, fold_of[u.id], u.speaker, u.session, _groups(u))
        for u in sorted(corpus, key=lambda u: u.id)
        if u.id in fold_of and u.label is not None
    )


def to_arrays(
    labels: Sequence[str], utterances: Sequence[LabelledUtterance], seeds: Sequence[ProbabilitiesById]
) -> LabelledPredictions:
    """Put the probabilities of a system into arrays, with the true labels.

    Attributes that have one value or none do not become groups.

    Args:
        labels: of the task, in order.
        utterances: each has probabilities from every seed.
        seeds: the probabilities of each seed.

    Raises:
        CorpusError: there is no utterance.
    """
    index = {label: number for number, label in enumerate(labels)}
    probabilities = [[[by_id[each.id][label] for label in labels] for each in utterances] for by_id in seeds]
    names = utterances[0].groups if utterances else ()
    columns = {name: [each.groups[name] for each in utterances] for name in names}
    return LabelledPredictions(
        labels=tuple(labels),
        ids=tuple(each.id for each in utterances),
        truth=np.array([index[each.label] for each in utterances], dtype=np.int64),
        probabilities=np.array(probabilities, dtype=np.float64),
        folds=np.array([each.fold for each in utterances], dtype=np.int64),
        speakers=tuple(each.speaker for each in utterances),
        sessions=tuple(each.session for each in utterances),
        groups={name: values for name, values in columns.items() if len(set(values) - {None}) > 1},
    )


def to_arrays_with_missing(
    labels: Sequence[str], utterances: Sequence[LabelledUtterance], seeds: Sequence[ProbabilitiesById]
) -> LabelledPredictions:
    """Do what `to_arrays` does with utterances that some seed does not predict: there its prediction is wrong.

    It is a label of its own, beside those of the task, which is the truth of no utterance.
    """
    certain = dict.fromkeys(labels, 0.0) | {NO_PREDICTION: 1.0}
    filled = [
        {u.id: {**by_id[u.id], NO_PREDICTION: 0.0} if u.id in by_id else certain for u in utterances}
        for by_id in seeds
    ]
    return to_arrays((*labels, NO_PREDICTION), utterances, filled)


def write_truth(run: Path, utterances: Sequence[LabelledUtterance]) -> None:
    """Write the tested utterances with their true labels into a run folder.

    Raises:
        RunError: the file cannot be written.
    """
    layout.write_json_lines(run / layout.TRUTH, (asdict(each) for each in utterances))


def read_truth(run: Path) -> tuple[LabelledUtterance, ...] | None:
    """Return the tested utterances that a run folder stores; None if it stores none.

    Raises:
        RunError: the file is damaged.
    """
    path = run / layout.TRUTH
    if not path.is_file():
        return None
    try:
        return tuple(LabelledUtterance(**row) for row in read_json_lines(path))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path}: is damaged ({error}); run it again with --resume") from error


def _groups(utterance: Utterance) -> dict[str, str | None]:
    """Return the attributes by which an utterance is grouped."""
    return {
        "gender": utterance.gender,
        "speaker": utterance.speaker,
        "session": utterance.session,
        "style": utterance.tags.get("style"),
        "text_source": utterance.text_source,
    }
