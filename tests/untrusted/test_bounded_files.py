"""Files are looked at before they are read, and no link leads out of a model's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emofuse.errors import CheckpointError
from emofuse.untrusted.bounded_files import read_bytes, read_text, refuse_links_outside


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "card"
    path.write_text("ü")
    assert read_text(path) == "ü"
    assert read_bytes(path, 2) == "ü".encode()
    with pytest.raises(ValueError, match="larger than 1 bytes"):
        read_bytes(path, 1)


def test_pipes_devices_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match="no regular file"):
            read_bytes(place)
    with pytest.raises((ValueError, OSError)):
        read_bytes(tmp_path)


def test_links_within_the_folder_are_followed_and_others_refused(tmp_path: Path) -> None:
    folder, other = tmp_path / "model", tmp_path / "secret"
    folder.mkdir()
    (folder / "weights").touch()
    other.touch()
    (folder / "inside").symlink_to("weights")
    refuse_links_outside(folder)
    (tmp_path / "link").symlink_to(folder)
    refuse_links_outside(tmp_path / "link")
    for target in ("../secret", str(other), "../nowhere", "/dev/zero"):
        (folder / "outside").symlink_to(target)
        with pytest.raises(CheckpointError, match="outside: is a link to a place outside"):
            refuse_links_outside(folder)
        (folder / "outside").unlink()


def test_the_snapshots_of_the_hub_are_links_to_their_own_files(tmp_path: Path) -> None:
    repository = tmp_path / "models--someone--hears"
    snapshot = repository / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "abc").touch()
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    refuse_links_outside(snapshot)
    (tmp_path / "secret").touch()
    (snapshot / "tokenizer.json").symlink_to("../../../secret")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: is a link"):
        refuse_links_outside(snapshot)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        refuse_links_outside(tmp_path / "nowhere")
