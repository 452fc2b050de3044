"""Figures of the box's fusion: against each modality and late fusion, with one missing, and its confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import emofuse
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.evaluation.calibration import fit_temperature, probabilities, undo_smoothing
from emofuse.evaluation.metrics import expected_calibration_error
from emofuse.evaluation.reliability import coverage_risk
from emofuse.evaluation.summary import compare, summarise
from emofuse.inference.recognizer import EmotionRecognizer
from emofuse.runs.labelled_utterances import LabelledUtterance, labelled_utterances, to_arrays
from emofuse.sound.clips import read_clip
from emofuse.types import Corpus, Fold, Modality, Utterance
from emofuse.types.arrays import Float64Array, IntArray

COVERAGE = 0.6
# How far below its lowest logit a label stands that a system was not trained on.
UNKNOWN = 10.0
# Which systems get what: name -> model, and the modalities that it gets.
SYSTEMS: dict[str, tuple[str, tuple[Modality, ...]]] = {
    "voice": ("voice", ("audio",)),
    "text": ("text", ("text",)),
    "fusion": ("fusion", ("audio", "text")),
    "fusion, text missing": ("fusion", ("audio",)),
    "fusion, audio missing": ("fusion", ("text",)),
}


@dataclass(frozen=True)
class SystemOutputs:
    """Utterances, and the logits of each system for them: (utterances, labels)."""

    utterances: tuple[Utterance, ...]
    labels: tuple[str, ...]
    logits: Mapping[str, Float64Array]

    @property
    def half(self) -> IntArray:
        """(utterances,), 0 or 1: on which half of the speakers an utterance stands."""
        speakers = sorted({(str(u.session), str(u.speaker)) for u in self.utterances})
        side = {speaker: place % 2 for place, (_, speaker) in enumerate(speakers)}
        return np.array([side[str(u.speaker)] for u in self.utterances])

    @property
    def truth(self) -> IntArray:
        """(utterances,), the label's index."""
        return np.array([self.labels.index(str(u.label)) for u in self.utterances])

    def tagged(self, name: str) -> npt.NDArray[np.str_]:
        """Return what each utterance has in a tag."""
        return np.array([u.tags[name] for u in self.utterances])

    def without(self, smoothing: float) -> SystemOutputs:
        """Return the logits as of systems that were trained without label smoothing."""
        undone = {system: undo_smoothing(values, smoothing) for system, values in self.logits.items()}
        return replace(self, logits=undone)

    def save(self, path: Path) -> None:
        """Write utterances, and beside them the logits."""
        save_corpus(Corpus(self.utterances), path.with_suffix(".jsonl"))
        np.savez(path.with_suffix(".npz"), labels=np.array(self.labels), **self.logits)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> SystemOutputs:
        """Read what `save` has written."""
        arrays = dict(np.load(path.with_suffix(".npz")))
        labels = tuple(arrays.pop("labels").tolist())
        return cls(load_corpus(path.with_suffix(".jsonl")).utterances, labels, arrays)


def compute_outputs(models: Mapping[str, Path], corpus: Corpus) -> SystemOutputs:
    """Return the logits of each system that there is for each utterance."""
    labelled = [u for u in corpus if u.label is not None]
    recognizers = {name: emofuse.load(folder, allow_missing=True) for name, folder in models.items()}
    labels = tuple(sorted({label for one in recognizers.values() for label in one.labels}))
    logits = {
        system: np.stack([_logits_of(recognizers[model], u, modalities, labels) for u in labelled])
        for system, (model, modalities) in SYSTEMS.items()
        if model in recognizers
    }
    return SystemOutputs(tuple(labelled), labels, logits)


def joined(parts: Sequence[SystemOutputs]) -> SystemOutputs:
    """Return the logits for several test parts as one: each from models that were not trained on it."""
    first = parts[0]
    logits = {system: np.concatenate([part.logits[system] for part in parts]) for system in first.logits}
    return SystemOutputs(tuple(u for part in parts for u in part.utterances), first.labels, logits)


def judge_pairs(by_kind: Mapping[str, SystemOutputs], smoothing: float) -> dict[str, Any]:
    """Return all figures, after the label smoothing of training is undone.

    Temperatures and thresholds are fitted on one half of the speakers and used on the other; those of both halves
    together are what is shipped: with one modality, for the label of this modality.
    """
    by_kind = {kind: one.without(smoothing) for kind, one in by_kind.items()}
    outputs = by_kind["pairs"]
    chances = {system: _calibrated(outputs, logits) for system, logits in outputs.logits.items()}
    if {"voice", "text"} <= set(chances):
        chances |= _late(chances["voice"], chances["text"])
    found: dict[str, Any] = {
        "smoothing": smoothing,
        "n": len(outputs.utterances),
        "speakers": len({u.speaker for u in outputs.utterances}),
        "systems": {system: _figures(outputs, values) for system, values in chances.items()},
        "by_corpus": _by_tag(outputs, chances, "corpus"),
        "by_pair": _by_tag(outputs, chances, "pair"),
        "comparisons": _comparisons(outputs, chances),
        "temperatures": {s: fit_temperature(z, _meant(outputs, s).truth) for s, z in outputs.logits.items()},
        "abstention": {s: _abstention(outputs, values) for s, values in chances.items()},
        "alone": _alone(outputs, chances),
    }
    if "conflict" in by_kind:
        found["conflict"] = _conflict(by_kind["conflict"], outputs, found["temperatures"], chances["fusion"])
    return found


