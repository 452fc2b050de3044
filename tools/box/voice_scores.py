"""Figures of the voice, corpus by corpus: over all labels, and over those that the corpus has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus import EMOTIONAL, LABELS_OF

from emofuse.data.labels import apply_policy
from emofuse.evaluation.summary import summarise
from emofuse.experiment.baselines import run_baselines
from emofuse.runs.labelled_utterances import LabelledUtterance, ProbabilitiesById, to_arrays
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import AUDIO
from emofuse.types import Corpus, Fold

REFERENCE = "baseline-audio"


def score_run(folder: Path, corpus: Corpus, seed: int = 0, reference: bool = True) -> dict[str, dict[str, Any]]:
    """Return corpus -> system -> figures of a finished cross-validation.

    With `reference`, beside the voice stands logistic regression on functionals, on the same folds: trained on all
    corpora together, and from the one corpus alone.
    """
    run = RunFolder.open(folder)
    together = _reference(corpus, run.folds) if reference else {}
    found = {}
    for name in EMOTIONAL:
        tested = [one for one in run.truth if one.session == name]
        if not tested:
            continue
        voices = [system for system in (AUDIO, AUDIO.with_speaker_norm()) if system in run.systems]
        predicted: dict[str, ProbabilitiesById] = {voice.label: run.probabilities(voice, seed) for voice in voices}
        if reference:
            alone = _reference(_only(corpus, name), run.folds)
            predicted |= {REFERENCE: together, f"{REFERENCE}, alone": alone}
        available = {system: one for system, one in predicted.items() if any(t.id in one for t in tested)}
        found[name] = {system: score_corpus(one, tested, name) for system, one in available.items()}
    return found


def score_corpus(
    probabilities: ProbabilitiesById, tested: Sequence[LabelledUtterance], corpus: str
) -> dict[str, Any]:
    """Return UA with its interval over all labels (`open`) and over the corpus's own (`restricted`), and n."""
    labels = LABELS_OF[corpus]
    everything = sorted({*labels, *(label for one in probabilities.values() for label in one)})
    probabilities = {i: dict.fromkeys(everything, 0.0) | dict(one) for i, one in probabilities.items()}
    scored = [one for one in tested if one.id in probabilities]
    whole = summarise(to_arrays(everything, scored, [probabilities]))
    closed = summarise(to_arrays(labels, scored, [_restricted(probabilities, labels)]))
    return {
        "n": len(scored),
        "speakers": len({one.speaker for one in scored}),
        "labels": len(labels),
        "restricted": _headline(closed),
        "open": _headline(whole),
        "by_gender": {name: group for name, group in closed["groups"].items() if name == "gender"},
        "recall": {label: score["recall"] for label, score in closed["per_class"].items()},
        "confusion": closed["confusion"],
    }


def line_of(figures: Mapping[str, Any], kind: str = "restricted") -> str:
    """Return UA and its interval as a table has them."""
    found = figures[kind]
    if found["ci95"] is None:
        return f"{found['ua']:.3f}"
    return f"{found['ua']:.3f} ({found['ci95'][0]:.3f} - {found['ci95'][1]:.3f})"


def _only(corpus: Corpus, name: str) -> Corpus:
    return corpus.select(lambda u: u.session == name)


def _reference(corpus: Corpus, folds: Sequence[Fold]) -> ProbabilitiesById:
    """Return what logistic regression on functionals predicts of the test parts, trained on the rest."""
    labelled, task = apply_policy(corpus, "as-is")
    there = {u.id for u in labelled}
    cut = [
        replace(
            fold,
            train=tuple(i for i in fold.train if i in there),
            validation=tuple(i for i in fold.validation if i in there),
            test=tuple(i for i in fold.test if i in there),
        )
        for fold in folds
    ]
    useful = [fold for fold in cut if fold.train and fold.test]
    if not useful:
        return {}
    probabilities, _ = run_baselines(labelled, task, useful)
    return {i: dict(zip(task.labels, chances, strict=True)) for i, chances in probabilities[REFERENCE].items()}


def _restricted(probabilities: ProbabilitiesById, labels: Sequence[str]) -> ProbabilitiesById:
    """Leave labels out, and let the others share what is there."""
    kept = {identity: {label: chances[label] for label in labels} for identity, chances in probabilities.items()}
    return {i: {label: value / (sum(c.values()) or 1.0) for label, value in c.items()} for i, c in kept.items()}


def _headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    ua = figures["ua"]
    return {"ua": ua["mean"], "ci95": ua["ci95"]}
