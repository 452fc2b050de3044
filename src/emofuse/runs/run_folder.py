"""A finished run: what its job folders say, as rows and as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from emofuse import layout
from emofuse.config import Recipe
from emofuse.errors import CorpusError
from emofuse.evaluation.calibration import Calibration
from emofuse.evaluation.scored import Scored
from emofuse.runs.stored_predictions import pool, read_predictions, tested_by
from emofuse.types import Corpus, Finding, Fold, Skip, SystemName, Task

# Predictions of one system and seed, by utterance id, as they stand in the job folders.
Rows: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """A run whose jobs are complete.

    Attributes:
        wanted: the corpus as it came, as far as the recipe wants it.
        corpus: the same, under the label policy.
        findings: what the audit found.
        accepted: codes of the findings that were to be gone on with.
        baselines: name -> utterance id -> probabilities in the order of the labels.
    """

    out: Path
    recipe: Recipe
    wanted: Corpus
    corpus: Corpus
    task: Task
    folds: tuple[Fold, ...]
    systems: tuple[SystemName, ...]
    findings: tuple[Finding, ...] = ()
    accepted: tuple[str, ...] = ()
    baselines: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def rows(self, name: str, seed: int, file: str = layout.PREDICTIONS) -> Rows:
        """Return the predictions of a system and seed over all folds."""
        found: Rows = {}
        for fold in self.folds:
            folder = layout.job_folder(self.out, fold.index, seed, name)
            if (folder / file).is_file():  # only some folds have utterances without a label
                found |= read_predictions(folder, file)
        return found

    def jobs(self, name: str, seed: int) -> dict[int, Path]:
        """Return the folders of a system and seed, by fold."""
        return {fold.index: layout.job_folder(self.out, fold.index, seed, name) for fold in self.folds}

    def calibrations(self, name: str, seed: int) -> dict[int, Calibration]:
        """Return what each job learnt of its confidence, by fold."""
        return {
            fold: Calibration.from_dict(read_metrics(job)["calibration"])
            for fold, job in self.jobs(name, seed).items()
        }

    def skips(self) -> list[Skip]:
        """Return what any job left out, each utterance once."""
        found = {
            skip.id: skip
            for seed in self.recipe.seeds
            for name in self._names()
            for job in self.jobs(name, seed).values()
            for skip in read_skips(job)
        }
        return [found[identity] for identity in sorted(found)]

    def _names(self) -> list[str]:
        """Return what the jobs are called: systems, and those that learnt from recognised text beside them."""
        again = [f"{system}-asr" for system in self.systems if system != "audio"]
        return [*self.systems, *(again if self.recipe.text.cells else ())]

    def without_modality(self, system: SystemName) -> int:
        """Count the test utterances of which a system got nothing: it answered them by its prior alone."""
        jobs = self.jobs(system, self.recipe.seeds[0]).values()
        return sum(read_metrics(job)["without_modality"] for job in jobs)


def read_metrics(job: Path) -> dict[str, Any]:
    """Return what a complete job wrote last."""
    document: dict[str, Any] = json.loads((job / layout.METRICS).read_text(encoding="utf-8"))
    return document


def common_truth(corpus: Corpus, predicted: Iterable[Rows]) -> dict[str, str]:
    """Return id -> label of the test utterances that every system and seed scored."""
    common = set.intersection(*map(set, predicted))
    if not common:
        raise CorpusError(
            "no test utterance could be read by every system; see the skipped ones in the job folders"
        )
    return {u.id: str(u.label) for u in corpus if u.id in common}


def scored_of(run: Run, seeds: Sequence[Rows], truth: Mapping[str, str]) -> Scored:
    """Put what the seeds of a system say of some utterances into arrays."""
    answers = [{identity: row["probabilities"] for identity, row in rows.items()} for rows in seeds]
    return pool(run.task.labels, [one for one in tested_by(run.corpus, run.folds) if one.id in truth], answers)


def is_complete(folder: Path) -> bool:
    """Tell whether a job has ended and its files can be read; a damaged one is done again."""
    try:
        read_predictions(folder)
        read_skips(folder)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


def read_skips(folder: Path) -> list[Skip]:
    """Return what a complete job left out."""
    document = json.loads((folder / layout.METRICS).read_text(encoding="utf-8"))
    return [Skip(**skip) for skip in document["skipped"]]
