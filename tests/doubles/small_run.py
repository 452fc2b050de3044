"""A run folder of two folds and twenty utterances, two of them predicted wrong; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tiny import write_recipe

from emofuse import layout
from emofuse.config import Recipe, load_recipe
from emofuse.evaluation.calibration import Calibration
from emofuse.runs.completed_run import CompletedRun
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.stored_predictions import StoredPrediction, write_predictions
from emofuse.runs.system import System
from emofuse.types import Corpus, Fold, Prediction, SystemName, Task, Utterance

LABELS = ("angry", "sad")
UTTERANCES, FOLD_SIZE = 20, 10
CORPUS = Corpus(
    tuple(
        Utterance(
            f"u{n}",
            text="well",
            text_source="gold",
            label=LABELS[n % 2],
            speaker=f"s{n % 4}",
            session=f"{n % 2}",
            gender="FM"[n % 4 // 2],
        )
        for n in range(UTTERANCES)
    ),
    name="small",
)
FOLDS = tuple(
    Fold(
        number + 1,
        f"fold {number + 1}",
        train=tuple(f"u{n}" for n in range(UTTERANCES) if n // FOLD_SIZE != number),
        validation=(),
        test=tuple(f"u{n}" for n in range(UTTERANCES) if n // FOLD_SIZE == number),
    )
    for number in (0, 1)
)
TRUTH = {u.id: str(u.label) for u in CORPUS}
WRONG = {"u3", "u15"}
UNCALIBRATED = (Calibration(), Calibration())


def small_recipe(folder: Path, *overrides: str) -> Recipe:
    folder.mkdir(parents=True, exist_ok=True)
    return load_recipe(write_recipe(folder / "tiny.yaml"), ["seeds=[0]", *overrides])


def make_run(
    out: Path,
    names: Sequence[SystemName] = ("text",),
    gap: float = 3.0,
    calibrations: Sequence[Calibration] = UNCALIBRATED,
    with_logits: bool = True,
    recipe: Recipe | None = None,
) -> CompletedRun:
    """Write a run whose logits of the predicted label are larger by `gap`, and return it."""
    recipe = recipe or small_recipe(out.parent)
    run = RunFolder.begin(out, recipe, FOLDS, {"corpus_hash": "hash"}, {"threads": 1}, resume=False)
    for name in names:
        for fold, calibration in zip(FOLDS, calibrations, strict=True):
            for seed in recipe.seeds:
                job = run.job(System(name), fold.index, seed)
                tested = [utterance for utterance in CORPUS if utterance.id in fold.test]
                rows = [predicted(utterance, gap, calibration, with_logits) for utterance in tested]
                write_predictions(job.path / layout.PREDICTIONS, rows)
                metrics = {"calibration": calibration.as_dict(), "skipped": [], "without_modality": 0}
                layout.write_json(job.path / layout.METRICS, metrics)
    return CompletedRun(run, recipe, CORPUS, CORPUS, Task(LABELS), FOLDS, tuple(names))


def predicted(utterance: Utterance, gap: float, calibration: Calibration, with_logits: bool) -> StoredPrediction:
    label = str(utterance.label)
    if utterance.id in WRONG:
        label = next(other for other in LABELS if other != label)
    logits = {name: gap if name == label else 0.0 for name in LABELS}
    probabilities = calibration.apply(np.array([list(logits.values())]), ["text"])[0]
    prediction = Prediction.of(utterance, dict(zip(LABELS, probabilities.tolist(), strict=True)), ("text",))
    return StoredPrediction(prediction, logits if with_logits else None)
