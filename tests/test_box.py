"""Models that come along: found by name, the whole one before the open one, each with what it says of itself."""

from __future__ import annotations

import json
from importlib.metadata import distributions
from pathlib import Path

import pytest

from emofuse import box as boxes
from emofuse import layout
from emofuse.box import Box, default_box, find_box
from emofuse.errors import CheckpointError


def box_in(folder: Path, **about: str) -> Path:
    folder.mkdir(parents=True)
    (folder / layout.BOX).write_text(json.dumps(about))
    return folder


@pytest.fixture
def within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one box in it, and something that is none, and no other distribution's."""
    monkeypatch.setattr(boxes, "_WITHIN", tmp_path / "boxes")
    monkeypatch.setattr(boxes, "entry_points", lambda group: ())
    (tmp_path / "boxes" / "rubbish").mkdir(parents=True)
    return box_in(tmp_path / "boxes" / "box-open", licence="CC-BY-SA-4.0")


def install(name: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution with a box of this name, as pip would."""
    folder = box_in(site / f"box_of_{name}" / "model", licence="MIT")
    (site / f"box_of_{name}" / "__init__.py").write_text(
        "from pathlib import Path\nFOLDER = Path(__file__).parent / 'model'\n"
    )
    information = site / "other_box-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other-box\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[emofuse.boxes]\n{name} = box_of_{name}:FOLDER\n")
    monkeypatch.syspath_prepend(site)
    return folder


def test_the_open_box_is_found_in_the_package(within: Path) -> None:
    assert default_box() == find_box("box-open") == within / "exported"
    assert find_box("box") is None
    assert boxes.boxes()["box-open"].model == within / "model"
    assert boxes.boxes()["box-open"].about() == {"licence": "CC-BY-SA-4.0"}


@pytest.mark.parametrize(("name", "first"), [("box", "box"), ("mine", "box-open")])
def test_a_distribution_brings_its_own(
    name: str, first: str, within: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(name, tmp_path / "site", monkeypatch)
    (installed,) = distributions(path=[str(tmp_path / "site")])
    monkeypatch.setattr(boxes, "entry_points", lambda group: installed.entry_points.select(group=group))
    found = boxes.boxes()
    assert found[name] == Box(name, folder)
    assert find_box(name) == folder / "exported"
    assert next(iter(found)) == first


def test_without_any_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_WITHIN", tmp_path)
    monkeypatch.setattr(boxes, "entry_points", lambda group: ())
    assert default_box() is None
    assert boxes.boxes() == {}


def test_a_damaged_box_is_refused(within: Path) -> None:
    (within / layout.BOX).write_text("{")
    with pytest.raises(CheckpointError, match="box-open again"):
        boxes.boxes()["box-open"].about()
