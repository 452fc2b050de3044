"""Gold and recognised text side by side: which one is read, and how one is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emofuse.config import TextSource
from emofuse.data.text_sources import draw_transcript, kinds_of, transcripts_of, use_text_source
from emofuse.types import Corpus, Utterance

BOTH = Utterance("both", text="said", text_source="gold", transcripts={"asr:whisper": "sad"})
TURNED = Utterance("turned", text="sad", text_source="asr:whisper", transcripts={"gold": "said"})
UNNAMED = Utterance("unnamed", text="said", transcripts={"asr": "sad", "asr:other": "set"})
GOLD = Utterance("gold", audio=Path("a.wav"), text="said", text_source="gold")
HEARD = Utterance("heard", audio=Path("a.wav"), transcripts={"asr:whisper": "sad"})
MUTE = Utterance("mute", audio=Path("a.wav"))
ALL = Corpus((BOTH, TURNED, UNNAMED, GOLD, HEARD, MUTE), name="texts")


def texts(corpus: Corpus) -> list[tuple[str | None, str | None]]:
    return [(u.text, u.text_source) for u in corpus]


def test_transcripts_stand_by_source_the_manifest_s_own_first() -> None:
    assert list(transcripts_of(BOTH).items()) == [("gold", "said"), ("asr:whisper", "sad")]
    assert list(transcripts_of(TURNED).items()) == [("asr:whisper", "sad"), ("gold", "said")]
    assert list(transcripts_of(UNNAMED)) == ["gold", "asr", "asr:other"]
    assert transcripts_of(MUTE) == {}


def test_the_text_of_the_manifest_goes_before_a_transcript_of_the_same_source() -> None:
    assert transcripts_of(replace(BOTH, transcripts={"gold": "older"})) == {"gold": "said"}


def test_the_kinds_of_text_are_gold_and_recognised() -> None:
    assert kinds_of(ALL) == {"gold", "asr"}
    assert kinds_of([GOLD, MUTE]) == {"gold"}
    assert kinds_of([HEARD]) == {"asr"}
    assert kinds_of([MUTE]) == set()


def test_gold_is_read_where_there_is_any() -> None:
    said = ("said", "gold")
    assert texts(use_text_source(ALL, "gold")) == [said, said, said, said, (None, None), (None, None)]


def test_what_was_recognised_is_read_where_there_is_any() -> None:
    assert texts(use_text_source(ALL, "asr")) == [
        ("sad", "asr:whisper"),
        ("sad", "asr:whisper"),
        ("sad", "asr"),
        (None, None),
        ("sad", "asr:whisper"),
        (None, None),
    ]


@pytest.mark.parametrize("source", ["given", "mixed"])
def test_otherwise_the_text_of_the_manifest_stays(source: TextSource) -> None:
    assert use_text_source(ALL, source) is ALL


def test_without_sound_what_lacks_a_text_says_nothing() -> None:
    words = Corpus((Utterance("a", text="said", text_source="gold"),))
    assert texts(use_text_source(words, "asr")) == [("", None)]


def test_reading_changes_the_text_and_nothing_else() -> None:
    for before, after in zip(ALL, use_text_source(ALL, "asr"), strict=True):
        assert replace(after, text=before.text, text_source=before.text_source) == before


def test_one_transcript_is_drawn_each_as_often() -> None:
    rng = np.random.default_rng(0)
    counts = Counter((u.text, u.text_source) for u in (draw_transcript(UNNAMED, rng) for _ in range(3000)))
    assert set(counts) == {("said", "gold"), ("sad", "asr"), ("set", "asr:other")}
    assert all(900 < count < 1100 for count in counts.values())


def test_the_same_draws_give_the_same_transcripts() -> None:
    first, second = (
        [draw_transcript(BOTH, rng).text for _ in range(20)]
        for rng in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert first == second
    assert set(first) == {"said", "sad"}


@pytest.mark.parametrize("utterance", [GOLD, HEARD, MUTE], ids=lambda u: u.id)
def test_where_there_is_nothing_to_choose_nothing_is_drawn(utterance: Utterance) -> None:
    rng = np.random.default_rng(0)
    assert draw_transcript(utterance, rng) is utterance
    assert rng.random() == np.random.default_rng(0).random()
