"""Results beside the headline: agreement of raters, missing modalities, text sources, multi-label, dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.data.labels import agreement_class, dropped_mass, label_shares
from emofuse.data.text_sources import GOLD, RECOGNISED, kinds_of, use_transcript_of_kind
from emofuse.data.tokenization import strip_annotations
from emofuse.evaluation.metrics import concordance, soft_cross_entropy
from emofuse.evaluation.multilabel import multilabel_scores
from emofuse.evaluation.scores import evaluate_labels
from emofuse.evaluation.word_errors import WordErrorRate, word_error_rate, word_error_rates
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.mean_documents import mean_of
from emofuse.runs.stored_predictions import StoredPrediction
from emofuse.runs.system import System
from emofuse.types import MODALITIES, Evaluation


def missing_modality(run: CompletedRun, system: System, truth: Mapping[str, str]) -> dict[str, Any]:
    """Return the scores of a system of both modalities when it gets only one, if it was trained for that."""
    results: dict[str, Any] = {}
    for modality in MODALITIES:
        file = layout.WITHOUT.format(modality=modality)
        seeds = [run.folder.other_predictions(system, seed, file) for seed in run.recipe.seeds]
        known = {i: label for i, label in truth.items() if all(i in by_id for by_id in seeds)}
        if known:
            scores = [evaluate_labels(known, _labels_of(by_id), run.task.labels) for by_id in seeds]
            results[f"only {modality}"] = {"n": len(known)} | _mean_scores(scores)
    return results


def agreement(
    run: CompletedRun, system: System, predicted: Sequence[Mapping[str, str]], truth: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return UA by how far raters agreed, and the cross-entropy to the votes where they agreed on no label.

    Args:
        run: whose utterances have votes; None is returned if none has.
        system: whose predictions these are.
        predicted: the predicted labels of each seed.
        truth: the true labels.
    """
    classes = {u.id: agreement_class(u) for u in run.corpus if u.id in truth}
    if not any(classes.values()):
        return None
    results: dict[str, Any] = {}
    for name in ("unanimous", "majority", "plurality"):
        part = {i: truth[i] for i in truth if classes[i] == name}
        scores = [evaluate_labels(part, seed, run.task.labels) for seed in predicted] if part else []
        ua = float(np.mean([score.ua for score in scores])) if scores else None
        results[name] = {
            "n": len(part),
            "ua": ua,
            "missing_classes": list(scores[0].missing_classes) if scores else [],
        }
    return results | {"undecided": _undecided(run, system)}


def _undecided(run: CompletedRun, system: System) -> dict[str, Any]:
    by_id = {u.id: u for u in run.corpus}
    losses = []
    for seed in run.recipe.seeds:
        for identity, stored in run.folder.other_predictions(system, seed, layout.UNDECIDED).items():
            shares = label_shares(by_id[identity], run.task, soft=True)
            probabilities = _probabilities_of(stored, run.task.labels)
            losses.append(soft_cross_entropy(np.array([probabilities]), np.array([shares])))
    n = len(losses) // len(run.recipe.seeds)
    return {"n": n, "cross_entropy": float(np.mean(losses)) if losses else None}


def vote_counts(run: CompletedRun) -> dict[str, Any] | None:
    """Return how many utterances have votes, and which share of these is for labels outside the task."""
    masses = [mass for u in run.corpus if u.label is not None and (mass := dropped_mass(u, run.task)) is not None]
    return {"with_votes": len(masses), "dropped_mass": float(np.mean(masses))} if masses else None


