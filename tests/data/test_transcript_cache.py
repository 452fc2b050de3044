"""Recognised texts that are kept: what their key depends on, and what becomes of damaged ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_corpus import write_tone

from emofuse.data.asr_engines import Transcript, Word
from emofuse.data.transcript_cache import cache_transcript, cached_transcript, transcript_key
from emofuse.errors import AudioError
from emofuse.sound.clips import Clip
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types import Utterance


class Deaf:
    """An engine of a version, at a place."""

    languages = None

    def __init__(self, version: str, name: str = "deaf") -> None:
        self.version, self.name = version, name

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        return Transcript("", language)


@pytest.fixture
def spoken(tmp_path: Path) -> Utterance:
    return Utterance("a", audio=write_tone(tmp_path / "a.wav", 300, 0.2, seed=0))


def key(spoken: Utterance, version: str = "1", language: str | None = None, gated: bool = True) -> str:
    assert spoken.audio is not None
    return transcript_key(spoken, spoken.audio, Deaf(version), language, SpeechGate() if gated else None)


def test_the_key_depends_on_sound_span_language_engine_and_gate(spoken: Utterance, tmp_path: Path) -> None:
    other = replace(spoken, audio=write_tone(tmp_path / "b.wav", 900, 0.2, seed=9))
    keys = {
        key(spoken),
        key(other),
        key(replace(spoken, end=0.15)),
        key(spoken, version="2"),
        key(spoken, language="de"),
        key(spoken, gated=False),
    }
    assert len(keys) == 6


def test_the_key_depends_on_no_name_and_no_place(spoken: Utterance, tmp_path: Path) -> None:
    assert spoken.audio is not None
    moved = Path(shutil.copy(spoken.audio, tmp_path / "moved.wav"))
    again = transcript_key(Utterance("b", audio=moved), moved, Deaf("1", "deaf:elsewhere"), None, SpeechGate())
    assert again == key(spoken)


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav: cannot be read"):
        key(Utterance("a", audio=tmp_path / "gone.wav"))


@pytest.mark.parametrize("damage", [b"", b"{", b'{"text": 3}', b"\xff\xfe"])
def test_what_is_kept_comes_back_unless_it_is_damaged(
    damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path))
    assert cached_transcript("k") is None
    transcript = Transcript("hello", "en", 0.5, (Word("hello", 0.0, 0.1, 0.5),))
    cache_transcript("k", transcript)
    assert cached_transcript("k") == transcript
    (tmp_path / "transcripts" / "k.json").write_bytes(damage)
    assert cached_transcript("k") is None
    assert "is damaged; the utterance is recognised again" in caplog.text
