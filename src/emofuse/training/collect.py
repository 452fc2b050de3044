"""From the predictions of complete jobs to one set of results."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.labels import agreement_class, dropped_mass, label_counts, label_shares
from emofuse.data.sources import kinds_of
from emofuse.data.splits import folds_document
from emofuse.errors import CorpusError
from emofuse.evaluation.evaluate import METRICS, compare, confusion_text, evaluate_labels, summarise
from emofuse.evaluation.metrics import soft_cross_entropy
from emofuse.evaluation.report import confusion_picture
from emofuse.training.job import read_predictions, read_skips
from emofuse.types import Corpus, Evaluation, Finding, Fold, Skip, SystemName, Task

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

    def rows(self, name: str, seed: int, file: str = layout.PREDICTIONS) -> Rows:
        """Return the predictions of a system and seed over all folds."""
        found: Rows = {}
        for fold in self.folds:
            folder = layout.job_folder(self.out, fold.index, seed, name)
            if (folder / file).is_file():  # only some folds have utterances without a label
                found |= read_predictions(folder, file)
        return found


def collect(run: Run) -> dict[str, Any]:
    """Pool the predictions of complete jobs, over the utterances that every system scored.

    Raises:
        CorpusError: no utterance was scored by all systems.
    """
    recipe, task = run.recipe, run.task
    predicted = {(system, seed): run.rows(system, seed) for system in run.systems for seed in recipe.seeds}
    truth = _common_truth(run.corpus, predicted)
    summaries: dict[str, dict[str, Any]] = {
        system: _summary(run, system, predicted, truth) for system in run.systems
    }
    for system in run.systems:
        _draw(run.out, system, summaries[system], task)
    return {
        "corpus": run.corpus.name,
        "protocol": recipe.protocol,
        "text_independent": recipe.text_independent,
        "only": recipe.only,
        "selection": recipe.selection,
        "n_utterances": len({i for fold in run.folds for i in fold.test}),
        "labels": list(task.labels),
        "label_counts": label_counts(run.wanted, run.corpus, recipe.agreement),
        "votes": _votes(run),
        "folds": [_describe(fold) for fold in run.folds],
        "folds_unscored": [fold.name for fold in run.folds if not set(fold.test) & set(truth)],
        "folds_hash": folds_document(run.folds)["hash"],
        "seeds": list(recipe.seeds),
        "word_vectors": _word_vectors(recipe),
        "text_source": recipe.text.source,
        "systems": summaries,
        "text_cells": _text_cells(run, truth),
        "comparisons": [
            compare(a, b, summaries, metric)
            for a, b in (("fusion", "audio"), ("fusion", "text"))
            if a in summaries and b in summaries
            for metric in METRICS
        ],
        "audit": {
            "findings": [_shortened(found) for found in run.findings],
            "accepted": list(run.accepted),
        },
        "skipped": [asdict(skip) for skip in _skips(run)],
        "cost": {"encoder_forwards": None, "cache_hits": None, "wall_s": None, "peak_rss_mb": _peak_rss_mb()},
        "looks": None,
    }


def _common_truth(corpus: Corpus, predicted: Mapping[tuple[SystemName, int], Rows]) -> dict[str, str]:
    """Return id -> label of the test utterances that every system and seed scored."""
    common = set.intersection(*map(set, predicted.values()))
    if not common:
        raise CorpusError(
            "no test utterance could be read by every system; see the skipped ones in the job folders"
        )
    return {u.id: str(u.label) for u in corpus if u.id in common}


def _summary(
    run: Run, system: SystemName, predicted: Mapping[tuple[SystemName, int], Rows], truth: Mapping[str, str]
) -> dict[str, Any]:
    labels = run.task.labels
    said = [_labels(predicted[system, seed]) for seed in run.recipe.seeds]
    pooled = [evaluate_labels(truth, seed, labels) for seed in said]
    by_fold = [list(_fold_evaluations(run.folds, truth, seed, run.task)) for seed in said]
    scored = [fold.index for fold in run.folds if set(fold.test) & set(truth)]
    return summarise(pooled, by_fold, scored) | {
        "agreement": _agreement(run, system, said, truth),
        "without_modality": _without_modality(run, system),
    }


def _labels(rows: Rows) -> dict[str, str]:
    return {identity: row["label"] for identity, row in rows.items()}


def _fold_evaluations(
    folds: Sequence[Fold], truth: Mapping[str, str], predicted: Mapping[str, str], task: Task
) -> Iterator[Evaluation]:
    for fold in folds:
        part = {i: truth[i] for i in fold.test if i in truth}
        if part:
            yield evaluate_labels(part, predicted, task.labels)


def _agreement(
    run: Run, system: SystemName, said: Sequence[Mapping[str, str]], truth: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return UA by how far raters agreed, and the cross-entropy against the votes where they came to no label."""
    classes = {u.id: agreement_class(u) for u in run.corpus if u.id in truth}
    if not any(classes.values()):
        return None
    found: dict[str, Any] = {}
    for name in ("unanimous", "majority", "plurality"):
        part = {i: truth[i] for i in truth if classes[i] == name}
        scores = [evaluate_labels(part, seed, run.task.labels) for seed in said] if part else []
        ua = float(np.mean([score.ua for score in scores])) if scores else None
        found[name] = {
            "n": len(part),
            "ua": ua,
            "missing_classes": list(scores[0].missing_classes) if scores else [],
        }
    return found | {"undecided": _undecided(run, system)}


