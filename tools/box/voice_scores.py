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


def score_run(folder: Path, corpus: Corpus, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return corpus -> system -> figures of a finished cross-validation.

    Beside the voice stands logistic regression on functionals, on the same folds: learnt from all corpora
    together, and from the one corpus alone.
    """
    run = RunFolder.open(folder)
    together = _reference(corpus, run.folds)
    found = {}
    for name in EMOTIONAL:
        tested = [one for one in run.truth if one.session == name]
        if not tested:
            continue
        voices = [system for system in (AUDIO, AUDIO.with_speaker_norm()) if system in run.systems]
        said: dict[str, ProbabilitiesById] = {voice.label: run.probabilities(voice, seed) for voice in voices}
        said |= {REFERENCE: together, f"{REFERENCE}, alone": _reference(_only(corpus, name), run.folds)}
        answered = {system: answers for system, answers in said.items() if any(t.id in answers for t in tested)}
        found[name] = {system: score_corpus(answers, tested, name) for system, answers in answered.items()}
    return found


def score_corpus(answers: ProbabilitiesById, tested: Sequence[LabelledUtterance], corpus: str) -> dict[str, Any]:
    """Return UA with its interval over all labels (`open`) and over the corpus's own (`restricted`), and n."""
    labels = LABELS_OF[corpus]
    everything = sorted({*labels, *(label for one in answers.values() for label in one)})
    answers = {i: dict.fromkeys(everything, 0.0) | dict(one) for i, one in answers.items()}
    said = [one for one in tested if one.id in answers]
    whole = summarise(to_arrays(everything, said, [answers]))
    closed = summarise(to_arrays(labels, said, [_restricted(answers, labels)]))
    return {
        "n": len(said),
        "speakers": len({one.speaker for one in said}),
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
    """Return what functionals with logistic regression say of the test parts, learnt from what the corpus has."""
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
    answers, _ = run_baselines(labelled, task, useful)
    return {i: dict(zip(task.labels, chances, strict=True)) for i, chances in answers[REFERENCE].items()}


def _restricted(answers: ProbabilitiesById, labels: Sequence[str]) -> ProbabilitiesById:
    """Leave labels out, and let the others share what is there."""
    kept = {identity: {label: chances[label] for label in labels} for identity, chances in answers.items()}
    return {i: {label: value / (sum(c.values()) or 1.0) for label, value in c.items()} for i, c in kept.items()}


def _headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    ua = figures["ua"]
    return {"ua": ua["mean"], "ci95": ua["ci95"]}
