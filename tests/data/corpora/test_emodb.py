from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.data.corpora.emodb import read_emodb
from emofuse.errors import CorpusError
from emofuse.types import Utterance


def write(root: Path, *names: str) -> Path:
    (root / "wav").mkdir()
    for name in names:
        (root / "wav" / name).write_bytes(b"")
    return root


def test_the_file_name_tells_all(tmp_path: Path) -> None:
    prepared = read_emodb(write(tmp_path, "03a01Fa.wav"))
    assert prepared.corpus.utterances == (
        Utterance(
            id="03a01Fa",
            audio=tmp_path / "wav/03a01Fa.wav",
            text="Der Lappen liegt auf dem Eisschrank.",
            text_source="gold",
            label="happy",
            speaker="emodb_03",
            gender="male",
            language="de",
            tags={"source_label": "F", "sentence": "a01", "take": "a"},
        ),
    )
    assert prepared.skipped == ()


def test_each_emotion_becomes_the_word_of_the_project(tmp_path: Path) -> None:
    corpus = read_emodb(write(tmp_path, *(f"08b10{code}b.wav" for code in "WLEAFTN"))).corpus
    assert {u.tags["source_label"]: u.label for u in corpus} == {
        "W": "angry", "L": "bored", "E": "disgusted", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral",
    }  # fmt: skip


def test_five_speakers_are_men_and_five_are_women(tmp_path: Path) -> None:
    speakers = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    corpus = read_emodb(write(tmp_path, *(f"{speaker}b09Nc.wav" for speaker in speakers))).corpus
    assert {u.speaker for u in corpus if u.gender == "male"} == {f"emodb_{n}" for n in ("03", 10, 11, 12, 15)}
    assert {u.speaker for u in corpus if u.gender == "female"} == {f"emodb_{n}" for n in ("08", "09", 13, 14, 16)}


def test_each_sentence_has_its_own_text(tmp_path: Path) -> None:
    codes = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
    corpus = read_emodb(write(tmp_path, *(f"03{code}Wa.wav" for code in codes))).corpus
    assert tuple(u.tags["sentence"] for u in corpus) == codes
    assert len({u.text for u in corpus}) == len(codes)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("._03a01Fa.wav", "hidden file"),
        ("noise.wav", "not of the form"),
        ("03a01Fa.txt", "not of the form"),
        ("03a03Fa.wav", "unknown speaker, sentence or emotion"),
        ("04a01Fa.wav", "unknown speaker, sentence or emotion"),
        ("03a01Xa.wav", "unknown speaker, sentence or emotion"),
    ],
)
def test_stray_files_are_skipped_with_a_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_emodb(write(tmp_path, "03a01Wa.wav", name))
    assert [u.id for u in prepared.corpus] == ["03a01Wa"]
    (skip,) = prepared.skipped
    assert skip.id == f"wav/{name}"
    assert reason in skip.reason


def test_the_folder_of_the_recordings_will_do(tmp_path: Path) -> None:
    assert len(read_emodb(write(tmp_path, "03a01Wa.wav") / "wav").corpus) == 1


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"wav/03a01Fa\.wav"):
        read_emodb(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_emodb(tmp_path / "nowhere")
