from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from emofuse.data.corpora.esd import CHINESE, LABELS, read_esd
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.labels import EMOTIONS
from emofuse.errors import CorpusError
from emofuse.types import Utterance

# In the order of the numbers: 350 each.
ORDER = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
MANDARIN = ("中立", "生气", "快乐", "伤心", "惊喜")
TEXT = "今天天气很好。"


def write(root: Path, *names: str, **tables: str | bytes) -> Path:
    """Write empty recordings, and tables by speaker, as in s0001; text is written as UTF-8."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for key, table in tables.items():
        path = root / key[1:] / f"{key[1:]}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(table.encode() if isinstance(table, str) else table)
    return root


def speech(speaker: str) -> list[str]:
    return [f"{speaker}/{ORDER[n // 350]}/{speaker}_{n + 1:06}.wav" for n in range(1750)]


def table(speaker: str, words: tuple[str, ...]) -> str:
    return "".join(f"{speaker}_{n + 1:06}\tSentence {n % 350}.\t{words[n // 350]}\r\n" for n in range(1750))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A Mandarin and an English speaker, complete, in the encodings of the release."""
    return read_esd(
        write(
            tmp_path_factory.mktemp("esd"),
            *speech("0001"),
            *speech("0020"),
            "ReadMe.txt",
            s0001=table("0001", MANDARIN).encode("gb2312"),
            s0020=table("0020", ORDER),
        )
    )


def test_a_speaker_has_the_published_counts(pair: Prepared) -> None:
    assert Counter((u.language, u.label) for u in pair.corpus) == {
        (language, label): 350 for language in ("zh", "en") for label in LABELS.values()
    }
    assert Counter(u.tags["sentence"] for u in pair.corpus) == {str(n): 10 for n in range(1, 351)}
    assert all(u.text for u in pair.corpus)
    assert [skip.id for skip in pair.skipped] == ["ReadMe.txt"]
    assert pair.incomplete == "3500 utterances, where ESD was published with 35000; unpack the whole archive again"


def test_the_same_sentence_has_the_same_text_in_all_emotions(pair: Prepared) -> None:
    assert len({(u.speaker, u.tags["sentence"], u.text) for u in pair.corpus}) == 700


def test_the_file_its_folder_and_the_table_tell_all(tmp_path: Path) -> None:
    root = write(tmp_path, "0001/Angry/train/0001_000351.wav", s0001=f"0001_000351\t{TEXT}\t生气\n")
    prepared = read_esd(root)
    assert prepared.corpus.utterances == (
        Utterance(
            id="0001_000351",
            audio=tmp_path / "0001/Angry/train/0001_000351.wav",
            text=TEXT,
            text_source="gold",
            label="angry",
            speaker="esd_0001",
            gender="female",
            language="zh",
            split="train",
            tags={"source_label": "Angry", "sentence": "1"},
        ),
    )
    assert prepared.corpus.name == "esd"
    assert prepared.skipped == ()


def test_men_and_women_are_as_in_the_readme(tmp_path: Path) -> None:
    names = (f"{n:04}/Sad/{n:04}_001051.wav" for n in range(1, 21))
    corpus = read_esd(write(tmp_path, *names)).corpus
    men = (4, 5, 6, 8, 10, 11, 12, 13, 14, 20)
    assert {u.speaker for u in corpus if u.gender == "male"} == {f"esd_{n:04}" for n in men}
    assert Counter(u.gender for u in corpus) == {"male": 10, "female": 10}
    assert {u.speaker for u in corpus if u.language == "zh"} == {f"esd_{n:04}" for n in range(1, 11)}


@pytest.mark.parametrize(
    ("folder", "split"), [("train/", "train"), ("evaluation/", "validation"), ("test/", "test"), ("", None)]
)
def test_a_level_below_the_emotion_is_the_split(tmp_path: Path, folder: str, split: str | None) -> None:
    (utterance,) = read_esd(write(tmp_path, f"0011/Surprise/{folder}0011_001401.wav")).corpus
    assert (utterance.label, utterance.split) == ("surprised", split)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("gb18030"),
    ],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16", "UTF-16, big end first", "UTF-16 without a mark", "GB18030"],
)
@pytest.mark.parametrize(("speaker", "text"), [("0003", TEXT), ("0016", "He said “well” and left.")])
def test_a_table_may_be_in_any_encoding_of_the_release(
    tmp_path: Path, encode: Callable[[str], bytes], speaker: str, text: str
) -> None:
    table = encode(f"{speaker}_000001\t{text}\tNeutral\r\n\r\n")
    prepared = read_esd(write(tmp_path, f"{speaker}/Neutral/{speaker}_000001.wav", **{f"s{speaker}": table}))
    assert [u.text for u in prepared.corpus] == [text]
    assert prepared.skipped == ()


