from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.emovo import read_emovo
from emofuse.data.corpora.prepared import Prepared
from emofuse.errors import CorpusError
from emofuse.types import Utterance

ACTORS = ("f1", "f2", "f3", "m1", "m2", "m3")
EMOTIONS = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
SENTENCES = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    names = [f"{a}/{e}-{a}-{s}.wav" for a in ACTORS for e in EMOTIONS for s in SENTENCES]
    return read_emovo(write(tmp_path_factory.mktemp("emovo"), *names))


def test_the_full_release_has_the_published_counts(full: Prepared) -> None:
    assert len(full.corpus) == 588
    assert Counter(u.label for u in full.corpus) == dict.fromkeys(
        ("disgusted", "happy", "neutral", "fearful", "angry", "surprised", "sad"), 84
    )
    assert Counter(u.speaker for u in full.corpus) == dict.fromkeys([f"emovo_{a}" for a in ACTORS], 98)
    assert Counter(u.gender for u in full.corpus) == {"female": 294, "male": 294}
    assert (full.skipped, full.incomplete) == ((), None)


def test_the_file_name_tells_all(tmp_path: Path) -> None:
    corpus = read_emovo(write(tmp_path, "m2/pau-m2-d1.wav")).corpus
    assert corpus.utterances == (
        Utterance(
            id="pau-m2-d1",
            audio=tmp_path / "m2/pau-m2-d1.wav",
            text="Sabato sera cosa farà?",
            text_source="gold",
            label="fearful",
            speaker="emovo_m2",
            gender="male",
            language="it",
            tags={"source_label": "pau", "sentence": "d1"},
        ),
    )
    assert corpus.name == "emovo"


def test_each_sentence_has_its_own_text_in_all_emotions(full: Prepared) -> None:
    texts = {(u.tags["sentence"], u.text) for u in full.corpus}
    assert len(texts) == len({text for _, text in texts}) == len(SENTENCES)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Documents/poster emovo3.pdf", "not of the form dis-f1-b1.wav"),
        ("f1/._dis-f1-b2.wav", "a hidden file that an archive program left"),
        ("f1/dis-f1-b2.mp3", "not of the form dis-f1-b1.wav"),
        ("f1/dis-f4-b2.wav", "not of the form dis-f1-b1.wav"),
        ("f1/col-f1-b2.wav", "unknown emotion or sentence code in col-f1-b2"),
        ("f1/dis-f1-b4.wav", "unknown emotion or sentence code in dis-f1-b4"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_emovo(write(tmp_path, "f1/dis-f1-b1.wav", name))
    assert [u.id for u in prepared.corpus] == ["dis-f1-b1"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    prepared = read_emovo(write(tmp_path, "f1/dis-f1-b1.wav"))
    assert prepared.incomplete == (
        "1 utterances, where EMOVO was published with 588; unpack the whole archive again"
    )


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no EMOVO recording found; expected f1/dis-f1-b1\.wav"):
        read_emovo(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_emovo(tmp_path / "nowhere")
