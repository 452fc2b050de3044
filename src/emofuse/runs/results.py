"""From the predictions of complete jobs to one set of results."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.labels import label_counts
from emofuse.data.splits import folds_document
from emofuse.evaluation.pictures import confusion_picture
from emofuse.evaluation.scored import Scored
from emofuse.evaluation.scores import METRICS, confusion_text
from emofuse.evaluation.summary import adjust, compare, late_fusion, summarise
from emofuse.runs.additional_results import (
    agreement,
    dimensions,
    missing,
    recognition,
    several_labels,
    text_cells,
    votes,
)
from emofuse.runs.calibration_results import trust
from emofuse.runs.run_folder import Run, common_truth, scored_of
from emofuse.runs.signature import run_signature
from emofuse.runs.stored_predictions import tested_by, write_truth
from emofuse.types import Finding, Fold, SystemName, Task

# What is compared with what; `late` is the late fusion of the systems audio and text, the reference for fusion.
COMPARED = (("fusion", "audio"), ("fusion", "text"), ("fusion", "late"), ("late", "audio"), ("late", "text"))
NOT_SPOKEN = (
    "words and voices were put together here: given the label they are independent, so that these utterances "
    "cannot tell whether attention beats concatenation, and no figure is one of conversation"
)
# What a system is called once its speakers' own statistics are taken out: it has heard the test part.
ADAPTED = "{system}+speaker-norm"


def collect(run: Run) -> dict[str, Any]:
    """Pool the predictions of complete jobs, over the utterances that every system scored.

    Raises:
        CorpusError: no utterance was scored by all systems.
    """
    recipe = run.recipe
    predicted = {(system, seed): run.rows(system, seed) for system in run.systems for seed in recipe.seeds}
    truth = common_truth(run.corpus, predicted.values())
    scored: dict[str, Scored] = {
        system: scored_of(run, [predicted[system, seed] for seed in recipe.seeds], truth) for system in run.systems
    }
    everything = _with_late_fusion(scored) | _adapted(run, truth)
    systems = _systems(run, scored, everything, truth)
    write_truth(run.out, tested_by(run.corpus, run.folds))
    results = _settings(run, truth) | {
        "systems": systems,
        "baselines": _baselines(run, truth),
        "text_cells": text_cells(run, truth),
        "recognition": recognition(run, truth),
        "comparisons": [
            *_compared(COMPARED, everything),
            *_compared([(ADAPTED.format(system=system), system) for system in run.systems], everything),
        ],
        "audit": {
            "findings": [_shortened(found) for found in run.findings],
            "accepted": list(run.accepted),
        },
        "skipped": [asdict(skip) for skip in run.skips()],
        "cost": {"encoder_forwards": None, "cache_hits": None, "wall_s": None, "peak_rss_mb": _peak_rss_mb()},
        "looks": None,
        "notes": [NOT_SPOKEN] if any(found.code == "text-not-spoken" for found in run.findings) else [],
    }
    texts = [u.text_source for u in run.corpus if u.id in truth]
    return results | {"signature": str(run_signature(recipe, results, run.folds, texts))}


def _settings(run: Run, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return what was run on what: the part of the results that no answer changes."""
    recipe = run.recipe
    return {
        "corpus": run.corpus.name,
        "protocol": recipe.protocol,
        "text_independent": recipe.text_independent,
        "only": recipe.only,
        "selection": recipe.selection,
        "n_utterances": len({i for fold in run.folds for i in fold.test}),
        "labels": list(run.task.labels),
        "label_counts": label_counts(run.wanted, run.corpus, recipe.agreement),
        "votes": votes(run),
        "folds": [_describe(fold) for fold in run.folds],
        "folds_unscored": [fold.name for fold in run.folds if not set(fold.test) & set(truth)],
        "folds_hash": folds_document(run.folds)["hash"],
        "seeds": list(recipe.seeds),
        "word_vectors": _word_vectors(recipe),
        "text_source": recipe.text.source,
    }


def _systems(
    run: Run, trained: Mapping[str, Scored], everything: Mapping[str, Scored], truth: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figures of every system, the trained ones with what only their jobs can tell, and draw them."""
    systems: dict[str, Any] = {system: _summary(run, system, trained[system], truth) for system in run.systems}
    systems |= {name: summarise(figures) for name, figures in everything.items() if name not in trained}
    adapted = {ADAPTED.format(system=system) for system in run.systems}
    for name, figures in systems.items():
        figures["transductive"] = name in adapted
        _draw(run.out, name, figures, run.task)
    return systems


def _compared(pairs: Sequence[tuple[str, str]], systems: Mapping[str, Scored]) -> list[dict[str, Any]]:
    """Compare pairs of systems, as far as both are there, as one family of tests."""
    there = [(a, b) for a, b in pairs if a in systems and b in systems]
    return adjust([compare(a, b, systems, metric) for a, b in there for metric in METRICS])


def _with_late_fusion(scored: Mapping[str, Scored]) -> dict[str, Scored]:
    """Add the late fusion of the unimodal systems, which needs no training, where both are there."""
    everything = dict(scored)
    if "audio" in scored and "text" in scored:
        chances = late_fusion(scored["audio"].probabilities, scored["text"].probabilities)
        everything["late"] = replace(scored["audio"], probabilities=chances)
    return everything


def _adapted(run: Run, truth: Mapping[str, str]) -> dict[str, Scored]:
    """Return what systems say once speakers are taken out, by a name of its own, where the recipe wants that."""
    if not run.recipe.speaker_norm:
        return {}
    return {
        ADAPTED.format(system=system): scored_of(
            run, [run.rows(system, seed, layout.SPEAKER_NORM) for seed in run.recipe.seeds], truth
        )
        for system in run.systems
    }


def _summary(run: Run, system: SystemName, scored: Scored, truth: Mapping[str, str]) -> dict[str, Any]:
    said = [
        dict(zip(scored.ids, (scored.labels[i] for i in answers), strict=True)) for answers in scored.predicted
    ]
    return summarise(scored) | {
        "agreement": agreement(run, system, said, truth),
        "without_modality": run.without_modality(system),
        "missing": missing(run, system, truth) if system == "fusion" else None,
        "multi_label": several_labels(run, system, truth),
        "dimensions": dimensions(run, system, truth),
        "calibration": trust(run, system, scored),
    }


def _baselines(run: Run, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return the figures of the baselines, each over the utterances that it answered."""
    found = {}
    for name, answers in run.baselines.items():
        there = {i: label for i, label in truth.items() if i in answers}
        rows = {i: {"probabilities": dict(zip(run.task.labels, answers[i], strict=True))} for i in there}
        found[name] = summarise(scored_of(run, [rows], there))
    return found


def _shortened(found: Finding) -> dict[str, Any]:
    """Return a finding without the ids of its utterances: `emofuse audit` lists them."""
    return {key: value for key, value in asdict(found).items() if key != "utterances"}


def _word_vectors(recipe: Recipe) -> str | None:
    """Return what word embeddings began with: a file, or "learnt"; None with a pre-trained text encoder."""
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


def _draw(out: Path, system: str, summary: dict[str, Any], task: Task) -> None:
    stem, ending = layout.CONFUSION_TEXT.split(".")
    text = confusion_text(summary["confusion"], task.labels)
    layout.write_text(out / f"{stem}-{system}.{ending}", text)
    picture = out / f"{stem}-{system}.{layout.CONFUSION_PICTURE.split('.')[1]}"
    confusion_picture(summary["confusion"], task.labels, f"{system}, UA {summary['ua']['mean']:.3f}", picture)


def _peak_rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
