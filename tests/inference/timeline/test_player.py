"""The recording on a page: embedded, linked where it is large, or its samples alone."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from emofuse.errors import AudioError
from emofuse.inference.timeline.player import nameless_player, recording_player


def test_a_large_recording_is_linked_from_where_the_page_stands(tmp_path: Path) -> None:
    audio = tmp_path / "my calls" / "a#1?.wav"
    audio.parent.mkdir()
    audio.write_bytes(b"123456")
    pages = tmp_path / "pages"
    player = recording_player(audio, pages, limit=5)
    assert (player.source, player.linked) == ("../my%20calls/a%231%3F.wav", True)
    assert Path(os.path.normpath(pages / unquote(player.source))) == audio
    player = recording_player(audio, pages, limit=6)
    assert (player.source[:22], player.linked) == ("data:audio/wav;base64,", False)


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav"):
        recording_player(tmp_path / "gone.wav", tmp_path)


def test_the_samples_alone_have_no_name_and_no_tags(tmp_path: Path) -> None:
    path = tmp_path / "ann.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as sound:
        sound.artist = "Ann Miller"
        sound.write(np.sin(np.arange(8000) / 20) * 0.5)
    player = nameless_player(path, 1.0)
    assert player is not None
    file = base64.b64decode(player.source.partition(",")[2])
    assert b"Ann" in path.read_bytes()
    assert b"Ann" not in file
    samples, rate = soundfile.read(io.BytesIO(file))
    assert (len(samples), rate) == (16_000, 16_000)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


def test_samples_that_are_too_large_are_left_out(tmp_path: Path) -> None:
    assert nameless_player(tmp_path / "not read.wav", 1.0, limit=31_999) is None
