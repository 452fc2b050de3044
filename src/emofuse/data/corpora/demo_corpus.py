"""The demo corpus: synthetic speech with sentences written for it, carried inside the package."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from emofuse.data.manifest import load_corpus
from emofuse.types import Corpus


def demo_manifest() -> Path:
    """Return the path of the demo corpus's manifest."""
    return Path(str(files("emofuse") / "demo" / "manifest.jsonl"))


def demo_corpus() -> Corpus:
    """Return the demo corpus; see `src/emofuse/demo/README.md` for what it is, and is not, good for."""
    return replace(load_corpus(demo_manifest()), name="demo")
