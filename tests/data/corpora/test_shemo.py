from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emofuse.data.corpora.shemo import read_shemo
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

WHY = "چرا به این زودی میرین؟"
FOLDERS = {"M": "male", "F": "female"}


def write(root: Path, *names: str, texts: Any = None, table: str = "shemo.json") -> Path:
    """Write empty recordings in the folders of their genders, and a table of transcripts."""
    for name in names:
        path = root / FOLDERS.get(name[0], "") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if texts is not None:
        (root / table).write_text(json.dumps(texts), encoding="utf-8")
    return root


def record(name: str, transcript: str) -> dict[str, str]:
    return {"id": name, "gender": "female", "emotion": "neutral", "transcript": transcript, "ipa": "dorost"}


def test_the_full_release_has_the_published_counts(tmp_path: Path) -> None:
    speakers = [f"M{number:02}" for number in range(1, 57)] + [f"F{number:02}" for number in range(1, 32)]
    places = [(speaker, emotion, number) for number in range(1, 7) for speaker in speakers for emotion in "ASHWFN"]
    names = [f"{speaker}{emotion}{number:02}" for speaker, emotion, number in places[:3000]]
    root = write(tmp_path, *(f"{name}.wav" for name in names), texts=[record(name, WHY) for name in names])
    prepared = read_shemo(root)
    assert len(prepared.corpus) == 3000
    assert (prepared.skipped, prepared.incomplete) == ((), None)
    assert len({u.speaker for u in prepared.corpus}) == 87
    assert {(u.tags["source_label"], u.label) for u in prepared.corpus} == {
        ("A", "angry"), ("S", "sad"), ("H", "happy"), ("W", "surprised"), ("F", "fearful"), ("N", "neutral"),
    }  # fmt: skip


def test_the_name_and_the_table_tell_all(tmp_path: Path) -> None:
    prepared = read_shemo(write(tmp_path, "F28N07.wav", texts=[record("F28N07", WHY)]))
    assert prepared.corpus.utterances == (
        Utterance(
            id="F28N07",
            audio=tmp_path / "female/F28N07.wav",
            text=WHY,
            text_source="gold",
            label="neutral",
            speaker="shemo_F28",
            gender="female",
            language="fa",
            tags={"source_label": "N", "number": "07"},
        ),
    )
    assert prepared.corpus.name == "shemo"
    assert prepared.skipped == ()


def test_an_f_first_is_a_woman_and_an_f_later_is_fear(tmp_path: Path) -> None:
    corpus = read_shemo(write(tmp_path, "F02F01.wav", "M02F01.wav", texts=[])).corpus
    assert {(u.id, u.gender, u.label) for u in corpus} == {
        ("F02F01", "female", "fearful"),
        ("M02F01", "male", "fearful"),
    }


def test_a_byte_order_mark_is_no_part_of_the_words(tmp_path: Path) -> None:
    (utterance,) = read_shemo(write(tmp_path, "M36S02.wav", texts=[record("M36S02", f"\ufeff{WHY}\n")])).corpus
    assert utterance.text == WHY


def test_the_corrected_table_goes_before_the_authors_own(tmp_path: Path) -> None:
    write(tmp_path, "F21N05.wav", texts=[record("F21N05", "another")])
    corrected = {"F21N05.wav": {"text_name": "F21N37", "transcript": WHY}}
    prepared = read_shemo(write(tmp_path, texts=corrected, table="modified_shemo.json"))
    assert [u.text for u in prepared.corpus] == [WHY]
    assert prepared.skipped == ()


def test_without_a_table_there_are_no_words_and_that_is_said(tmp_path: Path) -> None:
    prepared = read_shemo(write(tmp_path, "M01A01.wav"))
    assert [(u.text, u.text_source) for u in prepared.corpus] == [(None, None)]
    assert prepared.skipped == (Skip("shemo.json", "missing transcripts: no utterance has a text"),)
    assert prepared.incomplete is not None
    assert "published with 3000" in prepared.incomplete


def test_words_without_a_recording_are_skipped_with_a_reason(tmp_path: Path) -> None:
    prepared = read_shemo(write(tmp_path, "M01A01.wav", texts=[record("M01A01", WHY), record("M01A02", WHY)]))
    assert prepared.skipped == (Skip("M01A02", "transcribed, but there is no recording of that name"),)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("M01A02.mp3", "not of the form M01A01.wav"),
        ("M1A02.wav", "not of the form M01A01.wav"),
        ("X01A02.wav", "not of the form M01A01.wav"),
        ("M01X02.wav", "unknown emotion code in M01X02"),
        ("._M01A02.wav", "a hidden file that an archive program left"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_shemo(write(tmp_path, "M01A01.wav", name, texts=[record("M01A01", WHY)]))
    assert Counter(u.id for u in prepared.corpus) == {"M01A01": 1}
    (skip,) = prepared.skipped
    assert skip.id.endswith(name)
    assert reason in skip.reason


@pytest.mark.parametrize("texts", [[{"id": "M01A01"}], ["M01A01"], 3, {"M01A01.wav": {"transcript": None}}])
def test_a_table_of_another_form_is_refused(tmp_path: Path, texts: Any) -> None:
    with pytest.raises(CorpusError, match=r"shemo\.json: is no table of records .*; download it again"):
        read_shemo(write(tmp_path, "M01A01.wav", texts=texts))


def test_a_page_saved_in_place_of_the_table_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, "M01A01.wav") / "shemo.json").write_text("<!DOCTYPE html>")
    with pytest.raises(CorpusError, match="is no table of records"):
        read_shemo(tmp_path)


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no ShEMO recording found; expected male/M01A01\.wav"):
        read_shemo(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_shemo(tmp_path / "nowhere")
