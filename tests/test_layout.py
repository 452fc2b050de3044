from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
    with pytest.raises(RunError, match="what is no number"):
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


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def fail_in_file(path: Path, failure: BaseException) -> None:
    with layout.writing_file(path) as temporary:
        temporary.write_text("half")
        raise failure


def fail_in_folder(path: Path, failure: BaseException) -> None:
    with layout.writing_folder(path, replace=True) as temporary:
        (temporary / "new").write_text("half")
        raise failure


def test_a_file_is_at_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    with layout.writing_file(tmp_path / "a/b.txt") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "a/b.txt").exists()
        temporary.write_text("whole")
    assert contents(tmp_path) == {"a/b.txt": "whole"}


def test_two_writers_of_one_file_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    with layout.writing_file(tmp_path / "a.svg") as one, layout.writing_file(tmp_path / "a.svg") as other:
        assert one != other
        assert one.suffix == other.suffix == ".svg"
        one.write_text("one")
        other.write_text("other")
    assert contents(tmp_path) == {"a.svg": "one"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_file_whose_writer_fails_keeps_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    layout.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(failure):
        fail_in_file(tmp_path / "a.txt", failure())
    assert contents(tmp_path) == {"a.txt": "old"}


def test_a_full_disk_is_one_sentence_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^.*/a\.txt: cannot be written \(No space left\); choose another place$"):
        fail_in_file(tmp_path / "a.txt", OSError(28, "No space left"))
    assert contents(tmp_path) == {}


def test_lines_are_written_while_they_are_computed(tmp_path: Path) -> None:
    layout.write_lines(tmp_path / "a.txt", (str(n) for n in range(3)))
    assert contents(tmp_path) == {"a.txt": "0\n1\n2\n"}


def test_lines_that_are_not_unicode_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it holds what is not text"):
        layout.write_lines(tmp_path / "a.txt", ["good", os.fsdecode(b"gr\xfcn.wav")])
    assert contents(tmp_path) == {}


def test_a_folder_is_at_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    with layout.writing_folder(tmp_path / "a/model") as temporary:
        (temporary / "weights").write_text("1")
        assert not (tmp_path / "a/model").exists()
    assert contents(tmp_path) == {"a/model/weights": "1"}


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    layout.write_text(tmp_path / "model/old", "0")
    with layout.writing_folder(tmp_path / "model", replace=True) as temporary:
        (temporary / "new").write_text("1")
        assert contents(tmp_path / "model") == {"old": "0"}
    assert contents(tmp_path) == {"model/new": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_is_not_replaced_unasked(tmp_path: Path) -> None:
    layout.write_text(tmp_path / "model/old", "0")
    with (
        pytest.raises(RunError, match=r"model: cannot be written \(File exists\); choose another folder"),
        layout.writing_folder(tmp_path / "model"),
    ):
        pytest.fail("the block must not run")
    assert contents(tmp_path) == {"model/old": "0"}


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(RunError, match="File exists"), layout.writing_folder(tmp_path / "model", replace=True):
        pytest.fail("the block must not run")
    assert contents(tmp_path) == {"model": "mine"}


def test_a_folder_whose_writer_fails_keeps_what_was_there(tmp_path: Path) -> None:
    layout.write_text(tmp_path / "model/old", "0")
    with pytest.raises(ZeroDivisionError):
        fail_in_folder(tmp_path / "model", ZeroDivisionError())
    assert contents(tmp_path) == {"model/old": "0"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.write_text(tmp_path / "model/old", "0")
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with (
        pytest.raises(RunError, match="Input/output error"),
        layout.writing_folder(tmp_path / "model", replace=True) as temporary,
    ):
        (temporary / "new").write_text("1")
    assert contents(tmp_path) == {"model/old": "0"}


KILLED = """
import os, signal, sys
from pathlib import Path
from emofuse import layout
target = Path(sys.argv[2])
with getattr(layout, sys.argv[1])(target, *([True] if sys.argv[1] == "writing_folder" else [])) as temporary:
    place = temporary / "weights" if temporary.is_dir() else temporary
    place.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("writer", ["writing_file", "writing_folder"])
def test_a_process_killed_in_the_middle_leaves_the_target_as_it_was(tmp_path: Path, writer: str) -> None:
    target = tmp_path / "target"
    kept = target if writer == "writing_file" else target / "weights"
    layout.write_text(kept, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, writer, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert kept.read_text() == "old"
    assert all(path.name.startswith(".") for path in tmp_path.iterdir() if path != target)
    with layout.writing_file(tmp_path / "again") as temporary:  # the remains are in nobody's way
        temporary.write_text("whole")
