"""Model folders and exported folders, with one file in the place of a good one; what still loads also predicts.

The first byte of an input chooses the file, the rest is what it holds.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from exports import model_folder

from emofuse import layout, load
from emofuse.inference.exported_folder import Exported
from emofuse.model.checkpoint import load_checkpoint
from emofuse.sound.clips import Clip
from emofuse.types import Utterance

FILES = (
    layout.CONFIG,
    layout.PREPARATION,
    layout.TOKENIZER,
    layout.CALIBRATION,
    layout.SCOPE,
    layout.WEIGHTS,
    layout.WEIGHTS_INDEX,
    "adapter_config.json",
    "generation_config.json",
    "tokenizer_config.json",
)
CLIP = Clip(np.random.default_rng(0).normal(size=8_000).astype(np.float32) * 0.1, 16_000)


@functools.cache
def folder_to_change() -> Path:
    place = Path(tempfile.mkdtemp(prefix="emofuse-fuzz-")) / "model"
    shutil.copytree(model_folder(), place)
    return place


def model(data: bytes, folder: Path) -> None:
    if not data:
        return
    path = folder_to_change() / FILES[data[0] % len(FILES)]
    before = path.read_bytes() if path.is_file() else None
    path.write_bytes(data[1:])
    try:
        recognizer = load(folder_to_change(), device="cpu")
        pairs = [(Utterance("a", text="I am so happy"), CLIP)]
        list(recognizer.predict_clips(pairs))
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def record_of_an_export(data: bytes, folder: Path) -> None:
    (folder / layout.EXPORT).write_bytes(data[1:])
    Exported.load(folder)


def seeds() -> list[bytes]:
    names = [(number, folder_to_change() / name) for number, name in enumerate(FILES)]
    assert load_checkpoint(folder_to_change())
    index = json.dumps({"metadata": {}, "weight_map": {"a": "model.safetensors"}}).encode()
    export = b'{"task": {"labels": ["a", "b"]}, "modalities": ["text"], "missing_modalities": false, '
    return [
        *(bytes([number]) + path.read_bytes() for number, path in names if path.is_file()),
        bytes([6]) + index,
        bytes([7]) + export + b'"precision": "int8", "format": 1}',
    ]


READERS = [model, record_of_an_export]