def _undecided(run: Run, system: SystemName) -> dict[str, Any]:
    by_id = {u.id: u for u in run.corpus}
    losses = []
    for seed in run.recipe.seeds:
        for identity, row in run.rows(system, seed, layout.UNDECIDED).items():
            shares = label_shares(by_id[identity], run.task, soft=True)
            chances = [row["probabilities"][label] for label in run.task.labels]
            losses.append(soft_cross_entropy(np.array([chances]), np.array([shares])))
    n = len(losses) // len(run.recipe.seeds)
    return {"n": n, "cross_entropy": float(np.mean(losses)) if losses else None}


def _votes(run: Run) -> dict[str, Any] | None:
    """Return how many utterances have votes, and which share of these is for labels outside the task."""
    masses = [mass for u in run.corpus if u.label is not None and (mass := dropped_mass(u, run.task)) is not None]
    return {"with_votes": len(masses), "dropped_mass": float(np.mean(masses))} if masses else None


def _text_cells(run: Run, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return, for systems that read, how each fares that learnt from one kind of text and is tested on another."""
    kinds = sorted(kinds_of(run.corpus.select(truth)), reverse=True)
    readers = [system for system in run.systems if system != "audio"]
    if len(kinds) < 2 or not readers:
        return None
    trained = {"gold": "", "asr": "-asr"} if run.recipe.text.cells else {run.recipe.text.source: ""}
    return {
        system: {
            learnt: {tested: _cell(run, system + ending, learnt, tested, truth) for tested in kinds}
            for learnt, ending in trained.items()
        }
        for system in readers
    }


def _cell(run: Run, name: str, learnt: str, tested: str, truth: Mapping[str, str]) -> dict[str, Any]:
    file = layout.PREDICTIONS if learnt == tested else layout.OTHER_TEXT.format(source=tested)
    scores = [
        evaluate_labels(truth, _labels(run.rows(name, seed, file)), run.task.labels) for seed in run.recipe.seeds
    ]
    return {metric: float(np.mean([getattr(score, metric) for score in scores])) for metric in METRICS}


def _shortened(found: Finding) -> dict[str, Any]:
    """Return a finding without the ids of its utterances: `emofuse audit` lists them."""
    return {key: value for key, value in asdict(found).items() if key != "utterances"}


def _skips(run: Run) -> list[Skip]:
    """Return what any job left out, each utterance once."""
    found = {
        skip.id: skip
        for fold in run.folds
        for seed in run.recipe.seeds
        for system in run.systems
        for skip in read_skips(layout.job_folder(run.out, fold.index, seed, system))
    }
    return [found[identity] for identity in sorted(found)]


def _word_vectors(recipe: Recipe) -> str | None:
    """Return what word embeddings began with: a file, or "learnt"; None with a pre-trained text encoder."""
    if recipe.text.encoder is not None:
        return None
    return Path(recipe.text.vectors).name if recipe.text.vectors else "learnt"


def _without_modality(run: Run, system: SystemName) -> int:
    """Count the test utterances of which a system got nothing: it answered them by its prior alone."""
    places = (layout.job_folder(run.out, fold.index, run.recipe.seeds[0], system) for fold in run.folds)
    documents = (json.loads((place / layout.METRICS).read_text(encoding="utf-8")) for place in places)
    return sum(document["without_modality"] for document in documents)


def _describe(fold: Fold) -> dict[str, Any]:
    return {
        "index": fold.index,
        "name": fold.name,
        "train": len(fold.train),
        "validation": len(fold.validation),
        "test": len(fold.test),
        "purged": len(fold.purged),
        "validation_unit": fold.validation_unit,
    }


def _draw(out: Path, system: str, summary: dict[str, Any], task: Task) -> None:
    stem, ending = layout.CONFUSION_TEXT.split(".")
    text = confusion_text(summary["confusion"], task.labels)
    layout.write_text(out / f"{stem}-{system}.{ending}", text)
    picture = out / f"{stem}-{system}.{layout.CONFUSION_PICTURE.split('.')[1]}"
    confusion_picture(summary["confusion"], task.labels, f"{system}, UA {summary['ua']['mean']:.3f}", picture)


def _peak_rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
