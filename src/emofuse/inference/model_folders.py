"""From a name to what runs it: a model folder, an exported one, a run folder with a model in it, or a box."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.box import boxes, default_box, find_box
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Runtime
from emofuse.turns.language_codes import language_code

# The key of the scope that lists the languages of the text encoder.
TEXT_LANGUAGES = "text_languages"


def model_folder(folder: Path) -> Path:
    """Return where the model is: the folder itself or, in the folder of a run, `model`."""
    inside = folder / layout.MODEL
    if (
        not layout.is_model_folder(folder)
        and not layout.is_exported_folder(folder)
        and layout.is_model_folder(inside)
    ):
        return inside
    return folder


def open_folder(folder: Path, device: str | None, threads: int | None) -> tuple[Runtime, Preparation]:
    """Open a folder with what it needs; torch is imported only where it does.

    Raises:
        CheckpointError: it is not a whole emofuse model, or does not run on that device.
        MissingExtraError: it needs torch, and that is not installed.
    """
    if layout.is_exported_folder(folder):
        if device not in (None, "cpu"):
            raise CheckpointError(f"{folder}: an exported model computes on processors, not on {device}")
        from emofuse.inference.onnx_runtime import load_onnx

        return load_onnx(folder, threads)
    from emofuse.inference.torch_runtime import load_torch

    return load_torch(folder, device, threads)


def open_predictor(folder: Path, device: str | None = None, threads: int | None = None) -> Predictor:
    """Open a folder with what it needs, its calibration and its scope.

    Raises:
        CheckpointError: it is not a whole emofuse model, or does not run on that device.
        MissingExtraError: it needs torch, and that is not installed.
    """
    runtime, preparation = open_folder(folder, device, threads)
    return Predictor(runtime, preparation, read_calibration(folder) or Calibration(), scope=read_scope(folder))


def find_folder(model: str | Path | None) -> Path:
    """Return where a model is: a folder or else a model in the box by its name; None for the default one.

    Raises:
        CheckpointError: there is neither.
    """
    if model is None:
        boxed = default_box()
        if boxed is None:
            raise CheckpointError("no model ships with this installation; name a model folder")
        return boxed
    folder = Path(model)
    if folder.is_dir():
        return model_folder(folder)
    found = find_box(str(model))
    if found is None:
        known = ", ".join(boxes()) or "none"
        raise CheckpointError(f"{folder}: no such model folder, and no model in the box of that name ({known})")
    return found


def read_scope(folder: Path) -> str | None:
    """Read what a model says it is for, one sentence; None where it says nothing.

    Raises:
        CheckpointError: the file does not hold that.
    """
    scope = _scope(folder).get("scope")
    return None if scope is None else str(scope)


def read_text_languages(folder: Path) -> tuple[str, ...] | None:
    """Read which languages a model's text encoder knows, as ISO 639-1 codes; None where the model does not say.

    Raises:
        CheckpointError: the file does not hold that.
    """
    written = _scope(folder).get(TEXT_LANGUAGES)
    if written is None:
        return None
    codes = [language_code(one) if isinstance(one, str) else None for one in written or ()]
    known = tuple(code for code in codes if code is not None)
    if not known or len(known) < len(codes):
        path = folder / layout.SCOPE
        raise CheckpointError(f'{path}: {TEXT_LANGUAGES} is {written!r}; write codes such as ["en", "de"]')
    return known


def _scope(folder: Path) -> dict[str, Any]:
    """Return what a model folder says of its use; nothing where it says nothing."""
    path = folder / layout.SCOPE
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: does not say what the model is for ({error}); copy it again") from error


def read_calibration(folder: Path) -> Calibration | None:
    """Read what a model folder says of the model's confidence; None where it says nothing.

    Raises:
        CheckpointError: the file is not a calibration.
    """
    path = folder / layout.CALIBRATION
    if not path.is_file():
        return None
    try:
        return Calibration.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (CheckpointError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a calibration ({error}); train or copy the model again") from error
