"""What a final training takes from a cross-validation of the same recipe: the calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.splits import corpus_hash
from emofuse.errors import RunError
from emofuse.evaluation.calibration import PATTERNS, Calibration, Pattern, fit_temperature, pattern_of
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.stored_predictions import StoredPrediction
from emofuse.runs.system import System
from emofuse.training.fit_calibration import priors_of, with_thresholds
from emofuse.types import MODALITIES, Corpus, SystemName, Task
from emofuse.types.arrays import Float64Array, IntArray

# Keys of a recipe that may differ between a cross-validation and the final training: they change nothing that is
# trained, or say who is tested.
FREE_KEYS = ("seeds", "calibration", "protocol", "text_independent", "text.cells", "speaker_norm")


def calibration_from_run(path: Path, name: SystemName, recipe: Recipe, corpus: Corpus, task: Task) -> Calibration:
    """Fit a calibration to the out-of-fold predictions of a finished run, each utterance once.

    They are those of one seed, that of the final training or, if the run does not have it, its first: what is used
    is one network, and neither several nor their mean.

    Args:
        path: the folder of a cross-validation.
        name: of one of its systems.
        recipe: of the final training; its `calibration` has the target accuracy and coverage.
        corpus: of the run, under the label policy.
        task: the labels.

    Raises:
        RunError: the run is not finished, lacks the system, has other labels, was run on another manifest, by a
            recipe that trains in another way, or before logits were stored.
    """
    run, system = RunFolder.open(path), System(name)
    labels = run.results["labels"]
    if system not in run.systems:
        raise RunError(f"{path}: has no system {name!r}; it has {', '.join(each.label for each in run.systems)}")
    if labels != list(task.labels):
        raise RunError(f"{path}: predicts {', '.join(labels)}, and the recipe {', '.join(task.labels)}")
    if run.corpus_hash != corpus_hash(corpus):
        raise RunError(f"{path}: was run on another manifest; its labels, texts, spans or files have changed")
    _refuse_other_recipe(run, recipe)
    seeds = run.results["seeds"]
    seed = recipe.seeds[0] if recipe.seeds[0] in seeds else seeds[0]
    jobs = list(run.jobs(system, seed).values())
    labelled = [u for u in corpus if u.label is not None]
    priors = dict.fromkeys(task.labels, 0.0) | priors_of(labelled, recipe.training.balance)
    if task.multi_label:
        return Calibration(priors=priors)
    truth = {u.id: task.labels.index(str(u.label)) for u in labelled}
    temperatures = {
        pattern: fit_temperature(*_logits_and_truth(stored, task, truth))
        for pattern in PATTERNS
        if (stored := _predictions(jobs, truth, pattern))
    }
    return _with_thresholds(Calibration(temperatures, priors=priors), jobs, truth, recipe, task)


def _refuse_other_recipe(run: RunFolder, recipe: Recipe) -> None:
    """Refuse a recipe that trains in another way than the run did: its calibration would be of other models."""
    ran, wanted = (dict(_flat(each.as_dict())) for each in (run.recipe, recipe))
    free = tuple(f"{key}." for key in FREE_KEYS)
    differ = [key for key in wanted if ran.get(key) != wanted[key] and not f"{key}.".startswith(free)]
    if differ:
        key = differ[0]
        more = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
        raise RunError(
            f"{run.path}: was run with {key}: {ran.get(key)}, not {wanted[key]}{more}; "
            f"train with {run.path / layout.RECIPE}, or without --from"
        )


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested document, each under its whole key."""
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _with_thresholds(
    calibration: Calibration, jobs: Sequence[JobFolder], truth: Mapping[str, int], recipe: Recipe, task: Task
) -> Calibration:
    """Fit threshold and prediction sets to the predictions of all tested utterances, as `calibrate` does."""
    stored = _predictions(jobs, truth)
    if not stored:
        raise RunError(f"{jobs[0].path.parents[2]}: was run on other utterances than the manifest has")
    logits, labels = _logits_and_truth(stored, task, truth)
    patterns = [pattern_of(each.prediction.modalities) for each in stored.values()]
    return with_thresholds(calibration, calibration.apply(logits, patterns), labels, recipe)


def _logits_and_truth(
    stored: Mapping[str, StoredPrediction], task: Task, truth: Mapping[str, int]
) -> tuple[Float64Array, IntArray]:
    """Return the logits of predictions, (utterances, labels), and the true labels, (utterances,)."""
    logits = [each.logits_of(task.labels) for each in stored.values()]
    return np.array(logits, dtype=np.float64), np.array([truth[i] for i in stored], dtype=np.int64)


def _predictions(
    jobs: Sequence[JobFolder], truth: Mapping[str, int], pattern: Pattern | None = None
) -> dict[str, StoredPrediction]:
    """Return the predictions of labelled utterances, sorted by id: those of the test parts, or under a pattern."""
    stored: dict[str, StoredPrediction] = {}
    for job in jobs:
        stored |= job.predictions() if pattern is None else _with_pattern(job, pattern)
    return {identity: stored[identity] for identity in sorted(stored) if identity in truth}


def _with_pattern(job: JobFolder, pattern: Pattern) -> dict[str, StoredPrediction]:
    """Return the predictions of a job under a modality pattern, each utterance once."""
    by_id: dict[str, StoredPrediction] = {}  # an utterance that lacks a modality is in two files
    files = [layout.PREDICTIONS, *(layout.WITHOUT.format(modality=modality) for modality in MODALITIES)]
    for file in files:
        if job.has(file):
            stored = job.predictions(file)
            by_id |= {i: each for i, each in stored.items() if pattern_of(each.prediction.modalities) == pattern}
    return by_id
