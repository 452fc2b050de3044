"""`emofuse cache`: what it shows, what it deletes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from emofuse.cli.main import run
from emofuse.data.cache import ArrayCache, key_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder: Path) -> list[Path]:
    """Put four features of a megabyte and a transcript in, the later the more recently used."""
    cache, paths = ArrayCache("features"), []
    for number in range(4):
        key = key_of(number=number)
        cache.put(key, {"frames": np.zeros(1 << 18, np.float32)})
        paths.append(cache.path(key))
        os.utime(paths[-1], (1e9 + number, 1e9 + number))
    (folder / "transcripts").mkdir()
    (folder / "transcripts" / "a.json").write_text("{}")
    return paths


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["cache", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_an_empty_cache_is_no_error_and_is_not_made(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = call(capsys, "--json")
    assert code == 0
    assert json.loads(out) == {
        "folder": str(folder),
        "kinds": {},
        "bytes": 0,
        "deleted": {"files": 0, "bytes": 0},
    }
    assert call(capsys, "--prune")[0] == 0
    assert not folder.exists()


def test_the_table_names_the_folder_and_every_kind(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    fill(folder)
    code, out, err = call(capsys)
    assert (code, err) == (0, "")
    assert str(folder) in "".join(out.split("\n"))
    cells = {tuple(line.replace("│", " ").split()) for line in out.splitlines()}
    assert ("features", "4", "4.0") in cells
    assert ("transcripts", "1", "0.0") in cells
    assert "deleted" not in out


def test_the_document_counts_files_and_bytes(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    paths = fill(folder)
    _, out, _ = call(capsys, "--json")
    document = json.loads(out)
    size = sum(path.stat().st_size for path in paths)
    assert document["kinds"] == {
        "features": {"files": 4, "bytes": size},
        "transcripts": {"files": 1, "bytes": 2},
    }
    assert document["bytes"] == size + 2
    assert document["deleted"] == {"files": 0, "bytes": 0}


def test_prune_deletes_everything_and_says_how_much(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    paths = fill(folder)
    code, out, _ = call(capsys, "--prune")
    assert code == 0
    assert "deleted 5 files, 4.0 MB" in out
    assert not any(path.exists() for path in paths)


def test_prune_keeps_so_many_gigabytes_of_what_was_used_last(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    paths = fill(folder)
    code, out, _ = call(capsys, "--prune", "--keep-gb", str(2.5 / 1024), "--json")
    document = json.loads(out)
    assert code == 0
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert document["deleted"]["files"] == 2
    assert document["kinds"]["features"]["files"] == 2
    assert document["kinds"]["transcripts"]["files"] == 1


def test_without_prune_nothing_is_deleted(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    paths = fill(folder)
    call(capsys, "--keep-gb", "0")
    assert all(path.exists() for path in paths)


def test_a_size_below_zero_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "--prune", "--keep-gb", "-1")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "--keep-gb" in err
