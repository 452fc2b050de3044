"""The model in the box: weights only, under CC BY-NC-SA 4.0. `emofuse.load("box")` takes them from here."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "model"
