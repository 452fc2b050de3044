from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.jlcorpus import read_jlcorpus
from emofuse.data.corpora.prepared import Prepared
from emofuse.errors import CorpusError
from emofuse.types import Utterance

RAW = "Raw JL corpus (unchecked and unannotated)/JL(wav+txt)"
PRIMARY = ("angry", "sad", "neutral", "happy", "excited")
SECONDARY = ("anxious", "apologetic", "assertive", "concerned", "encouraging")
SPEAKERS = ("female1", "female2", "male1", "male2")


def write(folder: Path, *names: str, words: str | None = "Tom beats that farmer.") -> None:
    """Write empty recordings, each with its words beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.wav").touch()
        if words is not None:
            (folder / f"{name}.txt").write_text(words, encoding="utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    root = tmp_path_factory.mktemp("jlcorpus")
    names = [
        f"{speaker}_{emotion}_{sentence}{session}_{take}"
        for speaker in SPEAKERS
        for emotion in (*PRIMARY, *SECONDARY)
        for sentence in range(1, 16)
        for session in "ab"
        for take in (1, 2)
    ]
    write(root / RAW, *names)
    write(root / RAW.lower(), *names[:10])
    (root / "perception_test.xlsx").touch()
    return read_jlcorpus(root)


def test_the_full_release_has_the_published_counts(full: Prepared) -> None:
    assert len(full.corpus) == 2400
    assert Counter(u.tags["source_label"] for u in full.corpus) == dict.fromkeys((*PRIMARY, *SECONDARY), 240)
    assert Counter(u.label for u in full.corpus) == {**dict.fromkeys(PRIMARY, 240), "other": 1200}
    assert Counter(u.speaker for u in full.corpus) == {f"jlcorpus_{speaker}": 600 for speaker in SPEAKERS}
    assert Counter(u.gender for u in full.corpus) == {"female": 1200, "male": 1200}
    assert full.incomplete is None


def test_neither_the_words_nor_the_copy_in_small_letters_are_reported(full: Prepared) -> None:
    assert full.skipped == ()


def test_the_file_name_and_the_words_beside_it_tell_all(tmp_path: Path) -> None:
    write(tmp_path / RAW, "female1_anxious_10a_1", words="Carl leaps into a jeep.\r\n")
    corpus = read_jlcorpus(tmp_path).corpus
    assert corpus.utterances == (
        Utterance(
            id="female1_anxious_10a_1",
            audio=tmp_path / RAW / "female1_anxious_10a_1.wav",
            text="Carl leaps into a jeep.",
            text_source="gold",
            label="other",
            speaker="jlcorpus_female1",
            gender="female",
            language="en",
            tags={"source_label": "anxious", "sentence": "10", "session": "a", "take": "1"},
        ),
    )
    assert corpus.name == "jlcorpus"


@pytest.mark.parametrize("words", [None, "", "\n"])
def test_a_recording_without_words_has_no_text(tmp_path: Path, words: str | None) -> None:
    write(tmp_path / RAW, "male1_sad_1b_2", words=words)
    assert [(u.text, u.text_source) for u in read_jlcorpus(tmp_path).corpus] == [(None, None)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("male1_sad_2a_1.txt", "words without their recording beside them"),
        ("male1_bored_2a_1.wav", "unknown emotion 'bored'"),
        ("male3_sad_2a_1.wav", "not of the form female1_angry_10a_1.wav"),
        ("male1_sad_2a.wav", "not of the form female1_angry_10a_1.wav"),
        ("male1_sad_2a_1.TextGrid", "not of the form female1_angry_10a_1.wav"),
        ("._male1_sad_2a_1.wav", "a hidden file that an archive program left"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    write(tmp_path / RAW, "male1_sad_1a_1")
    (tmp_path / RAW / name).touch()
    prepared = read_jlcorpus(tmp_path)
    assert [u.id for u in prepared.corpus] == ["male1_sad_1a_1"]
    (skip,) = prepared.skipped
    assert skip.id == f"{RAW}/{name}"
    assert reason in skip.reason


def test_the_folder_of_the_recordings_will_do(tmp_path: Path) -> None:
    write(tmp_path / RAW, "male1_sad_1a_1")
    prepared = read_jlcorpus(tmp_path / RAW)
    assert len(prepared.corpus) == 1
    assert prepared.skipped == ()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    write(tmp_path / RAW, "male1_sad_1a_1")
    incomplete = read_jlcorpus(tmp_path).incomplete
    assert incomplete is not None
    assert incomplete.startswith("1 utterances, where JL-Corpus was published with 2400")


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no JL-Corpus recording found; expected Raw JL corpus .*_10a_1\.wav"):
        read_jlcorpus(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_jlcorpus(tmp_path / "nowhere")
