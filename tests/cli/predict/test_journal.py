"""The journal: entries with a checksum, and hashes of what is predicted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from emofuse import Utterance
from emofuse.cli.predict.journal import Entry, Journal, content_digest, input_digest
from emofuse.errors import RunError

ENTRY = Entry("a\udce9", "a\udce9.wav", "in", "out", "predicted", 1.5)


def test_an_entry_survives_its_line_and_any_damage_is_seen() -> None:
    line = ENTRY.as_line()
    assert Entry.of_line(line) == ENTRY
    for place in range(0, len(line) - 1, 3):
        assert Entry.of_line(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]) != ENTRY
    for damaged in (line[:-1], line[:20] + b"\n", b"[]\n", b"{}\n", b"\n", b"nonsense\n"):
        assert Entry.of_line(damaged) is None


def test_the_last_entry_of_an_id_counts_and_a_torn_one_is_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal")
    failed = replace(ENTRY, status="failed", answer=None)
    for entry in (failed, replace(ENTRY, id="b"), ENTRY):
        journal.add(entry)
    journal.close()
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + whole[:30])
    assert list(journal.entries().values()) == [ENTRY, replace(ENTRY, id="b")]
    assert caplog.text == ""
    journal.path.write_bytes(whole + b"nonsense\n")
    assert len(journal.entries()) == 2
    assert "1 damaged line" in caplog.text


def test_an_input_has_the_hash_of_all_that_its_prediction_depends_on(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    one = Utterance("a", audio=path)
    missing = input_digest(one)
    path.write_bytes(b"one")
    first = input_digest(one)
    assert input_digest(replace(one, id="b")) == first
    state = path.stat()
    path.unlink()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # of one size and age
    others = [
        input_digest(replace(one, **changed)) for changed in ({}, {"text": "x"}, {"start": 1.0}, {"end": 1.0})
    ]
    assert len({missing, first, *others}) == 6


def test_what_is_no_file_has_no_content(tmp_path: Path) -> None:
    assert content_digest(tmp_path) is None
    assert content_digest(tmp_path / "gone") is None
    assert content_digest(Path("nul\0")) is None
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert content_digest(tmp_path / "pipe") is None  # and nobody waits for a writer


def test_a_journal_that_was_removed_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.unlink()
    with pytest.raises(
        RunError, match=r"journal\.jsonl: cannot be read \(No such file or directory\); run it again"
    ):
        journal.entries()
    journal.close()