def _logits_of(
    recognizer: EmotionRecognizer, utterance: Utterance, modalities: tuple[Modality, ...], labels: Sequence[str]
) -> Float64Array:
    """Return the logits of one utterance, in the order of the labels; far below the others for an unknown one."""
    preparation, clip = recognizer.predictor.preparation, None
    if "audio" in modalities and preparation.audio is not None and utterance.audio is not None:
        clip = read_clip(utterance.audio, utterance.start, utterance.end, preparation.audio.rate)
    item = preparation(clip, utterance.text if "text" in modalities else None)
    logits = recognizer.predictor.runtime(preparation.collate([item])).logits[0]
    known = dict(zip(recognizer.labels, map(float, logits), strict=True))
    return np.array([known.get(label, min(known.values()) - UNKNOWN) for label in labels])


def _calibrated(outputs: SystemOutputs, logits: Float64Array) -> Float64Array:
    """Return probabilities, the temperature of each half of the speakers being fitted on the other."""
    chances = np.empty_like(logits)
    for side in (0, 1):
        here = outputs.half == side
        chances[here] = probabilities(logits[here] / fit_temperature(logits[~here], outputs.truth[~here]))
    return chances


def _late(voice: Float64Array, text: Float64Array) -> dict[str, Float64Array]:
    """Return both usual ways to join calibrated probabilities: their mean, and their product."""
    product = voice * text
    return {"late, mean": (voice + text) / 2, "late, product": product / product.sum(axis=1, keepdims=True)}


def _figures(outputs: SystemOutputs, chances: Float64Array) -> dict[str, Any]:
    summary = summarise(_scored(outputs, chances))
    right = chances.argmax(axis=1) == outputs.truth
    return {
        "ua": summary["ua"]["mean"],
        "ci95": summary["ua"]["ci95"],
        "wa": summary["wa"]["mean"],
        "ece": expected_calibration_error(chances.max(axis=1), right),
        "by_gender": {name: group for name, group in summary["groups"].items() if name == "gender"},
    }


def _scored(outputs: SystemOutputs, chances: Float64Array) -> Any:
    everything = Fold(1, "tested", (), (), tuple(u.id for u in outputs.utterances))
    tested: tuple[LabelledUtterance, ...] = labelled_utterances(Corpus(outputs.utterances), [everything])
    rows = [dict(zip(outputs.labels, map(float, row), strict=True)) for row in chances]
    return to_arrays(
        outputs.labels, tested, [{u.id: row for u, row in zip(outputs.utterances, rows, strict=True)}]
    )


def _by_tag(outputs: SystemOutputs, chances: Mapping[str, Float64Array], tag: str) -> dict[str, dict[str, float]]:
    """Return the share that is right, by what an utterance has in a tag."""
    words, truth = outputs.tagged(tag), outputs.truth
    return {
        word: {"n": int((words == word).sum())}
        | {s: float((c[words == word].argmax(axis=1) == truth[words == word]).mean()) for s, c in chances.items()}
        for word in sorted(set(words.tolist()))
    }


def _comparisons(outputs: SystemOutputs, chances: Mapping[str, Float64Array]) -> list[dict[str, Any]]:
    scored = {system: _scored(outputs, values) for system, values in chances.items()}
    others = [system for system in ("voice", "text", "late, mean", "late, product") if system in scored]
    return [compare("fusion", other, scored, "ua") for other in others]


def _abstention(outputs: SystemOutputs, chances: Float64Array) -> dict[str, float]:
    """Return accuracy over all, and over the accepted ones: six of ten, by the threshold of the other half."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == outputs.truth
    accepted = np.zeros(len(right), dtype=bool)
    for side in (0, 1):
        here = outputs.half == side
        accepted[here] = confidence[here] >= np.quantile(confidence[~here], 1 - COVERAGE)
    return {
        "accuracy": float(right.mean()),
        "coverage": float(accepted.mean()),
        "accuracy_answered": float(right[accepted].mean()),
        "threshold": float(np.quantile(confidence, 1 - COVERAGE)),
        "area_under_risk": float(coverage_risk(confidence, right).area),
    }


def _alone(outputs: SystemOutputs, chances: Mapping[str, Float64Array]) -> dict[str, Any]:
    """Judge the fusion with one modality, beside the system of that modality, by the label of that modality."""
    found = {}
    for missing, own in (("text", "voice"), ("audio", "text")):
        if own in chances:
            meant, systems = _meant(outputs, own), (own, f"fusion, {missing} missing")
            found[own] = {s: _figures(meant, _calibrated(meant, outputs.logits[s])) for s in systems}
    return found


def _meant(outputs: SystemOutputs, system: str) -> SystemOutputs:
    """Return the utterances with the label of what a system gets: of the pair, of its voice or of its words."""
    modalities = SYSTEMS[system][1]
    if len(modalities) > 1:
        return outputs
    tag = {"audio": "voice", "text": "words"}[modalities[0]]
    return replace(outputs, utterances=tuple(replace(u, label=u.tags[tag]) for u in outputs.utterances))


def _conflict(
    outputs: SystemOutputs, agreeing: SystemOutputs, temperatures: Mapping[str, float], chances: Float64Array
) -> dict[str, Any]:
    """Return which modality wins where they contradict each other, and the confidence there and on agreement."""
    fused = probabilities(outputs.logits["fusion"] / temperatures["fusion"])
    labels = np.array(outputs.labels)[fused.argmax(axis=1)]
    voice, words = outputs.tagged("voice"), outputs.tagged("words")
    both = agreeing.tagged("pair") == "both"
    return {
        "n": len(labels),
        "voice_wins": float((labels == voice).mean()),
        "words_win": float((labels == words).mean()),
        "neither": float(((labels != voice) & (labels != words)).mean()),
        "confidence": float(fused.max(axis=1).mean()),
        "confidence_on_agreeing_pairs": float(chances[both].max(axis=1).mean()),
    }
