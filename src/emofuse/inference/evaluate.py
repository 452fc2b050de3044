"""Evaluate a model on a corpus: one of emofuse, or a classifier of audio or text of `transformers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse import layout
from emofuse.box import find_model, is_foreign, name_of
from emofuse.config import AgreementRecipe
from emofuse.data.labels import apply_policy, label_policy
from emofuse.data.manifest import load_corpus
from emofuse.data.splits import corpus_hash
from emofuse.errors import CorpusError, RecipeError
from emofuse.evaluation.summary import headlines, summarise
from emofuse.inference.choice.chosen_models import ChosenModel, ModelName, open_chosen
from emofuse.inference.label_map import LabelMap, match_labels
from emofuse.inference.model_folders import open_predictor
from emofuse.inference.predictor import Predictor
from emofuse.inference.training_overlap import card_warnings, fold_warnings
from emofuse.runs.labelled_utterances import labelled_utterances, to_arrays, to_arrays_with_missing
from emofuse.runs.signature import NONE, Signature, agreement_name, policy_name, text_kinds
from emofuse.types import Corpus, Fold, Prediction, Skip, Task, schemas
from emofuse.untrusted.bounded_files import read_bytes

# The protocol of figures without training: one model predicts the whole corpus.
PROTOCOL = "one-model"


@dataclass(frozen=True)
class Candidate:
    """A model to evaluate.

    Attributes:
        name: of the model.
        kind: "emofuse", "audio-classification", "text-classification" or, of two together, "late fusion".
        predictor: the model.
        warnings: reasons to doubt its figures, a sentence each.
    """

    name: str
    kind: str
    predictor: Predictor
    warnings: tuple[str, ...]


def evaluate(
    model: ModelName,
    corpus: Corpus | str | Path,
    labels: str | Mapping[str, str] = "as-is",
    label_map: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Predict the labelled utterances of a corpus with a model, and score the predictions.

    Args:
        model: as `emofuse.load` takes it, two models together included.
        corpus: or the path of its manifest.
        labels: the label policy.
        label_map: the model's labels -> those of the policy, beyond equal names and usual spellings; an empty
            string leaves a label out.
        out: where `evaluation.json` and `predictions.jsonl` are written; nowhere if None.
        device: where torch computes; None takes a GPU where there is one.
        progress: called with the number of utterances done, and of all.

    Returns:
        `signature`, `figures` as `emofuse.evaluation.summary.summarise` has them, `missing_as_wrong` over all
        labelled utterances where some were skipped, the `map` of labels, what was `skipped`, and `warnings`, a
        sentence each, such as that the model was trained on the corpus. A model of emofuse predicts whatever can
        be read, as in a cross-validation, also where a modality that it takes is missing.

    Raises:
        CheckpointError: there is no such model, or it cannot be used.
        CorpusError: the manifest cannot be read, has fewer than two labels, or nothing could be predicted.
        RecipeError: no policy has that name, labels have no counterpart, or the model predicts none.
        RunError: `out` cannot be written.
        MissingExtraError: the model needs torch, and that is not installed.
    """
    original = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    relabelled, task = apply_policy(original, labels)
    labelled = relabelled.select(lambda u: u.label is not None)
    if out is not None:
        layout.make_folder(Path(out))
    candidate = open_candidate(model, labelled, device)
    if not candidate.predictor.labels:
        raise RecipeError(f"{candidate.name}: predicts dimensions, and labels are scored; take a classifier")
    matched = match_labels(
        candidate.predictor.labels, task.labels, label_policy(labels, original).mapping, label_map or {}
    )
    mapped = _MappedPredictions(candidate.predictor, matched, task, progress)
    predictions, skipped = mapped.of(labelled)
    if not any(one.modalities for one in predictions):
        reason = skipped[0].reason if skipped else "they have nothing that it takes"
        raise CorpusError(f"{candidate.name}: none of the {len(labelled)} utterances could be predicted; {reason}")
    data = corpus_hash(relabelled)
    document = _document(candidate, labelled, task, predictions, _Rules(policy_name(labels), data))
    document |= {
        "map": dict(matched.mapping),
        "unmapped": list(matched.unmapped),
        "unsaid": list(matched.unsaid),
        "dropped_mass": float(np.mean(mapped.dropped)),
        "skipped": [asdict(skip) for skip in skipped],
        "warnings": [*candidate.warnings, *_remarks(matched), *_lacking(candidate.predictor, predictions)],
    }
    if out is not None:
        layout.write_json_lines(Path(out) / layout.PREDICTIONS, (one.as_dict() for one in predictions))
        layout.write_json(Path(out) / layout.EVALUATION, document)
    return document


