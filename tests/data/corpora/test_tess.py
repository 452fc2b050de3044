from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.tess import LABELS, read_tess
from emofuse.data.labels import EMOTIONS
from emofuse.errors import CorpusError
from emofuse.types import Utterance

OUTER = "TESS Toronto emotional speech set data"
CODES = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
# The folders of the popular copy, in which each actress has her own spelling.
FOLDERS = {
    "OAF": (
        "OAF_angry",
        "OAF_disgust",
        "OAF_Fear",
        "OAF_happy",
        "OAF_neutral",
        "OAF_Pleasant_surprise",
        "OAF_Sad",
    ),
    "YAF": (
        "YAF_angry",
        "YAF_disgust",
        "YAF_fear",
        "YAF_happy",
        "YAF_neutral",
        "YAF_pleasant_surprised",
        "YAF_sad",
    ),
}


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def release(words: int) -> list[str]:
    """Name the recordings of the popular copy; each word is spelt in letters, as the real ones are."""
    return [
        f"{OUTER}/{folder}/{actress}_w{chr(97 + n // 26)}{chr(97 + n % 26)}_{code}.wav"
        for actress, folders in FOLDERS.items()
        for folder, code in zip(folders, CODES, strict=True)
        for n in range(words)
    ]


def test_the_full_release_has_the_published_counts(tmp_path: Path) -> None:
    prepared = read_tess(write(tmp_path, *release(words=200)))
    assert Counter(u.label for u in prepared.corpus) == dict.fromkeys(
        ("angry", "disgusted", "fearful", "happy", "neutral", "surprised", "sad"), 400
    )
    assert Counter(u.speaker for u in prepared.corpus) == {"tess_OAF": 1400, "tess_YAF": 1400}
    assert {u.gender for u in prepared.corpus} == {"female"}
    assert (prepared.skipped, prepared.incomplete) == ((), None)


def test_the_file_name_tells_all(tmp_path: Path) -> None:
    corpus = read_tess(write(tmp_path, "YAF_pleasant_surprised/YAF_back_ps.wav")).corpus
    assert corpus.utterances == (
        Utterance(
            id="YAF_back_ps",
            audio=tmp_path / "YAF_pleasant_surprised/YAF_back_ps.wav",
            text="Say the word back.",
            text_source="gold",
            label="surprised",
            speaker="tess_YAF",
            gender="female",
            language="en",
            tags={"source_label": "ps", "word": "back"},
        ),
    )
    assert corpus.name == "tess"


def test_the_tree_inside_itself_is_skipped_as_second_copies(tmp_path: Path) -> None:
    names = release(words=2)
    prepared = read_tess(write(tmp_path, *names, *(f"{OUTER}/{name}" for name in names)))
    assert len(prepared.corpus) == len(prepared.skipped) == len(names)
    assert all("a second copy of" in skip.reason for skip in prepared.skipped)


def test_the_misnamed_file_belongs_to_the_older_actress(tmp_path: Path) -> None:
    (utterance,) = read_tess(write(tmp_path, "OAF_neutral/OA_bite_neutral.wav")).corpus
    assert (utterance.id, utterance.speaker, utterance.text) == (
        "OAF_bite_neutral",
        "tess_OAF",
        "Say the word bite.",
    )
    assert utterance.audio == tmp_path / "OAF_neutral/OA_bite_neutral.wav"


@pytest.mark.parametrize("code", ["ps", "pleasant_surprise", "pleasant_surprised", "surprised"])
def test_pleasant_surprise_may_be_written_out(tmp_path: Path, code: str) -> None:
    (utterance,) = read_tess(write(tmp_path, f"OAF_back_{code}.wav")).corpus
    assert (utterance.label, utterance.tags) == ("surprised", {"source_label": code, "word": "back"})


def test_labels_are_words_of_the_project() -> None:
    assert set(LABELS.values()) <= set(EMOTIONS)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("OAF_angry/._OAF_back_angry.wav", "a hidden file that an archive program left"),
        ("OAF_angry/OAF_back.wav", "the name is not of the form"),
        ("OAF_angry/OAF_back_angry.mp3", "the name is not of the form"),
        ("OAF_angry/OA_back_angry.wav", "the name is not of the form"),
        ("OAF_angry/OAF_back_cross.wav", "unknown emotion 'cross'"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_tess(write(tmp_path, "YAF_back_sad.wav", name))
    assert [u.id for u in prepared.corpus] == ["YAF_back_sad"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason
    assert (
        prepared.incomplete == "1 utterances, where TESS was published with 2800; unpack the whole archive again"
    )


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no TESS recording found; expected OAF_angry/OAF_back_angry\.wav"):
        read_tess(tmp_path)
