"""From the predictions of complete jobs to one set of results."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from emofuse import layout
from emofuse.config import Recipe
from emofuse.data.labels import agreement_class, dropped_mass, label_counts, label_shares
from emofuse.data.sources import GOLD, RECOGNISED, kinds_of, read_as
from emofuse.data.splits import folds_document
from emofuse.data.text import strip_annotations
from emofuse.errors import CorpusError
from emofuse.evaluation.evaluate import METRICS, confusion_text, evaluate_labels
from emofuse.evaluation.metrics import soft_cross_entropy
from emofuse.evaluation.report import confusion_picture
from emofuse.evaluation.scored import Scored
from emofuse.evaluation.summary import adjust, compare, late_fusion, summarise
from emofuse.evaluation.wer import WordErrorRate, word_error_rate, word_error_rates
from emofuse.training.answers import read_predictions, read_skips
from emofuse.types import MODALITIES, Corpus, Finding, Fold, Skip, SystemName, Task, Utterance

# Predictions of one system and seed, by utterance id, as they stand in the job folders.
Rows: TypeAlias = dict[str, dict[str, Any]]
# What is compared with what; `late` is the late fusion of the systems audio and text, the reference for fusion.
COMPARED = (("fusion", "audio"), ("fusion", "text"), ("fusion", "late"), ("late", "audio"), ("late", "text"))
# What a system is called once its speakers' own statistics are taken out: it has heard the test part, without labels.
ADAPTED = "{system}+speaker-norm"


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
    scored: dict[str, Scored] = {
        system: _scored(run, [predicted[system, seed] for seed in recipe.seeds], truth) for system in run.systems
    }
    systems: dict[str, Any] = {system: _summary(run, system, scored[system], truth) for system in run.systems}
    everything = _with_late_fusion(scored)
    everything |= (adapted := _adapted(run, truth))
    systems |= {name: summarise(figures) for name, figures in everything.items() if name not in scored}
    for name in systems:
        systems[name]["transductive"] = name in adapted
    for name, figures in systems.items():
        _draw(run.out, name, figures, task)
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
        "systems": systems,
        "text_cells": _text_cells(run, truth),
        "recognition": _recognition(run, truth),
        "comparisons": adjust(
            [
                compare(a, b, everything, metric)
                for a, b in (*COMPARED, *((ADAPTED.format(system=system), system) for system in run.systems))
                if a in everything and b in everything
                for metric in METRICS
            ]
        ),
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


def _scored(run: Run, seeds: Sequence[Rows], truth: Mapping[str, str]) -> Scored:
    """Put what the seeds of a system say of some utterances into arrays."""
    index = {label: number for number, label in enumerate(run.task.labels)}
    tested = {identity: fold.index for fold in run.folds for identity in fold.test}
    utterances = [u for u in run.corpus if u.id in truth]
    chances = [[[rows[u.id]["probabilities"][label] for label in index] for u in utterances] for rows in seeds]
    return Scored(
        labels=run.task.labels,
        ids=tuple(u.id for u in utterances),
        truth=np.array([index[truth[u.id]] for u in utterances], dtype=np.int64),
        probabilities=np.array(chances, dtype=np.float64),
        folds=np.array([tested[u.id] for u in utterances], dtype=np.int64),
        speakers=tuple(u.speaker for u in utterances),
        sessions=tuple(u.session for u in utterances),
        groups=_groups(utterances),
    )


def _groups(utterances: Sequence[Utterance]) -> dict[str, list[str | None]]:
    """Return what utterances are grouped by; attributes of one value or none are left out."""
    columns: dict[str, list[str | None]] = {
        "gender": [u.gender for u in utterances],
        "speaker": [u.speaker for u in utterances],
        "session": [u.session for u in utterances],
        "style": [u.tags.get("style") for u in utterances],
        "text_source": [u.text_source for u in utterances],
    }
    return {name: values for name, values in columns.items() if len(set(values) - {None}) > 1}


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
        ADAPTED.format(system=system): _scored(
            run, [run.rows(system, seed, layout.SPEAKER_NORM) for seed in run.recipe.seeds], truth
        )
        for system in run.systems
    }


def _summary(run: Run, system: SystemName, scored: Scored, truth: Mapping[str, str]) -> dict[str, Any]:
    said = [
        dict(zip(scored.ids, (scored.labels[i] for i in answers), strict=True)) for answers in scored.predicted
    ]
    return summarise(scored) | {
        "agreement": _agreement(run, system, said, truth),
        "without_modality": _without_modality(run, system),
        "missing": _missing(run, system, truth) if system == "fusion" else None,
    }


def _missing(run: Run, system: SystemName, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return how a system that hears and reads fares with one of the two taken away, where it can do without."""
    found: dict[str, Any] = {}
    for modality in MODALITIES:
        seeds = [run.rows(system, seed, layout.WITHOUT.format(modality=modality)) for seed in run.recipe.seeds]
        there = {i: label for i, label in truth.items() if all(i in rows for rows in seeds)}
        if there:
            scores = [evaluate_labels(there, _labels(rows), run.task.labels) for rows in seeds]
            figures = {metric: float(np.mean([getattr(s, metric) for s in scores])) for metric in METRICS}
            found[f"only {modality}"] = {"n": len(there)} | figures
    return found


def _labels(rows: Rows) -> dict[str, str]:
    return {identity: row["label"] for identity, row in rows.items()}


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


def _recognition(run: Run, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return how well speech was recognised, by label and gender, where there is gold and recognised text."""
    heard = [u for u in run.corpus.select(truth) if "text_not_spoken" not in u.tags and len(kinds_of([u])) > 1]
    if not heard:
        return None
    pairs = []
    for utterance in heard:
        said, recognised = (read_as(utterance, kind).text or "" for kind in (GOLD, RECOGNISED))
        pairs.append((strip_annotations(said), recognised))
    by = {"label": [u.label for u in heard], "gender": [u.gender for u in heard]}
    return {"all": _rate(word_error_rate(pairs))} | {
        name: {value: _rate(rate) for value, rate in word_error_rates(pairs, values).items()}
        for name, values in by.items()
    }


def _rate(found: WordErrorRate) -> dict[str, Any]:
    return {"wer": found.rate} | asdict(found)


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
