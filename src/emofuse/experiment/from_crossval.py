"""What a cross-validation teaches the model that is kept: how long to train, and how far to trust it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from emofuse.runs.stored_predictions import read_predictions
from emofuse.training.fit_calibration import decide, priors_of
from emofuse.types import MODALITIES, Corpus, SystemName, Task
from emofuse.types.arrays import Float64Array

# What a probability of zero is taken for: a temperature of 0.1 makes one of 1e-26 from logits that differ by six.
TINIEST = 1e-300


@dataclass(frozen=True)
class Lessons:
    """What is taken from a run.

    Attributes:
        epochs: the mean of the epochs that its folds chose; the recipe's where nothing was chosen.
        calibration: fitted on the pooled out-of-fold predictions.
        folds_hash: of the run.
    """

    epochs: int
    calibration: Calibration
    folds_hash: str


def learn_from(run: Path, system: SystemName, recipe: Recipe, corpus: Corpus, task: Task) -> Lessons:
    """Take epochs, temperatures and threshold from the out-of-fold predictions of a finished run.

    Args:
        run: the folder of a cross-validation.
        system: which of its systems.
        recipe: what is to be trained; its `calibration` says what to wish for.
        corpus: of the run, under the label policy.
        task: the labels.

    Raises:
        RunError: the run is not finished, has not that system, tells other labels, or was run on another manifest.
    """
    results = _read(run, layout.RESULTS)
    if system not in results["systems"]:
        raise RunError(f"{run}: has no system {system!r}; it has {', '.join(results['systems'])}")
    if results["labels"] != list(task.labels):
        raise RunError(f"{run}: tells {', '.join(results['labels'])}, and the recipe {', '.join(task.labels)}")
    if _read(run, layout.FOLDS).get("corpus_hash") != corpus_hash(corpus):
        raise RunError(f"{run}: was run on another manifest; its labels, texts, spans or files have changed")
    folders = [
        layout.job_folder(run, fold["index"], seed, system)
        for fold in results["folds"]
        for seed in results["seeds"]
    ]
    truth = {u.id: task.labels.index(u.label) for u in corpus if u.label is not None}
    try:
        epochs = [_chosen_epoch(folder) for folder in folders]
        labelled = [u for u in corpus if u.label is not None]
        priors = dict.fromkeys(task.labels, 0.0) | priors_of(labelled, recipe.training.balance)
        calibration = _calibration(folders, truth, recipe, task, priors)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"{run}: its job folders cannot be read ({error}); run it again with --resume") from error
    known = [epoch for epoch in epochs if epoch is not None]
    chosen = max(1, round(sum(known) / len(known))) if known else recipe.training.epochs
    return Lessons(chosen, calibration, results["folds_hash"])


def _read(run: Path, name: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((run / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{run}: is no finished cross-validation, it has no {name} to read") from error
    return document


def _chosen_epoch(folder: Path) -> int | None:
    """Return the epoch with the best validation UA, ties to the lower loss; None where nothing was validated."""
    lines = (folder / layout.HISTORY).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    seen = [record for record in records if record["validation"]["ua"] is not None]
    if not seen:
        return None
    best = max(seen, key=lambda r: (r["validation"]["ua"], -r["validation"]["loss"], -r["epoch"]))
    return int(best["epoch"])


def _calibration(
    folders: list[Path], truth: Mapping[str, int], recipe: Recipe, task: Task, shares: Mapping[str, float]
) -> Calibration:
    if task.multi_label:
        return Calibration(priors=shares)
    pooled = {pattern: rows for pattern in PATTERNS if (rows := list(_rows(folders, pattern, task, truth)))}
    if not pooled:
        raise RunError(f"{folders[0].parents[2]}: was run on other utterances than the manifest has")
    temperatures = {
        pattern: fit_temperature(np.array([logits for logits, _ in rows]), np.array([label for _, label in rows]))
        for pattern, rows in pooled.items()
    }
    full = max(pooled, key=len)  # "audio+text" where the system hears and reads
    logits, labels = (np.array(column) for column in zip(*pooled[full], strict=True))
    chances = probabilities(logits / temperatures[full])
    return decide(Calibration(temperatures, priors=shares), chances, labels, recipe)


def _rows(
    folders: list[Path], pattern: Pattern, task: Task, truth: Mapping[str, int]
) -> Iterator[tuple[Float64Array, int]]:
    """Yield uncalibrated logits and true labels of what was predicted under a modality pattern."""
    for folder in folders:
        own = Calibration.from_dict(
            json.loads((folder / layout.METRICS).read_text(encoding="utf-8"))["calibration"]
        )
        names = [layout.PREDICTIONS, *(layout.WITHOUT.format(modality=m) for m in MODALITIES)]
        found: dict[str, dict[str, Any]] = {}  # what lacks a modality anyway stands in two files
        for name in names:
            if (folder / name).is_file():
                rows = read_predictions(folder, name)
                found |= {i: row for i, row in rows.items() if pattern_of(row["modalities"]) == pattern}
        for identity in sorted(found.keys() & truth.keys()):
            row = found[identity]
            chances = np.array([row["probabilities"][label] for label in task.labels])
            # Probabilities are a softmax of logits over the temperature: their logarithm is it again.
            yield np.log(chances.clip(TINIEST)) * own.temperatures.get(pattern, 1.0), truth[identity]
