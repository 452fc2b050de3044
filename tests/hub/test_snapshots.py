"""Names on the Hub: what is one, what is fetched, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_models import put_in_cache, save_reading
from huggingface_hub import constants

from emofuse.box import find_model, is_foreign, name_of
from emofuse.errors import CheckpointError
from emofuse.hub import snapshots
from emofuse.hub.snapshots import Source, on_hub


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of the Hub of its own; nothing else can be reached."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("someone/model", Source("someone/model")),
        ("someone/model-1.0@v1.0", Source("someone/model-1.0", "v1.0")),
        ("model", None),
        ("a/b/c", None),
        ("../model", None),
        ("/model", None),
        ("some one/model", None),
    ],
)
def test_a_name_on_the_hub_has_an_owner(name: str, source: Source | None) -> None:
    assert on_hub(name) == source


def test_a_path_below_a_folder_that_is_here_is_no_name_on_the_hub(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert on_hub("runs/first") is None
    with pytest.raises(CheckpointError, match="runs/first: no such model folder, and no model in the box"):
        find_model("runs/first")


def test_a_model_in_the_cache_is_found_by_its_name_and_revision(tmp_path: Path, cache: Path) -> None:
    snapshot = put_in_cache(save_reading(tmp_path / "made"), "someone/reads", cache)
    for name in ("someone/reads", f"someone/reads@{'a' * 40}"):
        assert find_model(name) == snapshot
    assert is_foreign(snapshot)
    assert name_of(snapshot) == "someone/reads"


def test_what_is_neither_here_nor_cached_is_said_with_both_possibilities(cache: Path) -> None:
    with pytest.raises(CheckpointError) as raised:
        find_model("someone/gone@v2")
    for words in ("someone/gone: no such folder here", "local cache", "hf download someone/gone --revision v2"):
        assert words in str(raised.value)


def test_a_sealed_process_takes_what_is_cached_and_does_not_try_the_network(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(snapshots, "locks", lambda: ("python",))
    snapshot = put_in_cache(save_reading(tmp_path / "made"), "someone/reads", cache)
    assert find_model("someone/reads") == snapshot
    with pytest.raises(CheckpointError, match="hf download someone/gone"):
        find_model("someone/gone")
