"""What stands beside the headline: agreement of raters, missing modalities, texts, labels at once, dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.data.labels import agreement_class, dropped_mass, label_shares
from emofuse.data.text import strip_annotations
from emofuse.data.text_sources import GOLD, RECOGNISED, kinds_of, read_as
from emofuse.evaluation.metrics import concordance, soft_cross_entropy
from emofuse.evaluation.multilabel import multilabel_scores
from emofuse.evaluation.scores import METRICS, evaluate_labels
from emofuse.evaluation.word_errors import WordErrorRate, word_error_rate, word_error_rates
from emofuse.runs.run_folder import Rows, Run
from emofuse.types import MODALITIES, SystemName


def missing(run: Run, system: SystemName, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return how a system that hears and reads fares with one of the two taken away, where it can do without."""
    found: dict[str, Any] = {}
    for modality in MODALITIES:
        seeds = [run.rows(system, seed, layout.WITHOUT.format(modality=modality)) for seed in run.recipe.seeds]
        there = {i: label for i, label in truth.items() if all(i in rows for rows in seeds)}
        if there:
            scores = [evaluate_labels(there, labels_of(rows), run.task.labels) for rows in seeds]
            figures = {metric: float(np.mean([getattr(s, metric) for s in scores])) for metric in METRICS}
            found[f"only {modality}"] = {"n": len(there)} | figures
    return found


def labels_of(rows: Rows) -> dict[str, str]:
    """Return what was predicted, by id."""
    return {identity: row["label"] for identity, row in rows.items()}


def agreement(
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


def votes(run: Run) -> dict[str, Any] | None:
    """Return how many utterances have votes, and which share of these is for labels outside the task."""
    masses = [mass for u in run.corpus if u.label is not None and (mass := dropped_mass(u, run.task)) is not None]
    return {"with_votes": len(masses), "dropped_mass": float(np.mean(masses))} if masses else None


def text_cells(run: Run, truth: Mapping[str, str]) -> dict[str, Any] | None:
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
        evaluate_labels(truth, labels_of(run.rows(name, seed, file)), run.task.labels) for seed in run.recipe.seeds
    ]
    return {metric: float(np.mean([getattr(score, metric) for score in scores])) for metric in METRICS}


def recognition(run: Run, truth: Mapping[str, str]) -> dict[str, Any] | None:
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


def several_labels(run: Run, system: SystemName, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return F1 and balanced accuracy of every label, where each is told for itself; means over seeds."""
    if not run.task.multi_label:
        return None
    utterances = list(run.corpus.select(truth))
    wanted = np.array([label_shares(u, run.task, soft=False) for u in utterances]) > 0
    found = []
    for seed in run.recipe.seeds:
        rows = run.rows(system, seed)
        chances = [[rows[u.id]["probabilities"][label] for label in run.task.labels] for u in utterances]
        found.append(multilabel_scores(wanted, np.array(chances) > 0.5, run.task.labels))
    return _mean_of(found)


def dimensions(run: Run, system: SystemName, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the concordance (CCC) and the root mean squared error of each dimension, means over seeds."""
    if not run.task.dimensions:
        return None
    figures: dict[str, Any] = {}
    for name in run.task.dimensions:
        known = {
            u.id: u.dimensions[name] for u in run.corpus.select(truth) if u.dimensions and name in u.dimensions
        }
        wanted = np.array(list(known.values()), dtype=np.float64)
        found = []
        for seed in run.recipe.seeds:
            rows = run.rows(system, seed)
            told = np.array([rows[identity]["dimensions"][name] for identity in known], dtype=np.float64)
            rmse = float(np.sqrt(np.square(told - wanted).mean()))
            found.append({"ccc": concordance(wanted, told), "rmse": rmse})
        figures[name] = {"n": len(known)} | _mean_of(found)
    return figures


def _mean_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean of documents of one shape, number by number."""
    first = documents[0]
    return {
        key: _mean_of([one[key] for one in documents])
        if isinstance(value, Mapping)
        else float(np.mean([one[key] for one in documents]))
        for key, value in first.items()
    }