def open_candidate(model: ModelName, corpus: Corpus, device: str | None = None) -> Candidate:
    """Open a model, and check whether it was trained on a corpus.

    Raises:
        CheckpointError: there is no such model, or it cannot be used.
        MissingExtraError: torch is not installed.
    """
    chosen = ChosenModel.of(model)
    if chosen.together or chosen.calibrate is not None or chosen.label_map:
        opened = open_chosen(chosen, device)
        warned = [one for path in opened.folders.values() for one in card_warnings(_read_card(path), corpus.name)]
        kind = (
            "late fusion" if chosen.together else f"{opened.predictor.runtime.traits.modalities[0]}-classification"
        )
        return Candidate(opened.predictor.name, kind, opened.predictor, tuple(dict.fromkeys(warned)))
    folder = find_model(chosen.name)
    written = _read_card(folder)
    if is_foreign(folder):
        predictor = open_predictor(folder, device, own_labels=True)
        kind = f"{predictor.runtime.traits.modalities[0]}-classification"
        return Candidate(predictor.name, kind, predictor, tuple(card_warnings(written, corpus.name)))
    warnings = None if layout.is_exported_folder(folder) else fold_warnings(folder.resolve(), corpus)
    if warnings is None:
        warnings = card_warnings(written, corpus.name)
    predictor = replace(open_predictor(folder, device), scoring=True)
    return Candidate(name_of(folder), "emofuse", predictor, tuple(warnings))


def _read_card(folder: Path) -> str | None:
    """Return the card of a model; None where there is none that can be read."""
    try:
        return read_bytes(folder / layout.CARD).decode("utf-8", errors="replace")
    except (OSError, ValueError):  # there is none, or one that is larger than any card
        return None


class _MappedPredictions:
    """Predicts with the labels of the task, and records the probability that is lost on unmapped labels."""

    def __init__(
        self, predictor: Predictor, matched: LabelMap, task: Task, progress: Callable[[int, int], None]
    ) -> None:
        self.predictor = predictor
        self.matched = matched
        self.labels = task.labels
        self.progress = progress
        self.dropped: list[float] = []

    def of(self, corpus: Corpus) -> tuple[list[Prediction], list[Skip]]:
        """Return the predictions for a corpus, and the utterances that have none."""
        predictions, skipped = [], []
        for number, result in enumerate(self.predictor.predict_many(corpus), start=1):
            mapped = result if isinstance(result, Skip) else self._mapped(result)
            if isinstance(mapped, Skip):
                skipped.append(mapped)
            else:
                predictions.append(mapped)
            self.progress(number, len(corpus))
        return predictions, skipped

    def _mapped(self, prediction: Prediction) -> Prediction | Skip:
        try:
            probabilities, dropped = self.matched.apply(prediction.probabilities, self.labels)
        except ZeroDivisionError:
            return Skip(prediction.id, f"{prediction.id}: all probability is on labels without a counterpart")
        self.dropped.append(dropped)
        label = max(probabilities, key=lambda name: probabilities[name])
        return replace(prediction, label=label, probabilities=probabilities, confidence=probabilities[label])


@dataclass(frozen=True)
class _Rules:
    """What a corpus is scored by: the name of the label policy, and the hash of the corpus under it."""

    policy: str
    data: str


def _document(
    candidate: Candidate, corpus: Corpus, task: Task, predictions: list[Prediction], rules: _Rules
) -> dict[str, Any]:
    by_id = {one.id: one.probabilities for one in predictions}
    everything = Fold(1, "all", train=(), validation=(), test=tuple(u.id for u in corpus))
    wanted = labelled_utterances(corpus, [everything])
    tested = [one for one in wanted if one.id in by_id]
    missing = len(tested) < len(wanted)
    read = {one.text_source for one in predictions if "text" in one.modalities}
    signature = Signature(
        corpus=corpus.name or "unnamed",
        policy=rules.policy,
        labels=task.labels,
        n=len(tested),
        tested=len(corpus),
        protocol=PROTOCOL,
        folds=NONE,
        text=text_kinds(read),
        data=rules.data,
        agreement=agreement_name(AgreementRecipe()),
    )
    return {
        "schema": schemas.EVALUATION,
        "model": candidate.name,
        "kind": candidate.kind,
        "signature": str(signature),
        "n": len(tested),
        "tested": len(corpus),
        "labels": list(task.labels),
        "figures": summarise(to_arrays(task.labels, tested, [by_id])),
        "missing_as_wrong": headlines(to_arrays_with_missing(task.labels, wanted, [by_id])) if missing else None,
    }


def _lacking(predictor: Predictor, predictions: list[Prediction]) -> list[str]:
    """Say of how many utterances the model lacked a modality that it was not trained to do without."""
    traits = predictor.runtime.traits
    fewest = 1 if traits.missing_modalities else len(traits.modalities)
    lacking = sum(len(one.modalities) < fewest for one in predictions)
    if not lacking:
        return []
    return [
        f"without a modality that the model needs: {lacking} of the utterances; predicted as they are in a run"
    ]


def _remarks(matched: LabelMap) -> list[str]:
    remarks = []
    if matched.unmapped:
        names = ", ".join(matched.unmapped)
        remarks.append(f"labels of the model without a counterpart: {names}; their probability is redistributed")
    if matched.unsaid:
        remarks.append(f"labels that the model cannot predict: {', '.join(matched.unsaid)}; their recall is 0")
    return remarks
