"""Models that come along: found by name, the whole one before the open one, each with what it says of itself."""

from __future__ import annotations

import json
from importlib.metadata import distributions
from pathlib import Path

import pytest

from emofuse import box as boxes
from emofuse import layout
from emofuse.box import Box, default_box, find_box, find_model, find_trained_model, is_model
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


@pytest.fixture
def models(within: Path, tmp_path: Path) -> Path:
    """A folder with every kind of model, and with what is none."""
    for name in (
        "model/config.json",
        "exported/export.json",
        "run/model/config.json",
        "exported-run/model/export.json",
        "crossval/folds.json",
        "crossval/fold-1/seed-0/fusion/model/config.json",
        "empty/notes.txt",
        "recording.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model", "model"),
        ("exported", "exported"),
        ("run", "run/model"),
        ("exported-run", "exported-run/model"),
        ("crossval/fold-1/seed-0/fusion", "crossval/fold-1/seed-0/fusion/model"),
    ],
)
def test_a_model_is_found_in_its_folder_its_run_or_its_job(models: Path, name: str, place: str) -> None:
    assert is_model(models / name)
    assert find_model(models / name) == find_model(str(models / name)) == models / place


def test_a_box_is_found_by_its_name_and_is_taken_where_none_is_named(within: Path) -> None:
    assert is_model("box-open")
    assert find_model("box-open") == find_model() == within / "exported"
    (within / "exported").mkdir()
    (within / "exported" / layout.EXPORT).touch()
    with pytest.raises(CheckpointError, match="box-open: an installed box holds no weights for torch"):
        find_trained_model("box-open")
    (within / "model").mkdir()
    (within / "model" / layout.CONFIG).touch()
    assert find_trained_model("box-open") == find_trained_model(within / "exported") == within / "model"


def test_a_folder_goes_before_a_box(within: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models)
    (models / "model").rename("box-open")
    assert find_model("box-open") == Path("box-open")
    (models / "box-open" / "config.json").unlink()  # no longer a model
    assert find_model("box-open") == within / "exported"


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("gone", False, "gone: no such model folder, and no model in the box of that name .box-open."),
        ("empty", False, "empty: is not a model folder, it has no config.json or export.json"),
        ("recording.wav", False, "recording.wav: is a file, not a model folder"),
        ("crossval", True, "crossval: is a run of folds; name one of its models, such as fold-1/seed-0/fusion"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence(models: Path, name: str, known: bool, sentence: str) -> None:
    assert is_model(models / name) == known
    for find in (find_model, find_trained_model):
        with pytest.raises(CheckpointError, match=sentence):
            find(models / name)


def test_an_exported_model_cannot_be_explained_or_exported(models: Path) -> None:
    with pytest.raises(CheckpointError, match="exported: is an exported model, without weights for torch"):
        find_trained_model(models / "exported")


def test_without_a_box_a_model_has_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_WITHIN", tmp_path)
    monkeypatch.setattr(boxes, "entry_points", lambda group: ())
    with pytest.raises(CheckpointError, match="no model ships with this installation; name a model folder"):
        find_model()
