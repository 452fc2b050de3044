"""From the predictions of complete jobs to one set of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.labels import label_counts
from emofuse.data.splits import folds_document
from emofuse.evaluation.labelled_predictions import LabelledPredictions
from emofuse.evaluation.pictures import confusion_picture
from emofuse.evaluation.scores import METRICS, confusion_text
from emofuse.evaluation.summary import adjust, compare, late_fusion, summarise
from emofuse.peak_memory import peak_memory_mb
from emofuse.runs.additional_results import (
    agreement,
    dimension_scores,
    missing_modality,
    multilabel_results,
    recognition,
    text_cells,
    vote_counts,
)
from emofuse.runs.calibration_results import calibration_results
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.labelled_utterances import labelled_utterances, write_truth
from emofuse.runs.signature import run_signature, text_kinds
from emofuse.runs.system import AUDIO, FUSION, LATE, TEXT, System
from emofuse.runs.weak_systems import weak_systems
from emofuse.types import Finding, Fold, Task, schemas

# The pairs of systems that are compared; late fusion is the reference for fusion.
COMPARED = ((FUSION, AUDIO), (FUSION, TEXT), (FUSION, LATE), (LATE, AUDIO), (LATE, TEXT))
NOT_SPOKEN = (
    "words and voices were put together here: given the label they are independent, so that these utterances "
    "cannot tell whether attention beats concatenation, and no figure is one of conversation"
)


def collect(run: CompletedRun) -> dict[str, Any]:
    """Return the contents of `results.json`, over the utterances that every system predicted.

    Raises:
        CorpusError: no utterance was predicted by all systems.
        RunError: a job folder cannot be read, or was written before logits were stored.
    """
    recipe = run.recipe
    by_system = {system: run.seeds(system) for system in run.systems}
    truth = run.truth_of(seed for seeds in by_system.values() for seed in seeds)
    trained = {system: run.to_arrays(seeds, truth) for system, seeds in by_system.items()}
    adapted = {system: run.to_arrays(run.seeds(system), truth) for system in run.adapted}
    everything = _with_late_fusion(trained) | adapted
    write_truth(run.folder.path, labelled_utterances(run.corpus, run.folds))
    systems, baselines = _systems(run, everything, truth), _baselines(run, truth)
    not_spoken = any(finding.code == "text-not-spoken" for finding in run.findings)
    results = (
        {"schema": schemas.RESULTS}
        | _settings(run, truth)
        | {
            "systems": systems,
            "baselines": baselines,
            "text_cells": text_cells(run, truth),
            "recognition": recognition(run, truth),
            "comparisons": [
                *_compared(COMPARED, everything),
                *_compared([(system.with_speaker_norm(), system) for system in run.systems], everything),
            ],
            "audit": {
                "findings": [_without_ids(finding) for finding in run.findings],
                "accepted": list(run.accepted),
            },
            "skipped": [asdict(skip) for skip in run.skips()],
            "cost": {
                "encoder_forwards": None,
                "cache_hits": None,
                "wall_s": None,
                "peak_rss_mb": peak_memory_mb(),
            },
            "looks": None,
            "notes": [*([NOT_SPOKEN] if not_spoken else []), *weak_systems(systems, baselines)],
        }
    )
    return results | {"signature": str(run_signature(recipe, results, run.folds, run.folder.corpus_hash))}


def _settings(run: CompletedRun, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return what was run and on what: the part of the results that does not depend on predictions."""
    recipe = run.recipe
    return {
        "corpus": run.corpus.name,
        "protocol": recipe.protocol,
        "text_independent": recipe.text_independent,
        "only": recipe.only,
        "selection": recipe.selection,
        "n_utterances": len({i for fold in run.folds for i in fold.test}),
        "labels": list(run.task.labels),
        "label_counts": label_counts(run.raw_corpus, run.corpus, recipe.agreement),
        "votes": vote_counts(run),
        "folds": [_describe(fold) for fold in run.folds],
        "folds_unscored": [fold.name for fold in run.folds if not set(fold.test) & set(truth)],
        "folds_hash": folds_document(run.folds)["hash"],
        "seeds": list(recipe.seeds),
        "word_vectors": _word_vectors(recipe),
        "text_source": recipe.text.source,
        "text_kinds": text_kinds(u.text_source for u in run.corpus if u.id in truth and (u.text or "").strip()),
    }


