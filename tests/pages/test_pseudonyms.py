"""Pseudonyms: the same for the same name and key, another for another, and nothing to be found without the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emofuse.errors import RunError
from emofuse.pages.pseudonyms import KEY_BYTES, KEY_FILE, Pseudonyms, without_names


def test_a_name_has_one_pseudonym_for_a_key_and_another_for_another_key(tmp_path: Path) -> None:
    one, again, other = (Pseudonyms.kept_in(tmp_path / folder) for folder in ("a/b", "a/b", "c"))
    assert one == again
    assert one.of("speaker", "Ann") == again.of("speaker", "Ann") != other.of("speaker", "Ann")
    assert re.fullmatch(r"speaker-[a-z2-7]{12}", one.of("speaker", "Ann"))
    names = ("Ann", "Bo", "\ud800")
    assert len({one.of(kind, name)[-12:] for kind in ("speaker", "recording") for name in names}) == 6


def test_the_recordings_of_an_archive_have_different_pseudonyms() -> None:
    pseudonyms = Pseudonyms(bytes(32))
    one, other = (pseudonyms.of("recording", name) for name in ("rec6473", "rec9246"))
    assert one[:16] == other[:16]  # six letters would be the same
    assert one != other


def test_the_key_is_for_its_owner_only_and_is_not_shown(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms.kept_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert len((tmp_path / KEY_FILE).read_bytes()) == KEY_BYTES
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    assert "key" not in repr(pseudonyms)


@pytest.mark.parametrize("held", [b"", b"short", bytes(33)])
def test_a_damaged_key_is_refused(tmp_path: Path, held: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(held)
    with pytest.raises(RunError, match="is damaged; delete it"):
        Pseudonyms.kept_in(tmp_path)


def test_a_key_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be kept"):
        Pseudonyms.kept_in(tmp_path / "file")


def test_names_are_replaced_where_they_stand_as_words() -> None:
    names = {"Ann": "A", "Ann Miller": "M", "": "no", "x.y": "F"}
    assert without_names("Ann Miller, Ann; Anna, Joann, x.y, xay", names) == "M, A; Anna, Joann, F, xay"
    assert without_names("nobody", {}) == "nobody"
