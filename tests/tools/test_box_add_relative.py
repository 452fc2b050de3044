"""Which clips tell a box what the sound was like that its voice was trained on."""

from __future__ import annotations

from pathlib import Path

import add_relative
import pytest
from corpus import KEPT_OUT

from emofuse.types import Corpus, Utterance


def test_corpora_count_alike_and_speakers_that_are_kept_out_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"ravdess": 700, "emodb": 30, "keywords": 50}
    rows = [
        Utterance(
            f"{name}{n}", text="so", session=name, speaker=KEPT_OUT[0] if name == "emodb" and n < 10 else "a"
        )
        for name, count in counts.items()
        for n in range(count)
    ]
    monkeypatch.setattr(add_relative, "speech", lambda data, corpora: Corpus(tuple(rows)))
    chosen = add_relative.clips_of(Path("data"), ("ravdess", "emodb"))
    sessions = [one.session for one in chosen]
    assert (sessions.count("ravdess"), sessions.count("emodb"), len(chosen)) == (add_relative.CLIPS, 20, 520)
    assert {one.speaker for one in chosen} == {"a"}
