"""From the folder of a model, ours or of others, to what runs it; with calibration and scope."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.box import is_foreign, name_of
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError, RecipeError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Runtime
from emofuse.turns.language_codes import language_code
from emofuse.untrusted.json_text import read_json, read_json_object

# The key of the scope that lists the languages of the text encoder.
TEXT_LANGUAGES = "text_languages"
# What is said of probabilities that no temperature was fitted for.
UNCALIBRATED = "its probabilities are not calibrated"


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


def open_predictor(
    folder: Path,
    device: str | None = None,
    threads: int | None = None,
    label_map: Mapping[str, str] | None = None,
    own_labels: bool = False,
) -> Predictor:
    """Open a folder with what it needs, its calibration and its scope.

    Args:
        folder: of a model of ours in either form, or of others.
        device: where torch computes; None takes a GPU where there is one.
        threads: how many compute at once; None takes the processors that are there.
        label_map: what labels of a model of others are called here, beyond known spellings of our words.
        own_labels: keep the labels of a model of others as they are.

    Raises:
        CheckpointError: it is not a whole model, or does not run on that device.
        RecipeError: the labels cannot be named, or are those of a model of ours.
        MissingExtraError: it needs torch, and that is not installed.
    """
    calibration = read_calibration(folder) or Calibration()
    if not is_foreign(folder):
        if label_map:
            raise RecipeError(
                f"--label-map names labels of models of others, and {name_of(folder)} is one of emofuse; drop it"
            )
        opened_folder = open_folder(folder, device, threads)
        return Predictor(*opened_folder, calibration, scope=read_scope(folder), folder=folder)
    import emofuse.model  # noqa: F401  # says so itself where torch is missing
    from emofuse.inference.foreign.classifiers import open_classifier
    from emofuse.inference.foreign.label_names import as_they_are, name_labels

    opened = open_classifier(
        folder, as_they_are if own_labels else lambda theirs: name_labels(theirs, label_map or {}), device, threads
    )
    about = opened.about if calibration.temperatures else f"{opened.about}; {UNCALIBRATED}"
    scope = read_scope(folder)
    return Predictor(
        opened.runtime,
        opened.preparation,
        calibration,
        scope=about if scope is None else f"{scope} ({about})",
        folder=folder,
    )


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
    listed = written if isinstance(written, list) else []
    codes = [language_code(one) if isinstance(one, str) else None for one in listed]
    known = tuple(code for code in codes if code is not None)
    if not known or len(known) < len(codes):
        path = folder / layout.SCOPE
        raise CheckpointError(
            f'{path}: {TEXT_LANGUAGES} is {str(written)[:80]!r}; write codes such as ["en", "de"]'
        )
    return known


def _scope(folder: Path) -> dict[str, Any]:
    """Return what a model folder says of its use; nothing where it says nothing."""
    path = folder / layout.SCOPE
    if not path.is_file():
        return {}
    try:
        return read_json_object(path)
    except (OSError, ValueError) as error:
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
        return Calibration.from_dict(read_json(path))
    except (CheckpointError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a calibration ({error}); train or copy the model again") from error
