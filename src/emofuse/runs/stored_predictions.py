"""What is true of the utterances that folds test, and what systems say of them, laid side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emofuse import layout
from emofuse.errors import RunError
from emofuse.evaluation.scored import Scored
from emofuse.types import Corpus, Fold, Utterance

# By utterance id, the probability of each label.
Answers: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Tested:
    """An utterance that is tested: its true label, the fold that tests it, and what it is grouped by.

    Attributes:
        groups: attribute, such as gender -> its value; None where nobody knows.
    """

    id: str
    label: str
    fold: int
    speaker: str | None = None
    session: str | None = None
    groups: Mapping[str, str | None] = field(default_factory=dict, hash=False)


def tested_by(corpus: Corpus, folds: Sequence[Fold]) -> tuple[Tested, ...]:
    """Return the labelled utterances of a corpus that folds test, in its order."""
    fold_of = {identity: fold.index for fold in folds for identity in fold.test}
    return tuple(
        Tested(u.id, u.label, fold_of[u.id], u.speaker, u.session, _groups(u))
        for u in corpus
        if u.id in fold_of and u.label is not None
    )


def pool(labels: Sequence[str], utterances: Sequence[Tested], seeds: Sequence[Answers]) -> Scored:
    """Put what the seeds of a system say of utterances into arrays; each seed answers all of them.

    Attributes that have one value or none do not become groups.

    Raises:
        CorpusError: there is no utterance.
    """
    index = {label: number for number, label in enumerate(labels)}
    chances = [[[answers[t.id][label] for label in labels] for t in utterances] for answers in seeds]
    columns = {name: [t.groups[name] for t in utterances] for name in (utterances[0].groups if utterances else ())}
    return Scored(
        labels=tuple(labels),
        ids=tuple(t.id for t in utterances),
        truth=np.array([index[t.label] for t in utterances], dtype=np.int64),
        probabilities=np.array(chances, dtype=np.float64),
        folds=np.array([t.fold for t in utterances], dtype=np.int64),
        speakers=tuple(t.speaker for t in utterances),
        sessions=tuple(t.session for t in utterances),
        groups={name: values for name, values in columns.items() if len(set(values) - {None}) > 1},
    )


def write_truth(run: Path, utterances: Sequence[Tested]) -> None:
    """Write what is true of the tested utterances into a run folder.

    Raises:
        RunError: the file cannot be written.
    """
    layout.write_json_lines(run / layout.TRUTH, (asdict(one) for one in utterances))


def read_truth(run: Path) -> tuple[Tested, ...] | None:
    """Return what a run folder says of the utterances that it tested; None where it says nothing.

    Raises:
        RunError: the file is damaged.
    """
    path = run / layout.TRUTH
    if not path.is_file():
        return None
    try:
        return tuple(Tested(**row) for row in _json_lines(path))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path}: is damaged ({error}); run it again with --resume") from error


def read_predictions(folder: Path, name: str = layout.PREDICTIONS) -> dict[str, dict[str, Any]]:
    """Return a job's predictions by id, each as `Prediction.as_dict` wrote it."""
    rows = _json_lines(folder / name)
    return {row["id"]: row for row in rows if row["label"] in row["probabilities"]}


def _json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file; texts may hold signs that `splitlines` would take for the end of one (U+2028)."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _groups(utterance: Utterance) -> dict[str, str | None]:
    """Return what an utterance is grouped by."""
    return {
        "gender": utterance.gender,
        "speaker": utterance.speaker,
        "session": utterance.session,
        "style": utterance.tags.get("style"),
        "text_source": utterance.text_source,
    }