@pytest.mark.parametrize(
    "line",
    [
        "0015_000351\tHere it is now.\tAngry",
        "0015_000351 Here it is now. Angry",
        "0015_000351\tHere it is now. Angry ",
        "0015_000351\tHere it is now.",
        "  0015_000351\t Here it is now. \t Angry\t",
    ],
    ids=["tabs", "blanks", "tab and blank", "no emotion", "more blanks"],
)
def test_blanks_may_stand_for_tabs_and_the_emotion_may_be_missing(tmp_path: Path, line: str) -> None:
    prepared = read_esd(write(tmp_path, "0015/Angry/0015_000351.wav", s0015=line))
    assert [u.text for u in prepared.corpus] == ["Here it is now."]
    assert prepared.skipped == ()


def test_a_byte_in_no_known_encoding_is_replaced_and_reported(tmp_path: Path) -> None:
    table = b"0016_000001\tA tea\xff here.\tNeutral\n"
    prepared = read_esd(write(tmp_path, "0016/Neutral/0016_000001.wav", s0016=table))
    assert [u.text for u in prepared.corpus] == ["A tea\ufffd here."]
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        ("0016/0016.txt:1", "bytes in no known encoding became U+FFFD")
    ]


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        ("Speaker 11", "0011/0011.txt:2", "a line without the id"),
        ("0011_000001\tAgain.\tNeutral", "0011/0011.txt:2", "a second line for a recording"),
        ("0011_000351\tNot there.\tAngry", "0011_000351", "in the table of the speaker, but not recorded"),
    ],
)
def test_lines_that_tell_of_no_recording_are_skipped(tmp_path: Path, line: str, place: str, reason: str) -> None:
    table = f"0011_000001\tHere.\tNeutral\n{line}\n"
    prepared = read_esd(write(tmp_path, "0011/Neutral/0011_000001.wav", s0011=table))
    assert [u.text for u in prepared.corpus] == ["Here."]
    (skip,) = prepared.skipped
    assert skip.id == place
    assert reason in skip.reason


@pytest.mark.parametrize("table", ["", "0011_000001\t\tNeutral\n"], ids=["no line", "no text"])
def test_a_recording_without_text_is_kept_and_reported(tmp_path: Path, table: str) -> None:
    prepared = read_esd(write(tmp_path, "0011/Neutral/0011_000001.wav", s0011=table))
    assert [(u.text, u.text_source) for u in prepared.corpus] == [(None, None)]
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        ("0011_000001", "no text in the table of the speaker")
    ]


def test_where_the_table_names_another_emotion_the_folder_is_kept(tmp_path: Path) -> None:
    prepared = read_esd(write(tmp_path, "0001/Sad/0001_001051.wav", s0001=f"0001_001051\t{TEXT}\t快乐\n"))
    assert [u.label for u in prepared.corpus] == ["sad"]
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        ("0001_001051", "another emotion in the table of the speaker; the folder's is kept")
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("0011/Angry/._0011_000351.wav", "a hidden file that an archive program left"),
        ("0011/Angry/0011_351.wav", "the name is not of the form"),
        ("0011/Angry/0011_000351.mp3", "the name is not of the form"),
        ("0011/notes.txt", "the name is not of the form"),
        ("0011/Bored/0011_000351.wav", "unknown speaker, or not in a folder of an emotion"),
        ("0021/Angry/0021_000351.wav", "unknown speaker, or not in a folder of an emotion"),
        ("copy/Neutral/0011_000001.wav", "a second copy of 0011_000001"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    root = write(tmp_path, "0011/Neutral/0011_000001.wav", name, s0011="0011_000001\tHere.\tNeutral\n")
    prepared = read_esd(root)
    assert [u.id for u in prepared.corpus] == ["0011_000001"]
    (skip,) = prepared.skipped
    assert skip.id == name
    assert reason in skip.reason


def test_the_chinese_words_are_the_emotions() -> None:
    assert list(CHINESE.values()) == list(LABELS.values())
    assert set(LABELS.values()) <= set(EMOTIONS)


@pytest.mark.parametrize("name", ["", "0001/0001.txt"], ids=["nothing", "only a table"])
def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=r"no ESD recording found; expected 0001/Angry/0001_000351\.wav"):
        read_esd(write(tmp_path, *filter(None, [name])))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder; give the folder that holds ESD"):
        read_esd(tmp_path / "nowhere")