def _systems(
    run: CompletedRun, everything: Mapping[System, LabelledPredictions], truth: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figures of every system by its label, and draw them."""
    figures: dict[str, Any] = {}
    for system, predictions in everything.items():
        summary = summarise(predictions)
        if system.trained:
            summary |= _details(run, system, predictions, truth)
        figures[system.label] = summary | {"transductive": system.adapted}
        _draw(run.folder.path, system.label, summary, run.task)
    return figures


def _compared(
    pairs: Sequence[tuple[System, System]], systems: Mapping[System, LabelledPredictions]
) -> list[dict[str, Any]]:
    """Compare those pairs of which both systems have predictions, as one family of tests."""
    labelled = {system.label: predictions for system, predictions in systems.items()}
    present = [(a.label, b.label) for a, b in pairs if a in systems and b in systems]
    return adjust([compare(a, b, labelled, metric) for a, b in present for metric in METRICS])


def _with_late_fusion(trained: Mapping[System, LabelledPredictions]) -> dict[System, LabelledPredictions]:
    """Add late fusion, which needs no training, if both unimodal systems are there."""
    everything = dict(trained)
    if all(part in trained for part in LATE.parts):
        audio, text = (trained[part] for part in LATE.parts)
        everything[LATE] = replace(audio, probabilities=late_fusion(audio.probabilities, text.probabilities))
    return everything


def _details(
    run: CompletedRun, system: System, predictions: LabelledPredictions, truth: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figures that only a system with jobs of its own has."""
    labels = [
        dict(zip(predictions.ids, (predictions.labels[i] for i in seed), strict=True))
        for seed in predictions.predicted
    ]
    return {
        "agreement": agreement(run, system, labels, truth),
        "without_modality": run.without_modality(system),
        "missing": missing_modality(run, system, truth) if system == FUSION else None,
        "multi_label": multilabel_results(run, system, truth),
        "dimensions": dimension_scores(run, system, truth),
        "calibration": calibration_results(run, system, predictions),
    }


def _baselines(run: CompletedRun, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return the figures of the baselines, each over the utterances that it predicted."""
    figures = {}
    for name, by_id in run.baselines.items():
        known = {i: label for i, label in truth.items() if i in by_id}
        probabilities = {i: dict(zip(run.task.labels, by_id[i], strict=True)) for i in known}
        figures[name] = summarise(run.to_arrays([probabilities], known))
    return figures


def _without_ids(finding: Finding) -> dict[str, Any]:
    """Return a finding without the ids of its utterances: `emofuse audit` lists them."""
    return {key: value for key, value in asdict(finding).items() if key != "utterances"}


def _word_vectors(recipe: Recipe) -> str | None:
    """Return where word embeddings come from: a file, or "learnt"; None with a pre-trained text encoder."""
    if recipe.text.encoder is not None:
        return None
    return Path(recipe.text.vectors).name if recipe.text.vectors else "learnt"


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


def _draw(out: Path, label: str, summary: dict[str, Any], task: Task) -> None:
    stem, ending = layout.CONFUSION_TEXT.split(".")
    text = confusion_text(summary["confusion"], task.labels)
    layout.write_text(out / f"{stem}-{label}.{ending}", text)
    picture = out / f"{stem}-{label}.{layout.CONFUSION_PICTURE.split('.')[1]}"
    confusion_picture(summary["confusion"], task.labels, f"{label}, UA {summary['ua']['mean']:.3f}", picture)
