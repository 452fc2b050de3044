from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.savee import LABELS, read_savee
from emofuse.data.labels import EMOTIONS
from emofuse.errors import CorpusError
from emofuse.types import Utterance

NUMBERS = {"a": 15, "d": 15, "f": 15, "h": 15, "n": 30, "sa": 15, "su": 15}


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def speech(form: str) -> list[str]:
    """Name the 480 recordings in a form that takes the speaker and the name of the file."""
    return [
        form.format(speaker, f"{code}{number:02}.wav")
        for speaker in ("DC", "JE", "JK", "KL")
        for code, numbers in NUMBERS.items()
        for number in range(1, numbers + 1)
    ]


@pytest.mark.parametrize("form", ["AudioData/{}/{}", "ALL/{}_{}", "{}{}"], ids=["published", "flat", "joined"])
def test_the_full_release_has_the_published_counts(tmp_path: Path, form: str) -> None:
    prepared = read_savee(write(tmp_path, *speech(form)))
    assert Counter(u.label for u in prepared.corpus) == {
        "angry": 60, "disgusted": 60, "fearful": 60, "happy": 60, "neutral": 120, "sad": 60, "surprised": 60,
    }  # fmt: skip
    assert Counter(u.speaker for u in prepared.corpus) == dict.fromkeys(
        ("savee_DC", "savee_JE", "savee_JK", "savee_KL"), 120
    )
    assert (prepared.skipped, prepared.incomplete) == ((), None)


def test_the_file_and_its_folder_tell_all(tmp_path: Path) -> None:
    corpus = read_savee(write(tmp_path, "AudioData/JK/sa03.wav")).corpus
    assert corpus.utterances == (
        Utterance(
            id="JK_sa03",
            audio=tmp_path / "AudioData/JK/sa03.wav",
            label="sad",
            speaker="savee_JK",
            gender="male",
            language="en",
            tags={"source_label": "sa", "sentence": "03"},
        ),
    )
    assert corpus.name == "savee"


def test_flat_copies_beside_the_folders_are_skipped_as_second_copies(tmp_path: Path) -> None:
    prepared = read_savee(write(tmp_path, "ALL/DC_a01.wav", "More/AudioData/DC/a01.wav"))
    assert [u.id for u in prepared.corpus] == ["DC_a01"]
    assert [skip.reason for skip in prepared.skipped] == [
        "a second copy of DC_a01; SAVEE is published with each file once"
    ]


def test_labels_are_words_of_the_project() -> None:
    assert set(LABELS.values()) <= set(EMOTIONS)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("AudioData/Info.txt", "the name is not of the form"),
        ("AudioData/DC/._a01.wav", "a hidden file that an archive program left"),
        ("AudioData/DC/a1.wav", "the name is not of the form"),
        ("AudioData/a01.wav", "neither the name nor the folder is of a speaker (DC, JE, JK, KL)"),
        ("AudioData/XX_a01.wav", "neither the name nor the folder is of a speaker (DC, JE, JK, KL)"),
        ("AudioData/DC/x01.wav", "unknown emotion code or sentence number in x01"),
        ("AudioData/DC/a16.wav", "unknown emotion code or sentence number in a16"),
        ("AudioData/DC/n31.wav", "unknown emotion code or sentence number in n31"),
        ("AudioData/DC/a00.wav", "unknown emotion code or sentence number in a00"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_savee(write(tmp_path, "AudioData/KL/n30.wav", name))
    assert [u.id for u in prepared.corpus] == ["KL_n30"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason
    assert (
        prepared.incomplete == "1 utterances, where SAVEE was published with 480; unpack the whole archive again"
    )


def test_videos_beside_the_recordings_are_not_looked_at(tmp_path: Path) -> None:
    assert read_savee(write(tmp_path, "AudioData/KL/n30.wav", "VisualData/KL/n30.txt")).skipped == ()


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no SAVEE recording found; expected AudioData/DC/a01\.wav"):
        read_savee(tmp_path)
