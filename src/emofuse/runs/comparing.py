"""Finished runs compared with one another."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from emofuse.errors import RunError
from emofuse.evaluation.scores import METRICS
from emofuse.evaluation.summary import adjust, compare
from emofuse.runs.labelled_utterances import to_arrays
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.signature import folds_key
from emofuse.runs.system import System
from emofuse.types import schemas


def compare_runs(runs: Sequence[RunFolder], systems: Sequence[str] = ()) -> dict[str, Any]:
    """Compare runs, each pair on the utterances and the seeds that both have.

    Args:
        runs: two or more, on the same corpus, labels and folds.
        systems: their labels; by default all that were trained in every run, without those that are derived
            (`late`, `fusion+speaker-norm`), so that Holm's family stays small.

    Returns:
        `runs`, each with its signature, and `comparisons` as `emofuse.evaluation.summary.compare` has them, with
        `system`, `n` and `seeds`; p is adjusted by Holm's method over all comparisons of a metric.

    Raises:
        RunError: there are fewer than two runs, they differ in what must be the same, or share no system or seed.
    """
    if len(runs) < 2:
        raise RunError("compare needs two run folders or more")
    named = _unique_names(runs)
    documents = [
        {"name": name, "folder": str(run.path), "signature": str(run.signature)} for name, run in named.items()
    ]
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
        "schema": schemas.COMPARISON,
        "runs": documents,
        "systems": [system.label for system in chosen],
        "comparisons": adjust(comparisons),
    }


def _compared(
    system: System, first: tuple[str, RunFolder], second: tuple[str, RunFolder]
) -> Iterable[dict[str, Any]]:
    """Yield a comparison for each metric."""
    (a, run_a), (b, run_b) = first, second
    seeds = [seed for seed in run_a.results["seeds"] if seed in run_b.results["seeds"]]
    if not seeds:
        raise RunError(f"{run_a.path} and {run_b.path} share no seed; run one again with the other's seeds")
    predicted = {name: [run.probabilities(system, seed) for seed in seeds] for name, run in (first, second)}
    common = set.intersection(*(set(by_id) for by_seed in predicted.values() for by_id in by_seed))
    utterances = [each for each in run_a.truth if each.id in common]
    if not utterances:
        raise RunError(f"{run_a.path} and {run_b.path}: no utterance was predicted by {system.label} of both")
    labels = run_a.results["labels"]
    arrays = {name: to_arrays(labels, utterances, by_seed) for name, by_seed in predicted.items()}
    for metric in METRICS:
        yield {"system": system.label, "n": len(utterances), "seeds": seeds} | compare(a, b, arrays, metric)


def _unique_names(runs: Sequence[RunFolder]) -> dict[str, RunFolder]:
    """Return runs by name, or, where names repeat, by folder."""
    for names in ([run.name for run in runs], [str(run.path) for run in runs]):
        if len(set(names)) == len(runs):
            return dict(zip(names, runs, strict=True))
    raise RunError(f"{runs[0].path}: a run is named twice; compare different ones")


def _shared_systems(runs: Sequence[RunFolder], wanted: Sequence[str]) -> tuple[System, ...]:
    """Return the systems with these labels; if none is wanted, the trained ones that all runs have."""
    for label in wanted:
        for run in runs:
            if label not in run.results["systems"]:
                raise RunError(f"{run.path}: has no system {label!r}; it has {_labels(run)}")
    trained = [s for s in runs[0].systems if s.trained and all(s in run.systems for run in runs)]
    if not trained:
        raise RunError("the runs share no system: " + "; ".join(f"{run.name} has {_labels(run)}" for run in runs))
    return tuple(dict.fromkeys(map(System.from_label, wanted))) or tuple(trained)


def _labels(run: RunFolder) -> str:
    return ", ".join(system.label for system in run.systems)


def _refuse_unlike(first: RunFolder, other: RunFolder) -> None:
    """Refuse two runs that cannot be compared, and say in what they differ."""
    pair = f"{first.path} and {other.path} cannot be compared"
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
