"""The receipt of a sealed prediction: hashes of what was read, of the model and of the answers; and its check."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofuse import __version__, layout
from emofuse.box import find_box
from emofuse.cli.predict.run_record import model_files
from emofuse.cli.predict.saving import written_files
from emofuse.cli.predict.timeline_jobs import TimelineSettings
from emofuse.cli.predict.transcript_files import TRANSCRIPT_SUFFIXES, TURN_SUFFIXES, side_files
from emofuse.data.cache import file_digest, key_of
from emofuse.errors import RunError
from emofuse.seal import locks
from emofuse.types import schemas
from emofuse.untrusted.json_text import read_json, to_json

if TYPE_CHECKING:
    from emofuse.inference.recognizer import EmotionRecognizer

RECEIPT = "predictions.receipt.json"
OWN_HASH = "receipt"


@contextmanager
def receipt_of(
    recognizer: EmotionRecognizer, settings: TimelineSettings, identity: Mapping[str, Any], named: Sequence[Path]
) -> Iterator[None]:
    """Write a receipt beside the answers that the block writes, if the process is sealed.

    What is read is hashed before the block, so that a file that changes meanwhile is found out by the check.

    Args:
        recognizer: the model, loaded from a folder.
        settings: the options and the inputs; with an output folder.
        identity: everything that the answers depend on besides the inputs.
        named: the files that the command names, such as manifests and lists; folders are passed over.

    Raises:
        RunError: the receipt cannot be written.
    """
    folder, models = settings.options.output.folder, recognizer.folders
    if not locks() or folder is None or not models:
        yield
        return
    text = identity["text"]
    document = {
        "schema": schemas.RECEIPT,
        "emofuse": __version__,
        "sealed": list(locks()),
        "model": {"name": recognizer.predictor.name, **_model(recognizer, folder)},
        "settings": dict(identity)
        | {
            "format": settings.options.output.format,
            "text": text and hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest(),
        },
        "inputs": {_relative(one, folder): _digest(one) for one in _read_files(settings, named)},
    }
    yield
    document["answers"] = {_relative(one, folder): _digest(one) for one in written_files(folder, settings)}
    document[OWN_HASH] = key_of(receipt=document)
    layout.write_text(folder / RECEIPT, to_json(document, indent=2) + "\n")


def _model(recognizer: EmotionRecognizer, folder: Path) -> dict[str, Any]:
    """Return where the files of a model are, as seen from a folder, None for a box, and their hashes."""
    models = recognizer.folders.values()
    if len(models) > 1:
        files = {
            _relative(one, folder): file_digest(one) for model in models for one in sorted(model_files(model))
        }
        return {"folder": ".", "files": files}
    (model,) = models
    boxed = find_box(recognizer.predictor.name) == model
    return {
        "folder": None if boxed else _relative(model, folder),
        "files": {one.name: file_digest(one) for one in sorted(model_files(model))},
    }


def read_receipt(path: Path) -> dict[str, Any]:
    """Read a receipt.

    Raises:
        RunError: the file is no receipt, or was changed.
    """
    try:
        document: dict[str, Any] = read_json(path)
        own = document["schema"], document.pop(OWN_HASH)
    except (OSError, ValueError, TypeError, KeyError) as error:  # also a list, which has no keys
        raise RunError(f"{path}: is not a receipt of emofuse; name {RECEIPT} of a sealed run") from error
    if own != (schemas.RECEIPT, key_of(receipt=document)):
        raise RunError(
            f"{path}: the receipt was changed after it was written, or is of another version of emofuse"
        )
    return document


def differences(document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield what is no longer as a receipt says, in the order of the receipt.

    Args:
        document: the receipt.
        folder: where it lies.
    """
    model, folder = document["model"], folder.resolve()
    place = find_box(model["name"]) if model["folder"] is None else folder / model["folder"]
    if place is None:
        yield f"the model {model['name']} is not installed"
    else:
        yield from _changed("model", {place / name: digest for name, digest in model["files"].items()})
    for kind, files in (("input", document["inputs"]), ("answers", document["answers"])):
        yield from _changed(kind, {folder / name: digest for name, digest in files.items()})


def _changed(kind: str, files: Mapping[Path, str | None]) -> Iterator[str]:
    for path, digest in files.items():
        now, shown = _digest(path), os.path.normpath(path)
        if now == digest:
            continue
        if now is None:
            yield f"{kind} {shown}: is missing or cannot be read"
        elif digest is None:
            yield f"{kind} {shown}: could not be read when the receipt was written"
        else:
            yield f"{kind} {shown}: has SHA-256 {now[:12]}..., not {digest[:12]}..."


def _read_files(settings: TimelineSettings, named: Sequence[Path]) -> list[Path]:
    """Return the recordings, and the files with their words, turns and speakers; each once."""
    options = settings.options
    recordings = [one.audio for one in settings.inputs if one.audio is not None]
    out = options.output.folder
    beside = [
        *side_files(options.text.transcripts, TRANSCRIPT_SUFFIXES, out),
        *side_files(options.segments.turns, TURN_SUFFIXES, out),
        *side_files(options.segments.speakers, TURN_SUFFIXES, out),
    ]
    return list(dict.fromkeys([*(path for path in named if path.is_file()), *recordings, *beside]))


def _relative(path: Path, folder: Path) -> str:
    """Return a path as it is seen from a folder, so that both may move together."""
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()
    except ValueError:  # another drive of Windows
        return Path(os.path.abspath(path)).as_posix()


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read."""
    try:
        return file_digest(path)
    except (OSError, ValueError):
        return None
