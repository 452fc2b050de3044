from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.meld import LABELS, read_meld
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.corpora.published_tables import read_rows
from emofuse.data.labels import EMOTIONS
from emofuse.errors import CorpusError
from emofuse.types import Utterance

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
FOLDERS = {"train": "train/train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


def turn(dialogue: int, number: int, text: str = "I see.", speaker: str = "Ross", emotion: str = "neutral") -> str:
    return f'1,"{text}",{speaker},{emotion},neutral,{dialogue},{number},8,21,"00:16:16,059","00:16:21,731"\n'


def write(root: Path, *names: str, **tables: str) -> Path:
    """Write empty files, and the tables of the splits where the authors have them: train's beside its videos."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for split, rows in tables.items():
        path = root / ("train" if split == "train" else "") / f"{split}_sent_emo.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((HEADER + rows).encode())
    return root


def one(root: Path, *names: str, rows: str = "") -> Prepared:
    """Read a test split with one turn, and whatever else is given."""
    return read_meld(write(root, "output_repeated_splits_test/dia0_utt0.mp4", *names, test=turn(0, 0) + rows))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """All 13,708 turns, ten to a dialogue, with a video each but for the one that the release lacks."""
    root = tmp_path_factory.mktemp("meld")
    turns = {
        split: [(n // 10, n % 10) for n in range(count)]
        for split, count in (("train", 9989), ("dev", 1109), ("test", 2610))
    }
    names = [f"{FOLDERS[split]}/dia{d}_utt{u}.mp4" for split, pairs in turns.items() for d, u in pairs]
    names.remove("dev_splits_complete/dia110_utt7.mp4")
    return read_meld(
        write(root, *names, **{split: "".join(turn(*pair) for pair in pairs) for split, pairs in turns.items()})
    )


def test_the_full_release_has_the_published_counts_but_for_the_turn_without_a_video(full: Prepared) -> None:
    assert Counter(u.split for u in full.corpus) == {"train": 9989, "validation": 1108, "test": 2610}
    assert [(skip.id, skip.reason) for skip in full.skipped] == [
        ("dev_sent_emo.csv:1109", "no recording of the turn in the folders of dev")
    ]
    assert full.incomplete is None


def test_a_row_and_a_file_tell_all(tmp_path: Path) -> None:
    rows = turn(0, 3, 'So let\x92s talk, ""a bit""', " The Interviewer ", "joy")
    corpus = read_meld(write(tmp_path, "train/train_splits/dia0_utt3.mp4", train=rows)).corpus
    assert corpus.utterances == (
        Utterance(
            id="train_dia0_utt3",
            audio=tmp_path / "train/train_splits/dia0_utt3.mp4",
            text='So let\x92s talk, "a bit"',
            text_source="gold",
            label="happy",
            speaker="meld_The Interviewer",
            dialogue="train_dia0",
            language="en",
            split="train",
            tags={
                "source_label": "joy", "sentiment": "neutral", "season": "8", "episode": "21",
                "start_time": "00:16:16,059", "end_time": "00:16:21,731",
            },
        ),
    )  # fmt: skip
    assert corpus.name == "meld"


def test_each_emotion_becomes_the_word_of_the_project(tmp_path: Path) -> None:
    rows = "".join(turn(0, n, emotion=emotion) for n, emotion in enumerate(LABELS))
    corpus = read_meld(
        write(tmp_path, *(f"dev_splits_complete/dia0_utt{n}.mp4" for n in range(7)), dev=rows)
    ).corpus
    assert {u.tags["source_label"]: u.label for u in corpus} == {
        "neutral": "neutral", "joy": "happy", "sadness": "sad", "anger": "angry", "surprise": "surprised",
        "fear": "fearful", "disgust": "disgusted",
    }  # fmt: skip
    assert set(LABELS.values()) <= set(EMOTIONS)


def test_the_same_numbers_in_two_splits_are_two_turns(tmp_path: Path) -> None:
    names = (f"{folder}/dia0_utt0.mp4" for folder in FOLDERS.values())
    corpus = read_meld(write(tmp_path, *names, train=turn(0, 0), dev=turn(0, 0), test=turn(0, 0))).corpus
    assert [(u.id, u.dialogue, u.split) for u in corpus] == [
        ("train_dia0_utt0", "train_dia0", "train"),
        ("dev_dia0_utt0", "dev_dia0", "validation"),
        ("test_dia0_utt0", "test_dia0", "test"),
    ]


@pytest.mark.parametrize(
    "folder",
    [
        "train_splits", "train/train_splits", "MELD.Raw/train/train_splits", "train", "audio/train",
    ],
)  # fmt: skip
def test_the_recordings_may_lie_wherever_they_were_unpacked(tmp_path: Path, folder: str) -> None:
    prepared = read_meld(write(tmp_path, f"{folder}/dia0_utt0.mp4", train=turn(0, 0)))
    assert [u.audio for u in prepared.corpus] == [tmp_path / folder / "dia0_utt0.mp4"]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_sound_file_beside_the_video_is_taken(tmp_path: Path, suffix: str) -> None:
    prepared = one(tmp_path, f"output_repeated_splits_test/dia0_utt0.{suffix}")
    assert [u.audio for u in prepared.corpus] == [tmp_path / f"output_repeated_splits_test/dia0_utt0.{suffix}"]
    assert prepared.skipped == ()


def test_a_wav_is_taken_before_a_flac(tmp_path: Path) -> None:
    names = (f"output_repeated_splits_test/dia0_utt0.{suffix}" for suffix in ("flac", "wav"))
    assert [u.audio and u.audio.suffix for u in one(tmp_path, *names).corpus] == [".wav"]


def test_a_character_that_ends_lines_elsewhere_stays_in_its_text(tmp_path: Path) -> None:
    # U+0085 is what Windows-1252 has for an ellipsis, read as Latin-1.
    rows = turn(0, 0, "Well\x85") + turn(0, 1)
    names = ("test/dia0_utt0.mp4", "test/dia0_utt1.mp4")
    assert [u.text for u in read_meld(write(tmp_path, *names, test=rows)).corpus] == ["Well\x85", "I see."]


def test_a_turn_without_words_has_no_text(tmp_path: Path) -> None:
    (utterance,) = read_meld(write(tmp_path, "test/dia0_utt0.mp4", test=turn(0, 0, ""))).corpus
    assert (utterance.text, utterance.text_source) == (None, None)


def test_a_second_cut_is_skipped_and_named_at_the_turn(tmp_path: Path) -> None:
    prepared = one(tmp_path, "output_repeated_splits_test/final_videos_testdia0_utt0.mp4")
    (utterance,) = prepared.corpus
    assert utterance.audio == tmp_path / "output_repeated_splits_test/dia0_utt0.mp4"
    assert utterance.tags["second_cut"] == "final_videos_testdia0_utt0.mp4"
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        ("output_repeated_splits_test/final_videos_testdia0_utt0.mp4", "a second cut of a turn; the first is read")
    ]


@pytest.mark.parametrize(
    ("name", "place", "reason"),
    [
        ("output_repeated_splits_test/._dia0_utt0.mp4", "", "a hidden file that an archive program left"),
        ("README.txt", "", "neither a table of turns nor a recording"),
        ("test.tar.gz", "", "neither a table of turns nor a recording"),
        ("test_sent_emo_dya.csv", "", "neither a table of turns nor a recording"),
        ("output_repeated_splits_test/dia0_utt0 (1).mp4", "", "neither a table of turns nor a recording"),
        ("dia0_utt1.mp4", "", "a recording in no folder of a split"),
        ("copies/test_sent_emo.csv", "", "a second copy of a table"),
        ("test/copies/dia0_utt0.mp4", "", "another copy of a recording"),
        (
            "output_repeated_splits_test/dia66_utt9.mp4",
            "test_dia66_utt9",
            "recorded, but no row can be read for it",
        ),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(
    tmp_path: Path, name: str, place: str, reason: str
) -> None:
    prepared = one(tmp_path, name)
    assert [u.audio for u in prepared.corpus] == [tmp_path / "output_repeated_splits_test/dia0_utt0.mp4"]
    (skip,) = prepared.skipped
    assert skip.id == (place or name)
    assert reason in skip.reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (turn(0, 1), "no recording of the turn in the folders of test"),
        (turn(0, 0), "a second row for a turn; the first is kept"),
        (turn(0, 0, emotion="boredom"), "unknown emotion 'boredom'"),
        ("3,\n", "unknown emotion ''"),
    ],
)
def test_rows_that_cannot_be_used_are_skipped_with_their_line(tmp_path: Path, row: str, reason: str) -> None:
    prepared = one(tmp_path, rows=row)
    assert len(prepared.corpus) == 1
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [("test_sent_emo.csv:3", reason)]


def test_a_missing_split_is_reported_in_numbers(tmp_path: Path) -> None:
    assert one(tmp_path).incomplete == (
        "the numbers of turns differ from the published ones: train 0 for 9989, dev 0 for 1109, test 1 for 2610; "
        "unpack MELD.Raw again"
    )


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no train_sent_emo\.csv, .*; give the folder MELD\.Raw"):
        read_meld(write(tmp_path, "test/dia0_utt0.mp4"))


def test_archives_that_were_not_unpacked_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no turn has its recording.*unpack the archives train\.tar\.gz"):
        read_meld(write(tmp_path, "test.tar.gz", test=turn(0, 0)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER.replace("Utterance_ID", "Turn").encode(), "has no column 'Utterance_ID'"),
        (HEADER.encode() + turn(0, 0, "café").encode("cp1252"), "is not UTF-8 text"),
        (HEADER.encode() + b'1,"' + b"x" * 200_000, "is not a table that can be read"),
    ],
    ids=["column", "encoding", "open quote"],
)
def test_a_table_that_is_not_as_published_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    write(tmp_path, "test/dia0_utt0.mp4")
    (tmp_path / "test_sent_emo.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=rf"test_sent_emo\.csv: {reason}.*take the table as it was published"):
        read_meld(tmp_path)


def test_a_table_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot be read \(.*\); check its permissions"):
        read_rows(tmp_path, ())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder; give the folder that holds MELD"):
        read_meld(tmp_path / "nowhere")
