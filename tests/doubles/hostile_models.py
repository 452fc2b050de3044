"""Model folders as a stranger could make them: a good one, changed in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from emofuse import layout

Change = Callable[[Path], object]
# Written by the Python of a model, if that is ever run.
TRACE = "was-run"


def settings(name: str, **changes: Any) -> Change:
    """Return what changes keys of a JSON file."""

    def change(folder: Path) -> None:
        path = folder / name
        held = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(held | changes))

    return change


def within(name: str, part: str, **changes: Any) -> Change:
    """Return what changes keys of an object in a JSON file."""

    def change(folder: Path) -> None:
        held = json.loads((folder / name).read_text())
        held[part] |= changes
        (folder / name).write_text(json.dumps(held))

    return change


def text(name: str, content: str) -> Change:
    """Return what writes a file."""
    return lambda folder: (folder / name).write_text(content)


def weights(change: Callable[[torch.Tensor], torch.Tensor], part: str = "classifier.weight") -> Change:
    """Return what changes one weight."""

    def write(folder: Path) -> None:
        held = load_file(folder / layout.WEIGHTS)
        held = {name: change(value).contiguous() if part in name else value for name, value in held.items()}
        save_file(held, folder / layout.WEIGHTS, metadata={"format": "pt"})

    return write


def moved_outside(name: str) -> Change:
    """Return what puts a link in the place of a file, which goes outside of the folder."""

    def change(folder: Path) -> None:
        outside = folder.parent / f"outside-{name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return change


def indexed(target: str) -> Change:
    """Return what puts an index in the place of the weights, in which every weight is in one file."""

    def change(folder: Path) -> None:
        names = list(load_file(folder / layout.WEIGHTS))
        outside = folder.parent / "outside.safetensors"
        (folder / layout.WEIGHTS).rename(outside)
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
        (folder / "inside.safetensors").write_bytes(outside.read_bytes())
        index = {"metadata": {}, "weight_map": dict.fromkeys(names, target)}
        (folder / layout.WEIGHTS_INDEX).write_text(json.dumps(index))

    return change


def with_code(folder: Path) -> Path:
    """Make a folder of an unknown architecture that brings the Python for it."""
    folder.mkdir()
    trace = folder.parent / TRACE
    (folder / "code.py").write_text(f"open({str(trace)!r}, 'w')\nclass Config: pass\n")
    classes = {"AutoConfig": "code.Config", "AutoModel": "code.Config", "AutoTokenizer": ["code.Config", None]}
    (folder / layout.CONFIG).write_text(json.dumps({"model_type": "never-heard-of", "auto_map": classes}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": classes}))
    return folder
