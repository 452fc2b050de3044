"""Anybody's predictions: read from a table or JSON, checked against what was to be predicted, put into arrays."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.scored import Scored
from emofuse.evaluation.summary import summarise
from emofuse.evaluation.tested import Tested, pool

# Field of an answer -> the names that its column usually has.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "utterance", "utterance_id"),
    "label": ("label", "prediction", "predicted", "emotion"),
    "fold": ("fold",),
    "seed": ("seed",),
}
# Before the name of a label, in a column of its probabilities.
PROBABILITY = "p_"
# Probabilities are rounded when they are written.
ROUNDED = 1e-3
# The figures that a label alone does not tell.
OF_PROBABILITIES = ("ece", "nll", "brier", "aurc")

# From the text of a file and its path to its rows, each with its place.
Reader: TypeAlias = Callable[[str, Path], Iterator[tuple[str, Mapping[str, Any]]]]


@dataclass(frozen=True)
class Answer:
    """What a system says of an utterance, and where that is written.

    Attributes:
        fold: as the system names it; None where it does not say.
        seed: likewise; empty where there is one.
        probabilities: by label; None where there are none.
    """

    place: str
    id: str
    label: str
    fold: str | None = None
    seed: str = ""
    probabilities: Mapping[str, float] | None = None


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


def read_answers(path: Path, columns: Mapping[str, str] | None = None) -> list[Answer]:
    """Read predictions: CSV, TSV or semicolons with a header, JSON Lines, or a JSON list.

    A row has an id and a label, maybe a fold and a seed, and maybe probabilities: columns such as `p_angry`, or
    in JSON an object `probabilities`.

    Args:
        path: the file.
        columns: field ("id", "label", "fold", "seed") -> its column, where that has no usual name.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or a row is wrong; the message names the line.
    """
    chosen = columns or {}
    for field in chosen:
        if field not in COLUMNS:
            raise CorpusError(f"--column {field}: is no field of a prediction; fields are {', '.join(COLUMNS)}")
    rows = list(_rows(path))
    if not rows:
        raise CorpusError(f"{path}: holds no prediction; write one row an utterance, with its id and label")
    names = _match({str(name) for _, row in rows for name in row}, chosen, path)
    return [_answer(row, names, place) for place, row in rows]


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


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row with its place."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file of predictions") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text; save the predictions as UTF-8") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    start = text.lstrip()[:1]
    readers: dict[str, Reader] = {"{": _json_lines, "[": _json_list}
    read: Reader = readers.get(start, _table)
    yield from read(text, path)


def _table(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row:
                raise CorpusError(f"{place}: has more values than there are columns; put quotes around them")
            yield place, {name.strip(): (value or "").strip() for name, value in row.items()}
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: is not a table that can be read ({error})") from error


def _json_lines(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", _object(line, f"{path}:{number}")


def _json_list(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise CorpusError(f"{path}: is not JSON ({error})") from error
    for number, row in enumerate(rows, start=1):
        yield f"{path}, entry {number}", _checked(row, f"{path}, entry {number}")


def _object(line: str, place: str) -> Mapping[str, Any]:
    try:
        return _checked(json.loads(line), place)
    except ValueError as error:
        raise CorpusError(f"{place}: is not a JSON object; write one prediction a line") from error


def _checked(row: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise CorpusError(f"{place}: is not a JSON object; write one prediction as one object")
    return row


def _match(header: Collection[str], chosen: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return field -> column, as the user chose or by the usual names, and the columns of probabilities."""
    by_lower = {name.lower(): name for name in sorted(header)}
    names = {
        field: found
        for field, usual in COLUMNS.items()
        if (found := next((by_lower[name] for name in usual if name in by_lower), None)) is not None
    }
    for field, column in chosen.items():
        if column not in header:
            raise CorpusError(f"{path}: has no column {column!r}; its columns are {', '.join(sorted(header))}")
        names[field] = column
    for field in ("id", "label"):
        if field not in names:
            raise CorpusError(
                f"{path}: no column is called {' or '.join(COLUMNS[field])}; name it with --column {field}=..."
            )
    return names


def _answer(row: Mapping[str, Any], names: Mapping[str, str], place: str) -> Answer:
    values = {field: _word(row.get(column)) for field, column in names.items()}
    for field in ("id", "label"):
        if not values[field]:
            raise CorpusError(f"{place}: has no {field}; give every prediction one")
    return Answer(
        place=place,
        id=values["id"],
        label=values["label"],
        fold=values.get("fold") or None,
        seed=values.get("seed", ""),
        probabilities=_probabilities(row, place),
    )


def _word(value: Any) -> str:
    """Return a value as a word; what is absent is empty."""
    return "" if value is None else str(value)


def _probabilities(row: Mapping[str, Any], place: str) -> dict[str, float] | None:
    given = row.get("probabilities")
    if not isinstance(given, Mapping):
        named = [(name, value) for name, value in row.items() if name.startswith(PROBABILITY)]
        given = {name.removeprefix(PROBABILITY): value for name, value in named if _word(value)}
    try:
        return {label: float(value) for label, value in given.items()} or None
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{place}: a probability is no number ({error})") from error