def text_cells(run: CompletedRun, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the scores of systems that read text, by the kind of text in training and in the test."""
    kinds = sorted(kinds_of(run.corpus.select(truth)), reverse=True)
    readers = [system for system in run.systems if system.reads_text]
    if len(kinds) < 2 or not readers:
        return None
    cells: dict[str, Any] = {}
    for system in readers:
        networks = {run.recipe.text.source: system}
        if run.recipe.text.cells:
            networks = {"gold": system, "asr": System(system.name, "asr")}
        cells[system.label] = {
            trained: {tested: _cell(run, network, trained == tested, tested, truth) for tested in kinds}
            for trained, network in networks.items()
        }
    return cells


def _cell(
    run: CompletedRun, network: System, own_text: bool, tested: str, truth: Mapping[str, str]
) -> dict[str, Any]:
    file = layout.PREDICTIONS if own_text else layout.OTHER_TEXT.format(source=tested)
    seeds = [run.folder.other_predictions(network, seed, file) for seed in run.recipe.seeds]
    return _mean_scores([evaluate_labels(truth, _labels_of(by_id), run.task.labels) for by_id in seeds])


def recognition(run: CompletedRun, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the word error rate by label and gender, over utterances with gold and recognised text."""
    spoken = (u for u in run.corpus.select(truth) if "text_not_spoken" not in u.tags)
    both = [u for u in spoken if len(kinds_of([u])) > 1]
    if not both:
        return None
    pairs = []
    for utterance in both:
        reference, hypothesis = (use_transcript_of_kind(utterance, kind).text or "" for kind in (GOLD, RECOGNISED))
        pairs.append((strip_annotations(reference), hypothesis))
    by = {"label": [u.label for u in both], "gender": [u.gender for u in both]}
    return {"all": _rate(word_error_rate(pairs))} | {
        name: {value: _rate(rate) for value, rate in word_error_rates(pairs, values).items()}
        for name, values in by.items()
    }


def _rate(rate: WordErrorRate) -> dict[str, Any]:
    return {"wer": rate.rate} | asdict(rate)


def multilabel_results(run: CompletedRun, system: System, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return F1 and balanced accuracy of every label of a multi-label task; means over seeds."""
    if not run.task.multi_label:
        return None
    utterances = list(run.corpus.select(truth))
    expected = np.array([label_shares(u, run.task, soft=False) for u in utterances]) > 0
    scores = []
    for seed in run.recipe.seeds:
        stored = run.folder.predictions(system, seed)
        probabilities = [_probabilities_of(stored[u.id], run.task.labels) for u in utterances]
        scores.append(multilabel_scores(expected, np.array(probabilities) > 0.5, run.task.labels))
    return mean_of(scores)


def dimension_scores(run: CompletedRun, system: System, truth: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the concordance (CCC) and the root mean squared error of each dimension, means over seeds."""
    if not run.task.dimensions:
        return None
    scores: dict[str, Any] = {}
    for name in run.task.dimensions:
        rated = {
            u.id: u.dimensions[name] for u in run.corpus.select(truth) if u.dimensions and name in u.dimensions
        }
        expected = np.array(list(rated.values()), dtype=np.float64)
        by_seed = []
        for seed in run.recipe.seeds:
            stored = run.folder.predictions(system, seed)
            predicted = np.array([(stored[i].prediction.dimensions or {})[name] for i in rated], dtype=np.float64)
            rmse = float(np.sqrt(np.square(predicted - expected).mean()))
            by_seed.append({"ccc": concordance(expected, predicted), "rmse": rmse})
        scores[name] = {"n": len(rated)} | mean_of(by_seed)
    return scores


def _labels_of(by_id: Mapping[str, StoredPrediction]) -> dict[str, str]:
    return {identity: str(stored.prediction.label) for identity, stored in by_id.items()}


def _probabilities_of(stored: StoredPrediction, labels: Iterable[str]) -> list[float]:
    return [stored.prediction.probabilities[label] for label in labels]


def _mean_scores(scores: Sequence[Evaluation]) -> dict[str, float]:
    """Return the mean of each metric over seeds."""
    by_metric = {
        "wa": [score.wa for score in scores],
        "ua": [score.ua for score in scores],
        "macro_f1": [score.macro_f1 for score in scores],
    }
    return {metric: float(np.mean(values)) for metric, values in by_metric.items()}
