"""The environment that a run records, and computes in again when it is resumed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from emofuse import layout
from emofuse.threads import compute_threads
from emofuse.untrusted.json_text import read_json


def environment() -> dict[str, Any]:
    """Return what numbers may depend on: versions, threads, processor."""
    packages = ("emofuse", "torch", "transformers", "accelerate", "numpy", "scikit-learn", "soundfile", "soxr")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {package: version(package) for package in packages},
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def run_threads(out: Path) -> int:
    """Return with how many threads a run computes: as many as when it began, else what is free now.

    A run that is resumed then gives the same numbers as one that was never interrupted.
    """
    try:
        return int(read_json(out / layout.ENVIRONMENT)["threads"])
    except (OSError, ValueError, LookupError, TypeError):
        return compute_threads()
