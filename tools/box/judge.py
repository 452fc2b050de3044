"""Figures of the voice, corpus by corpus: over all labels, and over those that the corpus has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus import EMOTIONAL, LABELS_OF

from emofuse.evaluation.runs import FinishedRun, read_run
from emofuse.evaluation.summary import summarise
from emofuse.evaluation.tested import Answers, Tested, pool

VOICE, REFERENCE = "audio", "baseline-audio"
ADAPTED = "+speaker-norm"


def judge_run(folder: Path, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return corpus -> system -> figures of a finished cross-validation, for the voice and its reference."""
    run = read_run(folder)
    found = {}
    for name in EMOTIONAL:
        tested = [one for one in run.truth if one.session == name]
        if tested:
            found[name] = {system: judge(run.answers(system, seed), tested, name) for system in _systems(run)}
    return found


def judge(answers: Answers, tested: Sequence[Tested], corpus: str) -> dict[str, Any]:
    """Return UA with its interval over all labels (`open`) and over the corpus's own (`restricted`), and n."""
    labels = LABELS_OF[corpus]
    everything = sorted({label for one in answers.values() for label in one})
    said = [one for one in tested if one.id in answers]
    whole = summarise(pool(everything, said, [answers]))
    closed = summarise(pool(labels, said, [_restricted(answers, labels)]))
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


def _systems(run: FinishedRun) -> Iterable[str]:
    present = run.results["systems"]
    return [name for base in (VOICE, REFERENCE) for name in (base, base + ADAPTED) if name in present]


def _restricted(answers: Answers, labels: Sequence[str]) -> Answers:
    """Leave labels out, and let the others share what is there."""
    kept = {identity: {label: chances[label] for label in labels} for identity, chances in answers.items()}
    return {i: {label: value / sum(c.values()) for label, value in c.items()} for i, c in kept.items()}


def _headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    ua = figures["ua"]
    return {"ua": ua["mean"], "ci95": ua["ci95"]}
