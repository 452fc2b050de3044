from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from emofuse.data.corpora.msppodcast import read_msppodcast
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

NAME = "MSP-PODCAST_0001_0008.wav"
OTHER = "MSP-PODCAST_0023_0019_02.wav"
ROW = {
    "EmoClass": "H", "EmoAct": "4.8", "EmoVal": "5.2", "EmoDom": "4.4", "SpkrID": "127", "Gender": "Female",
    "Split_Set": "Train",
}  # fmt: skip
RATERS = {
    "WORKER00000001": {"EmoClass_Major": "Happy", "EmoClass_Second": "Happy,Amused", "EmoVal": "5.0"},
    "WORKER00000002": {"EmoClass_Major": "Happy", "EmoClass_Second": "Happy", "EmoVal": "6.0"},
    "WORKER00000003": {"EmoClass_Major": "Other-Curious", "EmoClass_Second": "Neutral", "EmoVal": "4.0"},
}
VOTES = {"happy": 2.0, "other": 1.0}
COLUMNS = ("EmoClass_Major", "EmoClass_Second", "EmoVal")


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def consensus(root: Path, rows: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    table(root / "Labels/labels_consensus.csv", ["FileName", *ROW], [[name, *row.values()] for name, row in rows])


def detailed(root: Path, raters: Mapping[str, Mapping[str, Any]], name: str = NAME) -> None:
    rows = [[name, rater, *(rating[column] for column in COLUMNS)] for rater, rating in raters.items()]
    table(root / "Labels/labels_detailed.csv", ["FileName", "WorkerID", *COLUMNS], rows)


def record(root: Path, *names: str, words: str | None = "And so we did.") -> None:
    """Write empty recordings, each with its transcript."""
    for folder in ("Audios", "Transcripts"):
        (root / folder).mkdir(exist_ok=True)
    for name in names:
        (root / "Audios" / name).touch()
        if words is not None:
            (root / "Transcripts" / name).with_suffix(".txt").write_text(words, encoding="utf-8")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release of one turn."""
    consensus(tmp_path, [(NAME, ROW)])
    detailed(tmp_path, RATERS)
    record(tmp_path, NAME)
    return tmp_path


def with_row(root: Path, **changed: str) -> Path:
    """Write a second turn, whose row differs."""
    consensus(root, [(NAME, ROW), (OTHER, {**ROW, **changed})])
    record(root, OTHER)
    return root


def second(root: Path, **changed: str) -> Utterance:
    return read_msppodcast(with_row(root, **changed)).corpus.utterances[1]


def test_the_tables_tell_all(release: Path) -> None:
    prepared = read_msppodcast(release)
    assert prepared.corpus.utterances == (
        Utterance(
            id="MSP-PODCAST_0001_0008",
            audio=release / "Audios" / NAME,
            text="And so we did.",
            text_source="gold",
            label="happy",
            votes=VOTES,
            dimensions={"valence": 5.2, "arousal": 4.8, "dominance": 4.4},
            speaker="msppodcast_127",
            gender="female",
            dialogue="MSP-PODCAST_0001",
            language="en",
            split="train",
            tags={"source_label": "H"},
        ),
    )
    assert prepared.corpus.name == "msppodcast"
    assert (prepared.skipped, prepared.incomplete) == ((), None)


def test_json_in_place_of_the_tables_will_do(release: Path) -> None:
    expected = read_msppodcast(release).corpus
    for name, content in (("labels_consensus", ROW), ("labels_detailed", RATERS)):
        (release / f"Labels/{name}.csv").unlink()
        (release / f"Labels/{name}.json").write_text(json.dumps({NAME: content}), encoding="utf-8")
    prepared = read_msppodcast(release)
    assert prepared.corpus == expected
    assert prepared.skipped == ()


def test_a_rating_in_one_column_is_read(release: Path) -> None:
    details = [
        "WORKER00000001; Happy; Happy,Amused; A:5.000; V:5.000; D:4.000; ",
        "WORKER00000002; Happy; A:5.000; V:6.000; D:4.000; ",
        "WORKER00000003; Other-Curious, or so; Neutral; A:4.000; V:4.000; D:4.000; ",
    ]
    table(release / "Labels/labels_detailed.csv", ["FileName", "EmoDetail"], [[NAME, text] for text in details])
    assert [u.votes for u in read_msppodcast(release).corpus] == [VOTES]


@pytest.mark.parametrize("name", ["labels/labels_consensus.csv", "label/labels_concensus.csv"])  # codespell:ignore
def test_the_names_of_earlier_releases_will_do(release: Path, name: str) -> None:
    (release / name).parent.mkdir(exist_ok=True)
    (release / "Labels/labels_consensus.csv").rename(release / name)
    (release / "Labels/labels_detailed.csv").rename((release / name).with_name("labels_detailed.csv"))
    assert [u.votes for u in read_msppodcast(release).corpus] == [VOTES]


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("A", "angry"), ("S", "sad"), ("H", "happy"), ("U", "surprised"), ("F", "fearful"), ("D", "disgusted"),
        ("C", "contempt"), ("N", "neutral"), ("O", "other"), ("X", None),
    ],
)  # fmt: skip
def test_each_class_becomes_the_word_of_the_project(release: Path, code: str, label: str | None) -> None:
    utterance = second(release, EmoClass=code)
    assert (utterance.label, utterance.tags["source_label"]) == (label, code)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Train", "train"), ("Development", "validation"), ("Validation", "validation"), ("Test1", "test"),
        ("Test2", "test2"), ("Test3", "test3"),
    ],
)  # fmt: skip
def test_each_set_becomes_a_split(release: Path, name: str, split: str) -> None:
    assert second(release, Split_Set=name).split == split


def test_unknown_speakers_are_nobody(release: Path) -> None:
    utterance = second(release, SpkrID="Unknown", Gender="Unknown")
    assert (utterance.speaker, utterance.gender) == (None, None)


def test_the_primary_words_become_the_words_of_the_project(release: Path) -> None:
    words = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral", "Other-Bored")
    detailed(release, {f"W{n}": {**dict.fromkeys(COLUMNS, ""), "EmoClass_Major": w} for n, w in enumerate(words)})
    (utterance,) = read_msppodcast(release).corpus
    expected = ("angry", "sad", "happy", "surprised", "fearful", "disgusted", "contempt", "neutral", "other")
    assert utterance.votes == dict.fromkeys(expected, 1.0)


def test_a_vote_for_an_unknown_word_is_skipped_with_a_reason(release: Path) -> None:
    detailed(release, {**RATERS, "W": {**dict.fromkeys(COLUMNS, ""), "EmoClass_Major": "Joy"}})
    prepared = read_msppodcast(release)
    assert [u.votes for u in prepared.corpus] == [VOTES]
    assert prepared.skipped == (Skip(NAME, "the vote 'Joy' names no known emotion and is left out"),)


def test_without_the_raters_there_are_no_votes_and_that_is_said(release: Path) -> None:
    (release / "Labels/labels_detailed.csv").unlink()
    prepared = read_msppodcast(release)
    assert [u.votes for u in prepared.corpus] == [None]
    assert [skip.reason for skip in prepared.skipped] == ["missing table of the raters: no utterance has votes"]


def test_a_turn_that_was_not_transcribed_has_no_text(release: Path) -> None:
    consensus(release, [(NAME, ROW), (OTHER, ROW)])
    record(release, OTHER, words=None)
    prepared = read_msppodcast(release)
    assert [(u.text, u.text_source) for u in prepared.corpus] == [("And so we did.", "gold"), (None, None)]
    assert prepared.skipped == ()


def test_without_transcripts_that_is_said(release: Path) -> None:
    for path in (release / "Transcripts").iterdir():
        path.unlink()
    (release / "Transcripts").rmdir()
    assert read_msppodcast(release).skipped == (
        Skip("Transcripts", "missing transcripts: no utterance has a text"),
    )


def test_what_only_one_side_knows_is_skipped_with_a_reason(release: Path) -> None:
    consensus(release, [(NAME, ROW), ("MSP-PODCAST_0002_0001.wav", ROW)])
    detailed(release, RATERS, "MSP-PODCAST_0003_0001.wav")
    record(release, "MSP-PODCAST_TEST3_0001.wav")
    (release / "Audios/._x.wav").touch()
    (release / "Transcripts/notes.doc").touch()
    prepared = read_msppodcast(release)
    assert [u.id for u in prepared.corpus] == ["MSP-PODCAST_0001_0008"]
    assert prepared.skipped == (
        Skip("Audios/._x.wav", "a hidden file that an archive program left"),
        Skip("Audios/MSP-PODCAST_TEST3_0001.wav", "no row of the consensus labels tells of it"),
        Skip("MSP-PODCAST_0002_0001.wav", "labelled, but not recorded in Audios"),
        Skip("MSP-PODCAST_0003_0001.wav", "rated, but not in labels_consensus.csv"),
        Skip("Transcripts/MSP-PODCAST_TEST3_0001.txt", "no transcript of a recording in labels_consensus.csv"),
        Skip("Transcripts/notes.doc", "no transcript of a recording in labels_consensus.csv"),
    )
    assert prepared.incomplete == "1 of 2 labelled turns have no recording; unpack Audios again"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"EmoClass": "Z"}, "unknown class, gender or split: 'Z', 'Female', 'Train'"),
        ({"Gender": "F"}, "unknown class, gender or split: 'H', 'F', 'Train'"),
        ({"Split_Set": "Test4"}, "unknown class, gender or split: 'H', 'Female', 'Test4'"),
        ({"EmoVal": ""}, "an attribute is no number"),
    ],
)
def test_unknown_codes_are_skipped_with_a_reason(release: Path, changed: dict[str, str], reason: str) -> None:
    prepared = read_msppodcast(with_row(release, **changed))
    assert len(prepared.corpus) == 1
    (skip,) = prepared.skipped
    assert skip.id == f"Audios/{OTHER}"
    assert reason in skip.reason


def test_a_second_row_is_skipped_with_a_reason(release: Path) -> None:
    consensus(release, [(NAME, ROW), (NAME, {**ROW, "EmoClass": "A"})])
    prepared = read_msppodcast(release)
    assert [u.label for u in prepared.corpus] == ["happy"]
    assert prepared.skipped == (Skip(NAME, "a second row in labels_consensus.csv; the first is kept"),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels_consensus.csv", "file,EmoClass\nx.wav,H\n", r"has no column 'FileName'"),
        ("labels_consensus.csv", f"FileName,EmoClass\n{NAME},H\n", f"{NAME} has no EmoVal"),
        ("labels_detailed.csv", f"FileName,Emo\n{NAME},Happy\n", "a row has no primary emotion"),
        ("labels_detailed.csv", f"FileName,EmoDetail\n{NAME},Happy\n", "a row has no primary emotion"),
        ("labels_detailed.csv", "FileName,EmoClass_Major\n\xff", "cannot be read"),
    ],
)
def test_a_table_of_another_form_is_refused(release: Path, name: str, content: str, message: str) -> None:
    (release / "Labels" / name).write_text(content, encoding="latin-1")
    with pytest.raises(CorpusError, match=f"{name}: {message}.*; unpack the release again"):
        read_msppodcast(release)


@pytest.mark.parametrize("content", ["[]", "{", json.dumps({NAME: [ROW]})])
def test_json_of_another_form_is_refused(release: Path, content: str) -> None:
    (release / "Labels/labels_consensus.csv").unlink()
    (release / "Labels/labels_consensus.json").write_text(content)
    with pytest.raises(CorpusError, match=r"labels_consensus\.json: cannot be read .*; unpack the release again"):
        read_msppodcast(release)


def test_a_release_without_labels_is_refused(tmp_path: Path) -> None:
    record(tmp_path, NAME)
    with pytest.raises(CorpusError, match=r"holds no Labels/labels_consensus\.csv or \.json"):
        read_msppodcast(tmp_path)


def test_a_release_without_recordings_is_refused(tmp_path: Path) -> None:
    consensus(tmp_path, [(NAME, ROW)])
    with pytest.raises(CorpusError, match="Audios: no such folder"):
        read_msppodcast(tmp_path)
    record(tmp_path)
    with pytest.raises(CorpusError, match=r"no MSP-Podcast recording found; expected Audios/MSP-PODCAST_0001"):
        read_msppodcast(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_msppodcast(tmp_path / "nowhere")
