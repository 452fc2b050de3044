"""A recipe and recordings that the tests of commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_corpus import write_tone
from tiny import write_recipe

from emofuse.cli import output


@pytest.fixture(autouse=True)
def no_progress_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line on progress come between those that a test reads, however slow the machine is."""
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 3600.0)


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.yaml")


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    for name, hertz in (("low", 200), ("high", 800)):
        write_tone(tmp_path / "wavs" / f"{name}.wav", hertz, 0.5, seed=0)
    return tmp_path / "wavs"
