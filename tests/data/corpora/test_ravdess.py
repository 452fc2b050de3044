from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.prepared import Prepared, count_by, require_folder
from emofuse.data.corpora.ravdess import read_ravdess
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Utterance


def write(root: Path, *names: str) -> Path:
    """Write empty files below a root that need not be there yet."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def speech(actor: int) -> list[str]:
    """Name the 60 speech files of an actor: neutral has one intensity, the other seven emotions have two."""
    return [
        f"Actor_{actor:02}/03-01-{emotion:02}-{intensity:02}-{sentence:02}-{repetition:02}-{actor:02}.wav"
        for emotion in range(1, 9)
        for intensity in ((1,) if emotion == 1 else (1, 2))
        for sentence in (1, 2)
        for repetition in (1, 2)
    ]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    names = [name for actor in range(1, 25) for name in speech(actor)]
    return read_ravdess(write(tmp_path_factory.mktemp("ravdess"), *names))


def test_the_full_release_has_the_published_counts(full: Prepared) -> None:
    assert len(full.corpus) == 1440
    assert Counter(u.label for u in full.corpus) == {
        "neutral": 96, "calm": 192, "happy": 192, "sad": 192, "angry": 192, "fearful": 192, "disgusted": 192,
        "surprised": 192,
    }  # fmt: skip
    assert set(Counter(u.speaker for u in full.corpus).values()) == {60}
    assert Counter(u.gender for u in full.corpus) == {"male": 720, "female": 720}
    assert full.skipped == ()


def test_the_file_name_tells_all(tmp_path: Path) -> None:
    corpus = read_ravdess(write(tmp_path, "Actor_12/03-01-06-02-02-01-12.wav")).corpus
    assert corpus.utterances == (
        Utterance(
            id="03-01-06-02-02-01-12",
            audio=tmp_path / "Actor_12/03-01-06-02-02-01-12.wav",
            text="Dogs are sitting by the door.",
            text_source="gold",
            label="fearful",
            speaker="ravdess_12",
            gender="female",
            language="en",
            tags={"source_label": "06", "intensity": "strong", "sentence": "02", "repetition": "01"},
        ),
    )
    assert corpus.name == "ravdess"


def test_actors_with_odd_numbers_are_men(full: Prepared) -> None:
    assert {u.gender for u in full.corpus if u.speaker in ("ravdess_01", "ravdess_23")} == {"male"}


def test_each_sentence_has_its_own_text(full: Prepared) -> None:
    assert {(u.tags["sentence"], u.text) for u in full.corpus} == {
        ("01", "Kids are talking by the door."),
        ("02", "Dogs are sitting by the door."),
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Actor_01/03-02-03-01-01-01-01.wav", "not speech as audio only"),
        ("Actor_01/01-01-03-01-01-01-01.wav", "not speech as audio only"),
        ("Actor_01/02-01-03-01-01-01-01.wav", "not speech as audio only"),
        ("Actor_01/._03-01-03-01-01-01-01.wav", "a hidden file that an archive program left"),
        ("Actor_01/03-01-03-01-01-01.wav", "the name is not of the form"),
        ("Actor_01/03-01-03-01-01-01-01 (1).wav", "the name is not of the form"),
        ("notes.wav", "the name is not of the form"),
        ("Actor_01/03-01-09-01-01-01-01.wav", "unknown emotion, intensity or sentence"),
        ("Actor_01/03-01-03-03-01-01-01.wav", "unknown emotion, intensity or sentence"),
        ("Actor_01/03-01-03-01-03-01-01.wav", "unknown emotion, intensity or sentence"),
        pytest.param(
            "Actor_01/01-01-03-01-01-01-01.mp4",
            "not speech as audio only",
        ),
        pytest.param(
            "Actor_01/03-01-03-01-01-01-01.flac",
            "",
        ),
    ],
    ids=lambda value: value.rsplit("/", 1)[-1],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_ravdess(write(tmp_path, "Actor_02/03-01-01-01-01-01-02.wav", name))
    assert [u.id for u in prepared.corpus] == ["03-01-01-01-01-01-02"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason


def test_a_second_copy_in_another_folder_is_skipped_with_a_reason(tmp_path: Path) -> None:
    name = "Actor_01/03-01-01-01-01-01-01.wav"
    prepared = read_ravdess(write(tmp_path, name, f"audio_speech_actors_01-24/{name}"))
    assert [u.audio for u in prepared.corpus] == [tmp_path / name]
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        (
            f"audio_speech_actors_01-24/{name}",
            "a second copy of 03-01-01-01-01-01-01; RAVDESS is published with each file once",
        )
    ]


def test_files_in_one_folder_will_do(tmp_path: Path) -> None:
    assert len(read_ravdess(write(tmp_path, "03-01-01-01-01-01-01.wav")).corpus) == 1


def test_empty_folders_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "Actor_01").mkdir()
    assert len(read_ravdess(write(tmp_path, "Actor_02/03-01-01-01-01-01-02.wav")).corpus) == 1


@pytest.mark.parametrize("names", [(), ("Actor_01/03-02-03-01-01-01-01.wav",)], ids=["nothing", "only a song"])
def test_a_folder_without_speech_is_refused_with_an_example(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(
        CorpusError, match=r"no RAVDESS recording found; expected Actor_01/03-01-01-01-01-01-01\.wav"
    ):
        read_ravdess(write(tmp_path, *names))


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_refused_with_the_name_of_the_corpus(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=f"{name}: no such folder; give the folder that holds RAVDESS"):
        require_folder(tmp_path / name, "RAVDESS")


def test_utterances_are_counted_by_a_field_in_the_order_of_the_words() -> None:
    labels = ("sad", None, "happy", "sad")
    corpus = Corpus(tuple(Utterance(f"u{n}", text="x", label=label) for n, label in enumerate(labels)))
    counts = count_by(corpus, "label")
    assert list(counts.items()) == [("happy", 1), ("none", 1), ("sad", 2)]
