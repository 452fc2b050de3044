"""A run knows its recordings by what they hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emofuse.data.run_hashes import recordings_hash, refuse_changed_recordings, run_hashes
from emofuse.errors import RunError
from emofuse.types import Corpus, Utterance


def test_the_hash_depends_on_contents_and_on_nothing_else_of_the_files(tmp_path: Path) -> None:
    for name, content in (("a.wav", "one"), ("b.wav", "two"), ("same.wav", "one")):
        (tmp_path / name).write_text(content)
    first, second = Utterance("a", audio=tmp_path / "a.wav"), Utterance("b", audio=tmp_path / "b.wav")
    words = Utterance("c", text="no")
    wanted = recordings_hash(Corpus((first, second, words)))
    assert recordings_hash(Corpus((words, second, first))) == wanted
    assert recordings_hash(Corpus((replace(first, audio=tmp_path / "same.wav"), second))) == wanted
    assert recordings_hash(Corpus((replace(first, audio=tmp_path / "b.wav"), second))) != wanted
    assert recordings_hash(Corpus((replace(first, audio=tmp_path / "gone.wav"), second))) != wanted
    assert run_hashes(Corpus((first, second)))["recordings_hash"] == wanted


def test_a_recording_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("one")
    corpus = Corpus((Utterance("a", audio=tmp_path / "a.wav"),), name="tones")
    before = recordings_hash(corpus)
    refuse_changed_recordings(corpus, before)
    (tmp_path / "a.wav").write_text("other")
    with pytest.raises(RunError, match="tones: a recording was changed while the run went on"):
        refuse_changed_recordings(corpus, before)
