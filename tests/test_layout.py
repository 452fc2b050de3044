from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from emofuse import layout
from emofuse.errors import RunError


def test_a_job_has_a_folder_of_its_own_by_fold_seed_and_system(tmp_path: Path) -> None:
    assert layout.job_folder(tmp_path, 2, 0, "fusion") == tmp_path / "fold-2/seed-0/fusion"


def test_a_folder_with_a_configuration_is_a_model(tmp_path: Path) -> None:
    assert not layout.is_model_folder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert layout.is_model_folder(tmp_path)


def test_a_folder_is_made_with_its_parents_and_nothing_in_it(tmp_path: Path) -> None:
    made = layout.make_folder(tmp_path / "a/b")
    assert made == tmp_path / "a/b"
    assert list(made.iterdir()) == []


def test_making_a_folder_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    layout.make_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_below_a_file_is_refused_with_the_path_and_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"file/run: cannot be written .*; choose another folder"):
        layout.make_folder(tmp_path / "file/run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written"):
        layout.make_folder(tmp_path)


def test_text_is_written_as_utf8_below_folders_that_it_makes(tmp_path: Path) -> None:
    layout.write_text(tmp_path / "a/b.txt", "grün\n")
    assert (tmp_path / "a/b.txt").read_bytes() == "grün\n".encode()


def test_writing_replaces_what_was_there_and_leaves_no_other_file(tmp_path: Path) -> None:
    layout.write_text(tmp_path / "a.txt", "old, and longer")
    layout.write_text(tmp_path / "a.txt", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "new"}


def test_a_file_below_a_file_is_refused_with_the_path_and_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"file/a\.txt: cannot be written .*; choose another place"):
        layout.write_text(tmp_path / "file/a.txt", "text")


def test_a_write_that_fails_leaves_no_file_behind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "a.txt/kept").touch()
    with pytest.raises(RunError, match="cannot be written"):
        layout.write_text(tmp_path / "a.txt", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_text_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    undecodable = os.fsdecode(b"gr\xfcn.wav")
    with pytest.raises(RunError, match=r"a\.txt: cannot be written"):
        layout.write_text(tmp_path / "a.txt", undecodable)


def test_json_is_written_readable_and_read_back_equal(tmp_path: Path) -> None:
    value = {"labels": ["glücklich", "traurig"], "n": 2, "std": None}
    layout.write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "glücklich" in text
    assert text.endswith("}\n")


def test_json_with_a_number_that_is_none_leaves_the_old_file_whole(tmp_path: Path) -> None:
    layout.write_json(tmp_path / "a.json", {"ua": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        layout.write_json(tmp_path / "a.json", {"ua": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"ua": 0.5}


def test_json_lines_are_one_document_a_line_even_with_line_breaks_in_them(tmp_path: Path) -> None:
    values = [{"text": "one\ntwo"}, {"text": "three\u2028four"}]
    layout.write_json_lines(tmp_path / "a.jsonl", values)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == values
    assert lines[-1] == ""


def test_json_lines_whose_source_fails_leave_the_old_file_whole(tmp_path: Path) -> None:
    layout.write_json_lines(tmp_path / "a.jsonl", [1, 2])
    with pytest.raises(ZeroDivisionError):
        layout.write_json_lines(tmp_path / "a.jsonl", (1 // n for n in (1, 0)))
    assert (tmp_path / "a.jsonl").read_text() == "1\n2\n"
