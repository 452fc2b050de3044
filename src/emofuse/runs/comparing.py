"""Finished runs, read from their folders and set against one another."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from emofuse import layout
from emofuse.config import Recipe, load_recipe
from emofuse.errors import RunError
from emofuse.evaluation.scores import METRICS
from emofuse.evaluation.summary import adjust, compare
from emofuse.runs.signature import Signature, folds_key, run_signature
from emofuse.runs.stored_predictions import Answers, Tested, pool, read_predictions, read_truth
from emofuse.types import Fold

# The system that is named first; the mean of two systems' probabilities, which no job folder holds.
FIRST = "fusion"
LATE, PARTS = "late", ("audio", "text")
# Behind a system's name -> what it says after something was done to it, in the folder of its job.
DERIVED = {"": layout.PREDICTIONS, "speaker-norm": layout.SPEAKER_NORM}
_FOLDS = TypeAdapter(tuple[Fold, ...])


@dataclass(frozen=True)
class FinishedRun:
    """A cross-validation that has ended.

    Attributes:
        folder: of the run.
        name: a short name of the folder.
        results: what `results.json` holds.
        recipe: what it was run by.
        folds: its folds.
        corpus_hash: of its corpus, under the recipe's labels.
        truth: what is true of the utterances that its folds test.
    """

    folder: Path
    name: str
    results: Mapping[str, Any]
    recipe: Recipe
    folds: tuple[Fold, ...]
    corpus_hash: str
    truth: tuple[Tested, ...]

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems that were scored, fusion first; those that were not trained but derived come last."""
        return tuple(sorted(self.results["systems"], key=lambda name: (not _trained(name), name != FIRST)))

    @property
    def signature(self) -> Signature:
        """How its figures came about."""
        texts = (one.groups.get("text_source") for one in self.truth)
        return run_signature(self.recipe, self.results, self.folds, texts)

    def answers(self, system: str, seed: int) -> Answers:
        """Return what a system says of the utterances that are tested.

        Raises:
            RunError: predictions are missing or damaged.
        """
        if system == LATE:
            first, second = (self.answers(part, seed) for part in PARTS)
            return {i: _mean(first[i], second[i]) for i in first if i in second}
        found: dict[str, Mapping[str, float]] = {}
        base, _, derived = system.partition("+")
        for fold in self.folds:
            folder = layout.job_folder(self.folder, fold.index, seed, base)
            try:
                rows = read_predictions(folder, DERIVED[derived])
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise RunError(
                    f"{folder}: its predictions are missing or damaged; run it again with --resume"
                ) from error
            found |= {identity: row["probabilities"] for identity, row in rows.items()}
        return found


def read_run(folder: Path, truth: tuple[Tested, ...] | None = None) -> FinishedRun:
    """Read a run folder.

    Args:
        folder: of a cross-validation that has ended.
        truth: what is true of the utterances that it tests, where the folder does not say it.

    Raises:
        RunError: it is no such folder, a file is damaged, or nobody says what is true.
        RecipeError: its recipe cannot be read.
    """
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run folder; give one that `emofuse crossval` has made")
    results, folds = _document(folder / layout.RESULTS), _document(folder / layout.FOLDS)
    truth = truth or read_truth(folder)
    if truth is None:
        raise RunError(f"{folder}: does not say which labels are true; give its manifest with --manifest")
    return FinishedRun(
        folder=folder,
        name=folder.resolve().name,
        results=results,
        recipe=load_recipe(folder / layout.RECIPE),
        folds=read_folds(folder / layout.FOLDS),
        corpus_hash=str(folds.get("corpus_hash")),
        truth=truth,
    )


def read_folds(path: Path) -> tuple[Fold, ...]:
    """Return the folds of a file such as `folds.json`.

    Raises:
        RunError: it cannot be read, or holds something else.
    """
    try:
        return _FOLDS.validate_python(_document(path)["folds"])
    except (KeyError, ValueError) as error:
        raise RunError(f"{path}: holds no folds; give the {layout.FOLDS} of a run folder") from error


