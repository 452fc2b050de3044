"""The file names of run folders and model folders, and the one way to write files and folders whole."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emofuse.errors import RunError, brief_message
from emofuse.untrusted.json_text import to_json

# A run folder.
RECIPE = "recipe.yaml"
ENVIRONMENT = "environment.json"
FOLDS = "folds.json"
RESULTS = "results.json"
# The true labels of the tested utterances, so that a run folder can be scored without its corpus.
TRUTH = "truth.jsonl"
HISTORY = "history.jsonl"
PREDICTIONS = "predictions.jsonl"
# Predictions for utterances on which raters came to no label, and for the tested ones with other texts.
UNDECIDED = "undecided.jsonl"
OTHER_TEXT = "predictions-{source}.jsonl"
# Predictions of a fusion system without one of the modalities.
WITHOUT = "predictions-only-{modality}.jsonl"
# Predictions after speaker normalisation.
SPEAKER_NORM = "predictions-speaker-norm.jsonl"
METRICS = "metrics.json"
# The identity of a training by `train`, and the state after the last epoch of an unfinished one.
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
# Where the folders are that its encoders come from: for this machine, never published.
LOCAL_ENCODERS = "local_encoders.json"

# An exported folder: a model folder with a graph in the place of the weights, and how close the two are.
EXPORT = "export.json"
GRAPH = "model.onnx"

# What a model is for; an export has it too.
SCOPE = "scope.json"
# What predictions relative to a collection, a recording or a speaker need; an export has it too.
RELATIVE = "relative.safetensors"

# A box: a model that ships with the package, as a model folder (MODEL) and as an exported one.
BOX = "box.json"
BOX_EXPORTED = "exported"

# How much of the name of a file the name of its temporary one keeps, which must not be longer than names may be.
KEPT_CHARACTERS = 40


def cache_folder() -> Path:
    """Return the cache folder: `EMOFUSE_CACHE`, else `~/.cache/emofuse`."""
    folder = os.environ.get("EMOFUSE_CACHE")
    return Path(folder) if folder else Path.home() / ".cache" / "emofuse"


def job_folder(run: Path, fold: int, seed: int, system: str) -> Path:
    """Return the folder of one job of a cross-validation."""
    return run / f"fold-{fold}" / f"seed-{seed}" / system


def is_model_folder(path: Path) -> bool:
    """Return whether a path looks like a saved model."""
    return (path / CONFIG).is_file()


def is_exported_folder(path: Path) -> bool:
    """Return whether a path looks like an exported model."""
    return (path / EXPORT).is_file()


def make_folder(path: Path) -> Path:
    """Create a folder and its parents, and make sure that it can be written.

    Raises:
        RunError: a part of the path is a file, or permission is lacking.
    """
    probe = _sibling(path / "writable")
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        raise _refusal(path, error, "choose another folder") from error
    finally:
        _delete(probe)
    return path


@contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    The block writes to a temporary file beside the target, with the same suffix. It takes the target's place when
    the block ends, and is deleted when the block fails: then an older file at the target stays as it was.

    Args:
        path: the target; folders above it are made.

    Yields:
        The path to write to.

    Raises:
        RunError: the file cannot be written, or the block encodes characters that are not Unicode.
    """
    temporary = _sibling(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        raise _refusal(path, error, "choose another place") from error
    finally:
        _delete(temporary)


@contextmanager
def writing_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Write a folder whole or not at all.

    The block fills a temporary folder beside the target. It takes the target's place when the block ends, and is
    deleted when the block fails: then an older folder at the target stays as it was.

    Args:
        path: the target; folders above it are made.
        replace: a folder at the target may be replaced.

    Yields:
        The empty folder to write to.

    Raises:
        RunError: the folder cannot be written, or the target exists and may not be replaced.
    """
    temporary, older = _sibling(path), _sibling(path)
    try:
        if path.is_file() or (path.exists() and not replace):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        temporary.mkdir(parents=True)
        yield temporary
        if path.exists():
            path.rename(older)
        try:
            temporary.rename(path)
        except OSError:
            if older.exists():
                older.rename(path)
            raise
    except OSError as error:
        raise _refusal(path, error, "choose another folder") from error
    finally:
        _delete(temporary)
        _delete(older)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    with writing_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all.

    Raises:
        RunError: the file cannot be written, or the text is not Unicode.
    """
    with writing_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text as UTF-8 while they are computed, whole or not at all.

    Raises:
        RunError: the file cannot be written, or a line is not Unicode.
    """
    with writing_file(path) as temporary, temporary.open("wb") as file:
        file.writelines(f"{line}\n".encode() for line in lines)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, indented, whole or not at all."""
    write_text(path, to_json(value, indent=2) + "\n")


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON document a line, whole or not at all."""
    write_lines(path, (to_json(value) for value in values))


def _sibling(path: Path) -> Path:
    """Return a path beside another one that nobody else uses: neither a thread nor a process in a container.

    The suffix stays, since some writers choose a format by it.
    """
    return path.with_name(f".{path.stem[:KEPT_CHARACTERS]}.{secrets.token_hex(4)}{path.suffix}")


def _delete(path: Path) -> None:
    """Delete a temporary file or folder, if it is there."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _refusal(path: Path, error: Exception, remedy: str) -> RunError:
    if isinstance(error, UnicodeEncodeError):
        reason = "it holds what is not text"
    else:
        reason = (error.strerror if isinstance(error, OSError) else None) or brief_message(error)
    return RunError(f"{path}: cannot be written ({reason}); {remedy}")
