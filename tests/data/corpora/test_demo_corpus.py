from __future__ import annotations

import csv
from collections import Counter

import pytest

from emofuse.data.corpora.demo_corpus import demo_corpus, demo_manifest
from emofuse.data.labels import apply_policy
from emofuse.data.splits import make_folds
from emofuse.sound.clips import read_clip, seconds_of
from emofuse.types import Corpus


@pytest.fixture(scope="module")
def demo() -> Corpus:
    return demo_corpus()


def test_the_demo_corpus_has_the_counts_that_its_page_tells(demo: Corpus) -> None:
    assert len(demo) == 400
    assert Counter(u.label for u in demo) == {"neutral": 100, "happy": 100, "sad": 100, "angry": 100}
    assert set(Counter((u.speaker, u.label) for u in demo).values()) == {10}
    assert len({u.speaker for u in demo}) == 10


def test_each_session_has_one_female_and_one_male_voice(demo: Corpus) -> None:
    voices = {(u.session, u.gender): {v.speaker for v in demo if v.session == u.session and v.gender == u.gender}
              for u in demo}  # fmt: skip
    assert sorted(voices) == [(f"session{n}", gender) for n in range(1, 6) for gender in ("female", "male")]
    assert all(len(speakers) == 1 for speakers in voices.values())
    assert len(set().union(*voices.values())) == 10


def test_where_the_emotion_is_told_is_spread_evenly_over_every_speaker(demo: Corpus) -> None:
    assert {u.label for u in demo if u.tags["told_by"] == "neither"} == {"neutral"}
    emotional = Counter((u.speaker, u.tags["told_by"]) for u in demo if u.label != "neutral")
    assert {told for _, told in emotional} == {"words", "voice", "both"}
    assert min(emotional.values()) >= 9
    assert max(emotional.values()) <= 11


def test_every_recording_is_there_and_all_together_last_as_long_as_told(demo: Corpus) -> None:
    lengths = [seconds_of(u.audio) or 0.0 for u in demo if u.audio]
    assert len(lengths) == len(demo)
    assert min(lengths) > 0.5
    assert sum(lengths) / 60 == pytest.approx(17.5, abs=0.1)


def test_one_recording_of_each_voice_has_sound(demo: Corpus) -> None:
    for utterance in {u.speaker: u for u in demo}.values():
        assert utterance.audio is not None
        assert read_clip(utterance.audio).seconds == pytest.approx(seconds_of(utterance.audio) or 0, abs=0.01)


def test_no_recording_is_there_twice(demo: Corpus) -> None:
    assert len({u.audio.read_bytes() for u in demo if u.audio}) == len(demo)


def test_the_manifest_says_what_the_table_of_sentences_says(demo: Corpus) -> None:
    with (demo_manifest().parent / "sentences.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert {u.id for u in demo} == set(rows)
    for u in demo:
        row = rows[u.id]
        expected = (row["text"], row["label"], row["speaker"], row["told_by"])
        assert (u.text, u.label, u.speaker, u.tags["told_by"]) == expected


def test_no_file_lies_beside_the_recordings_of_the_manifest(demo: Corpus) -> None:
    assert set((demo_manifest().parent / "audio").iterdir()) == {u.audio for u in demo}


def test_the_demo_corpus_says_that_nobody_was_recorded(demo: Corpus) -> None:
    assert {u.tags["synthetic"] for u in demo} == {"espeak-ng"}


@pytest.mark.parametrize(("protocol", "folds"), [("leave-one-session-out", 5), ("leave-one-speaker-out", 10)])
def test_the_demo_corpus_can_be_parted_by_each_protocol(demo: Corpus, protocol: str, folds: int) -> None:
    labelled, task = apply_policy(demo, "iemocap4")
    assert task.labels == ("neutral", "happy", "angry", "sad")
    assert len(make_folds(labelled, protocol)) == folds  # type: ignore[arg-type]
