"""No command opens a connection, looks a name up, or writes a file outside its output and our cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports import exported_folder, model_folder
from small_corpus import write_tone
from tiny import write_recipe
from watched import Watched, watch


def assert_private(done: Watched, folder: Path) -> None:
    """Assert that a command did its work, and that nothing of it left the output and the cache."""
    assert done.code == 0, done.printed
    assert done.addresses == ()
    cache = folder / "home" / ".cache" / "emofuse"
    allowed = (folder / "out", cache, folder / "tmp", Path("/dev"), Path("/proc/self"))
    outside = {path for path in done.written if not any(path.is_relative_to(room) for room in allowed)}
    assert outside - {folder / "events.jsonl"} == set()
    assert [path for path in done.left if not path.is_relative_to(cache)] == []


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    write_tone(tmp_path / "tone.wav", 200, 2.0, seed=0)
    return tmp_path / "tone.wav"


def test_a_predicted_file_stays_here(tmp_path: Path, wav: Path) -> None:
    done = watch(tmp_path / "run", "predict", wav, "--any-sound", "--text", "I said no.", "--format", "json")
    assert_private(done, tmp_path / "run")


def test_a_page_of_a_timeline_stays_here(tmp_path: Path, wav: Path) -> None:
    (tmp_path / "run").mkdir()
    done = watch(tmp_path / "run", "predict", wav, "--timeline", "--format", "page", "--out", "out")
    assert_private(done, tmp_path / "run")


@pytest.mark.slow
def test_a_picture_of_a_timeline_stays_here(tmp_path: Path, wav: Path) -> None:
    done = watch(tmp_path / "run", "predict", wav, "--timeline", "--format", "picture", "--out", "out")
    assert_private(done, tmp_path / "run")
    assert any("matplotlib" in path.parts for path in done.left)  # the list of fonts, in our cache


@pytest.mark.slow
def test_an_archive_stays_here(tmp_path: Path, wav: Path) -> None:
    done = watch(
        tmp_path / "run",
        "predict",
        exported_folder(),
        wav.parent,
        "--any-sound",
        "--format",
        "jsonl",
        "--out",
        "out",
    )
    assert_private(done, tmp_path / "run")


@pytest.mark.slow
def test_an_explanation_stays_here(tmp_path: Path, wav: Path) -> None:
    arguments = ("explain", model_folder(), wav, "--text", "I said no.", "--out", "out/page.html")
    (tmp_path / "run" / "out").mkdir(parents=True)
    assert_private(watch(tmp_path / "run", *arguments), tmp_path / "run")


@pytest.mark.slow
def test_an_export_stays_here(tmp_path: Path) -> None:
    done = watch(tmp_path / "run", "export", model_folder(), "--int8", "--out", "out/exported")
    assert_private(done, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "crossval"])
def test_a_training_stays_here(command: str, tmp_path: Path, manifest: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.yaml")
    done = watch(tmp_path / "run", command, recipe, "--manifest", manifest, "--out", "out/run")
    assert_private(done, tmp_path / "run")


def test_a_planted_connection_and_a_planted_file_are_seen(tmp_path: Path) -> None:
    planted = "import pathlib, socket; (pathlib.Path.home() / 'planted').touch(); "
    planted += "socket.socket().connect_ex(('127.0.0.1', 9))"
    done = watch(tmp_path / "run", planted, program=("-c",))
    assert "socket.connect ('127.0.0.1', 9)" in done.addresses
    assert tmp_path / "run" / "home" / "planted" in done.written
    assert done.left == (tmp_path / "run" / "home" / "planted",)
