"""The settings that a final training takes from a cross-validation: its epochs and its calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.splits import corpus_hash
from emofuse.errors import RunError
from emofuse.evaluation.calibration import (
    PATTERNS,
    Calibration,
    Pattern,
    fit_temperature,
    pattern_of,
    probabilities,
)
from emofuse.runs.job_folder import JobFolder
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.stored_predictions import StoredPrediction
from emofuse.runs.system import System
from emofuse.training.fit_calibration import priors_of, with_thresholds
from emofuse.types import MODALITIES, Corpus, SystemName, Task


@dataclass(frozen=True)
class RunSettings:
    """What a final training takes from a run.

    Attributes:
        epochs: the mean of the best epochs of its folds; the recipe's number if nothing was validated.
        calibration: fitted on the pooled out-of-fold predictions.
    """

    epochs: int
    calibration: Calibration


def settings_from_run(path: Path, name: SystemName, recipe: Recipe, corpus: Corpus, task: Task) -> RunSettings:
    """Take epochs, temperatures and threshold from the out-of-fold predictions of a finished run.

    Args:
        path: the folder of a cross-validation.
        name: of one of its systems.
        recipe: of the final training; its `calibration` has the target accuracy and coverage.
        corpus: of the run, under the label policy.
        task: the labels.

    Raises:
        RunError: the run is not finished, lacks the system, has other labels, was run on another manifest, or was
            made before logits were stored.
    """
    run, system = RunFolder.open(path), System(name)
    labels = run.results["labels"]
    if system not in run.systems:
        raise RunError(f"{path}: has no system {name!r}; it has {', '.join(each.label for each in run.systems)}")
    if labels != list(task.labels):
        raise RunError(f"{path}: predicts {', '.join(labels)}, and the recipe {', '.join(task.labels)}")
    if run.corpus_hash != corpus_hash(corpus):
        raise RunError(f"{path}: was run on another manifest; its labels, texts, spans or files have changed")
    seeds = run.results["seeds"]
    jobs = [run.job(system, fold.index, seed) for fold in run.folds for seed in seeds]
    epochs = [epoch for job in jobs if (epoch := job.best_epoch()) is not None]
    labelled = [u for u in corpus if u.label is not None]
    priors = dict.fromkeys(task.labels, 0.0) | priors_of(labelled, recipe.training.balance)
    calibration = Calibration(priors=priors)
    if not task.multi_label:
        truth = {u.id: task.labels.index(str(u.label)) for u in labelled}
        calibration = _fit_calibration(jobs, truth, recipe, task, calibration)
    return RunSettings(max(1, round(sum(epochs) / len(epochs))) if epochs else recipe.training.epochs, calibration)


def _fit_calibration(
    jobs: Sequence[JobFolder], truth: Mapping[str, int], recipe: Recipe, task: Task, calibration: Calibration
) -> Calibration:
    """Fit temperatures, threshold and prediction sets to the logits of all jobs together; keep the priors."""
    pooled: dict[Pattern, tuple[list[list[float]], list[int]]] = {}
    for pattern in PATTERNS:
        rows = [
            (stored.logits_of(task.labels), truth[identity])
            for job in jobs
            for identity, stored in sorted(_with_pattern(job, pattern).items())
            if identity in truth
        ]
        if rows:
            pooled[pattern] = [logits for logits, _ in rows], [label for _, label in rows]
    if not pooled:
        raise RunError(f"{jobs[0].path.parents[2]}: was run on other utterances than the manifest has")
    temperatures = {
        pattern: fit_temperature(np.array(logits), np.array(labels))
        for pattern, (logits, labels) in pooled.items()
    }
    full = max(pooled, key=len)  # "audio+text" if the system takes both
    logits, labels = (np.array(column) for column in pooled[full])
    calibrated = probabilities(logits / temperatures[full])
    return with_thresholds(Calibration(temperatures, priors=calibration.priors), calibrated, labels, recipe)


def _with_pattern(job: JobFolder, pattern: Pattern) -> dict[str, StoredPrediction]:
    """Return the predictions of a job under a modality pattern, each utterance once."""
    by_id: dict[str, StoredPrediction] = {}  # an utterance that lacks a modality is in two files
    files = [layout.PREDICTIONS, *(layout.WITHOUT.format(modality=modality) for modality in MODALITIES)]
    for file in files:
        if job.has(file):
            stored = job.predictions(file)
            by_id |= {i: each for i, each in stored.items() if pattern_of(each.prediction.modalities) == pattern}
    return by_id