def compare_runs(runs: Sequence[FinishedRun], systems: Sequence[str] = ()) -> dict[str, Any]:
    """Set runs against one another, each pair on the utterances and the seeds that both have.

    Args:
        runs: two or more, on the same corpus, labels and folds.
        systems: which; if none is named, those that all runs have trained, without what is derived from them
            (`late`, `fusion+speaker-norm`), so that Holm's family does not grow for their sake.

    Returns:
        `runs`, each with its signature, and `comparisons` as `emofuse.evaluation.summary.compare` has them, with
        `system`, `n` and `seeds`; p is adjusted by Holm's method over all comparisons of a metric.

    Raises:
        RunError: there are fewer than two runs, they differ in what must be the same, or share no system or seed.
    """
    if len(runs) < 2:
        raise RunError("compare needs two run folders or more")
    named = _told_apart(runs)
    for other in runs[1:]:
        _refuse_unlike(runs[0], other)
    chosen = _shared_systems(runs, systems)
    comparisons = [
        one
        for system in chosen
        for first, second in itertools.combinations(named, 2)
        for one in _compared(system, (first, named[first]), (second, named[second]))
    ]
    return {
        "runs": [
            {"name": name, "folder": str(run.folder), "signature": str(run.signature)}
            for name, run in named.items()
        ],
        "systems": list(chosen),
        "comparisons": adjust(comparisons),
    }


def _compared(
    system: str, first: tuple[str, FinishedRun], second: tuple[str, FinishedRun]
) -> Iterable[dict[str, Any]]:
    """Yield a comparison for each metric."""
    (a, run_a), (b, run_b) = first, second
    seeds = [seed for seed in run_a.results["seeds"] if seed in run_b.results["seeds"]]
    if not seeds:
        raise RunError(f"{run_a.folder} and {run_b.folder} share no seed; run one again with the other's seeds")
    answers = {name: [run.answers(system, seed) for seed in seeds] for name, run in ((a, run_a), (b, run_b))}
    common = set.intersection(*(set(found) for each in answers.values() for found in each))
    utterances = [one for one in run_a.truth if one.id in common]
    if not utterances:
        raise RunError(f"{run_a.folder} and {run_b.folder}: no utterance was scored by {system} of both")
    scored = {name: pool(run_a.results["labels"], utterances, each) for name, each in answers.items()}
    for metric in METRICS:
        yield {"system": system, "n": len(utterances), "seeds": seeds} | compare(a, b, scored, metric)


def _told_apart(runs: Sequence[FinishedRun]) -> dict[str, FinishedRun]:
    """Return runs by name, or, where names repeat, by folder."""
    for names in ([run.name for run in runs], [str(run.folder) for run in runs]):
        if len(set(names)) == len(runs):
            return dict(zip(names, runs, strict=True))
    raise RunError(f"{runs[0].folder}: a run is named twice; compare different ones")


def _shared_systems(runs: Sequence[FinishedRun], wanted: Sequence[str]) -> tuple[str, ...]:
    shared = [name for name in runs[0].systems if all(name in run.systems for run in runs)]
    for name in wanted:
        for run in runs:
            if name not in run.systems:
                raise RunError(f"{run.folder}: has no system {name!r}; it has {', '.join(run.systems)}")
    trained = [name for name in shared if _trained(name)]
    if not trained:
        raise RunError(
            "the runs share no system: " + "; ".join(f"{r.name} has {', '.join(r.systems)}" for r in runs)
        )
    return tuple(dict.fromkeys(wanted)) or tuple(trained)


def _refuse_unlike(first: FinishedRun, other: FinishedRun) -> None:
    """Refuse two runs that cannot be compared, and say in what they differ."""
    pair = f"{first.folder} and {other.folder} cannot be compared"
    labels = [", ".join(run.results["labels"]) for run in (first, other)]
    if labels[0] != labels[1]:
        raise RunError(
            f"{pair}: their labels differ ({labels[0]}; {labels[1]}); run one again with the same policy"
        )
    if first.corpus_hash != other.corpus_hash:
        corpora = f"{first.results['corpus']} {first.corpus_hash}, {other.results['corpus']} {other.corpus_hash}"
        raise RunError(f"{pair}: their corpora differ ({corpora}); run one again on the other's manifest")
    keys = folds_key(first.folds), folds_key(other.folds)
    if keys[0] != keys[1]:
        raise RunError(
            f"{pair}: their folds differ ({first.results['protocol']} {keys[0]}, {other.results['protocol']} "
            f"{keys[1]}); run one again with the other's protocol, text_independent and folds_seed"
        )


def _trained(system: str) -> bool:
    return system != LATE and "+" not in system


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path}: is not there; let the run come to its end, or name another folder") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read; run it again with --resume") from error
    if not isinstance(document, dict):
        raise RunError(f"{path}: is damaged; run it again in another folder")
    return document


def _mean(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    return {label: (first[label] + second[label]) / 2 for label in first}
