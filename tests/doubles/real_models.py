"""Real pre-trained models, in folders beside each other; tests that need one skip where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MODELS = Path(os.environ.get("EMOFUSE_MODELS") or "nowhere")


def real_model(name: str) -> Path:
    """Return the folder of a model: whisper-base, whisper-tiny.en, minilm or, for faster-whisper, one of these.

    Skips the test where it is absent.
    """
    folder = MODELS / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not here; set EMOFUSE_MODELS to a folder with it")
    return folder
