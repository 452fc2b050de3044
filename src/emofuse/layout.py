"""The file names of a run folder and of a model folder, and how a file is put there: nowhere else."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emofuse.errors import RunError

# A run folder.
RECIPE = "recipe.yaml"
ENVIRONMENT = "environment.json"
FOLDS = "folds.json"
RESULTS = "results.json"
# What is true of the utterances that were tested, so that a run can be judged by itself.
TRUTH = "truth.jsonl"
HISTORY = "history.jsonl"
PREDICTIONS = "predictions.jsonl"
# What is said of utterances on which raters came to no label, and of the same utterances in other texts.
UNDECIDED = "undecided.jsonl"
OTHER_TEXT = "predictions-{source}.jsonl"
# What a system that hears and reads says with one of the two taken away.
WITHOUT = "predictions-only-{modality}.jsonl"
# What is said of the same utterances once their speakers' own mean and variance are taken out.
SPEAKER_NORM = "predictions-speaker-norm.jsonl"
METRICS = "metrics.json"
# What is trained in a folder by `train`, and a training that has not ended, after its last epoch.
TRAINING = "training.json"
STATE = "training-state.safetensors"
MODEL = "model"
CONFUSION_TEXT = "confusion.txt"
CONFUSION_PICTURE = "confusion.png"
RELIABILITY_PICTURE = "reliability-{system}.png"
COVERAGE_PICTURE = "coverage-{system}.png"

# A model folder: a standard Hugging Face folder.
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
PREPARATION = "preprocessor_config.json"
TOKENIZER = "tokenizer.json"
CARD = "README.md"
EVALUATION = "evaluation.json"
CALIBRATION = "calibration.json"

# An exported folder: what a model folder has but for its weights, a graph instead, and what was measured of it.
EXPORT = "export.json"
GRAPH = "model.onnx"

# What a model is for, and not for; it goes along with an export.
SCOPE = "scope.json"

# A model that comes along, as a model folder (MODEL) and as an exported one.
BOX = "box.json"
BOX_EXPORTED = "exported"


def job_folder(run: Path, fold: int, seed: int, system: str) -> Path:
    """Return the folder of one job of a cross-validation."""
    return run / f"fold-{fold}" / f"seed-{seed}" / system


def is_model_folder(path: Path) -> bool:
    """Tell whether a path looks like a saved model."""
    return (path / CONFIG).is_file()


def is_exported_folder(path: Path) -> bool:
    """Tell whether a path looks like an exported model."""
    return (path / EXPORT).is_file()


def make_folder(path: Path) -> Path:
    """Create a folder and its parents, and make sure that it can be written.

    Raises:
        RunError: a part of the path is a file, or permission is lacking.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary name, then renamed.

    The name is nobody else's: processes in two containers may have one number, and threads of a process do.

    Raises:
        RunError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        if temporary.exists():
            temporary.unlink()
        raise RunError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all.

    Raises:
        RunError: the file cannot be written, or the text holds what is none.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeError as error:
        raise RunError(f"{path}: cannot be written (it holds what is not text); choose another place") from error
    write_bytes(path, content)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, readable, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON document a line, whole or not at all."""
    write_text(path, "".join(json.dumps(v, ensure_ascii=False, allow_nan=False) + "\n" for v in values))
