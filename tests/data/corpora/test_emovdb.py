from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.emovdb import LABELS, read_emovdb
from emofuse.data.corpora.prepared import Prepared
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

STYLES = {
    "Amused": "amused",
    "Angry": "anger",
    "Disgusted": "disgust",
    "Neutral": "neutral",
    "Sleepy": "sleepiness",
}
CELLS = [(s, e) for s in ("bea", "jenie", "sam") for e in STYLES] + [
    ("josh", e) for e in ("Amused", "Neutral", "Sleepy")
]
TEXTS = """\
( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )
( arctic_a0002 "Not at this particular case, Tom, apologized Whittemore." )
( arctic_b0001 "Gad, your letter came just in time." )
"""


def write(root: Path, *names: str) -> Path:
    """Write empty files below a root that need not be there yet."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def published(layout: str, sentences: int = 3) -> list[str]:
    """Name a few recordings of each of the 18 pairs of a speaker and a style that were published."""
    return [
        f"{layout.format(speaker=speaker, style=style)}/{STYLES[style]}_1-28_{number:04}.wav"
        for speaker, style in CELLS
        for number in range(1, sentences + 1)
    ]


LAYOUTS = {"sorted": "{speaker}/{style}", "archives": "{speaker}_{style}", "by speaker": "{speaker}"}


@pytest.fixture(params=LAYOUTS)
def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> Prepared:
    return read_emovdb(write(tmp_path, *published(LAYOUTS[request.param])))


def test_each_layout_has_all_speakers_and_styles(prepared: Prepared) -> None:
    assert len(prepared.corpus) == 54
    assert Counter(u.speaker for u in prepared.corpus) == {
        "emovdb_bea": 15, "emovdb_jenie": 15, "emovdb_josh": 9, "emovdb_sam": 15,
    }  # fmt: skip
    assert Counter(u.label for u in prepared.corpus) == {
        "happy": 12, "angry": 9, "disgusted": 9, "neutral": 12, "other": 12,
    }  # fmt: skip
    assert prepared.skipped == ()
    assert prepared.incomplete is None
    assert prepared.corpus.name == "emovdb"


def test_file_and_folder_tell_all(tmp_path: Path) -> None:
    path = "sam/Sleepy/sleepiness_1-28_0015.wav"
    assert read_emovdb(write(tmp_path, path)).corpus.utterances == (
        Utterance(
            id="sam_sleepiness_1-28_0015",
            audio=tmp_path / path,
            label="other",
            speaker="emovdb_sam",
            gender="male",
            language="en",
            tags={"source_label": "sleepiness", "sentence": "0015", "annotation_document": "1-28"},
        ),
    )


def test_women_are_bea_and_jenie(prepared: Prepared) -> None:
    assert {u.speaker for u in prepared.corpus if u.gender == "female"} == {"emovdb_bea", "emovdb_jenie"}


def test_every_label_is_one_of_the_projects_words() -> None:
    assert set(LABELS.values()) == {"happy", "angry", "disgusted", "neutral", "other"}


def test_speakers_share_the_names_of_their_files(tmp_path: Path) -> None:
    name = "Amused/amused_1-15_0001.wav"
    prepared = read_emovdb(write(tmp_path, f"bea/{name}", f"josh/{name}"))
    assert [u.id for u in prepared.corpus] == ["bea_amused_1-15_0001", "josh_amused_1-15_0001"]


def test_a_root_that_is_itself_the_folder_of_a_speaker_will_do(tmp_path: Path) -> None:
    (utterance,) = read_emovdb(write(tmp_path / "bea_Amused", "amused_1-15_0001.wav")).corpus
    assert utterance.speaker == "emovdb_bea"


def test_a_folder_above_the_root_names_no_speaker(tmp_path: Path) -> None:
    root = write(tmp_path / "sam" / "corpora", "amused_1-15_0001.wav", "bea/amused_1-15_0001.wav")
    prepared = read_emovdb(root)
    assert [u.speaker for u in prepared.corpus] == ["emovdb_bea"]
    assert [(s.id, s.reason) for s in prepared.skipped] == [
        (
            "amused_1-15_0001.wav",
            "no folder above it names a speaker (bea, jenie, josh, sam), as in bea/Amused or bea_Amused",
        )
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bea/Amused/amused_0001.wav", "the name is not of the form amused_1-15_0001.wav"),
        ("bea/Amused/amused_1-15_001.wav", "the name is not of the form"),
        ("bea/Amused/amused_1-15.TextGrid", "the name is not of the form"),
        ("bea/Amused/amused_1-15_0001.flac", "the name is not of the form"),
        ("bea/Amused/._amused_1-15_0001.wav", "a hidden file that an archive program left"),
        ("bea/joy_1-15_0001.wav", "unknown style 'joy'; known are amused, anger"),
        ("french/amused_1-15_0001.wav", "no folder above it names a speaker"),
        ("1/amused_1-15_0001.wav", "no folder above it names a speaker"),
        ("bea/Neutral/anger_1-28_0001.wav", "the file is named anger, but its folder neutral"),
        ("cmuarctic.data.bak", "the name is not of the form"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_emovdb(write(tmp_path, "sam/Angry/anger_1-28_0001.wav", name))
    assert [u.id for u in prepared.corpus] == ["sam_anger_1-28_0001"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason


def test_a_second_copy_in_another_layout_is_skipped(tmp_path: Path) -> None:
    prepared = read_emovdb(write(tmp_path, "bea/Amused/amused_1-15_0001.wav", "bea_Amused/amused_1-15_0001.wav"))
    assert len(prepared.corpus) == 1
    assert [skip.id for skip in prepared.skipped] == ["bea/Amused/amused_1-15_0001.wav"]  # the outer one counts


def test_texts_are_the_sentences_of_arctic_a(tmp_path: Path) -> None:
    names = [f"bea/Amused/amused_1-15_{number}.wav" for number in ("0001", "0002")]
    write(tmp_path, *names)
    (tmp_path / "cmuarctic.data").write_text(TEXTS)
    prepared = read_emovdb(tmp_path)
    assert [(u.text, u.text_source) for u in prepared.corpus] == [
        ("Author of the danger trail, Philip Steels, etc.", "gold"),
        ("Not at this particular case, Tom, apologized Whittemore.", "gold"),
    ]
    assert prepared.skipped == ()


def test_a_sentence_without_text_is_kept_and_recorded(tmp_path: Path) -> None:
    write(tmp_path, "bea/Amused/amused_1-15_0003.wav")
    (tmp_path / "cmuarctic.data").write_text(TEXTS)
    prepared = read_emovdb(tmp_path)
    assert [u.text for u in prepared.corpus] == [None]
    assert prepared.skipped == (
        Skip("bea_amused_1-15_0003", "cmuarctic.data has no such sentence: the recording is kept without text"),
    )


def test_a_list_of_sentences_without_any_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "bea/Amused/amused_1-15_0001.wav")
    (tmp_path / "cmuarctic.data").write_text("<html>404</html>")
    with pytest.raises(CorpusError, match=r"cmuarctic\.data: holds no line of the form \( arctic_a0001"):
        read_emovdb(tmp_path)


def test_a_list_of_sentences_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cmuarctic\.data: cannot be read \(Is a directory\)"):
        read_emovdb(write(tmp_path, "bea/Amused/amused_1-15_0001.wav", "cmuarctic.data/a"))


def test_a_style_that_a_speaker_lacks_is_reported(tmp_path: Path) -> None:
    names = [name for name in published("{speaker}_{style}") if not name.startswith(("bea_Sleepy", "sam_Angry"))]
    prepared = read_emovdb(write(tmp_path, *names))
    assert prepared.incomplete is not None
    assert prepared.incomplete.startswith("no recording of bea other, sam angry, which")


@pytest.mark.parametrize("names", [(), ("amused_1-15_0001.wav",)], ids=["nothing", "no speaker"])
def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(
        CorpusError, match=r"no EmoV-DB recording found; expected bea/Amused/amused_1-15_0001\.wav"
    ):
        read_emovdb(write(tmp_path, *names))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder; give the folder that holds EmoV-DB"):
        read_emovdb(tmp_path / "nowhere")
