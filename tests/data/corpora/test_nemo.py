from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.data.corpora.nemo import read_nemo
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

HEADER = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"
EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
SPEAKERS = ("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0")


def row(name: str, text: str = "Chodźmy w tango.", gender: str = "female", age: str = "27") -> str:
    """Write a row as the release does, with blanks before the id of the speaker."""
    speaker, emotion, _ = name.split("_")
    return f"{name}.wav\t{emotion}\t{text}\t{text.lower()}\t        {speaker}\t{gender}\t{age}"


def write(root: Path, *names: str, rows: list[str] | None = None) -> Path:
    """Write empty recordings, and the table with a row for each unless there are other rows."""
    (root / "samples").mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / "samples" / f"{name}.wav").touch()
    rows = [row(name) for name in names] if rows is None else rows
    (root / "data.tsv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return root


def test_the_full_release_has_the_published_count(tmp_path: Path) -> None:
    names = [f"{s}_{e}_{n}" for n in range(1, 91) for s in SPEAKERS for e in EMOTIONS][:4481]
    prepared = read_nemo(write(tmp_path, *names))
    assert len(prepared.corpus) == 4481
    assert (prepared.skipped, prepared.incomplete) == ((), None)
    assert {u.speaker for u in prepared.corpus} == {f"nemo_{speaker}" for speaker in SPEAKERS}
    assert {(u.tags["source_label"], u.label) for u in prepared.corpus} == {
        ("anger", "angry"), ("fear", "fearful"), ("happiness", "happy"), ("neutral", "neutral"),
        ("sadness", "sad"), ("surprised", "surprised"),
    }  # fmt: skip


def test_the_row_tells_all(tmp_path: Path) -> None:
    text = "„Ród smoka” to serial telewizyjny."
    rows = [row("KS0_surprised_38", text, "male", "23")]
    corpus = read_nemo(write(tmp_path, "KS0_surprised_38", rows=rows)).corpus
    assert corpus.utterances == (
        Utterance(
            id="KS0_surprised_38",
            audio=tmp_path / "samples/KS0_surprised_38.wav",
            text=text,
            text_source="gold",
            label="surprised",
            speaker="nemo_KS0",
            gender="male",
            language="pl",
            tags={"source_label": "surprised", "sentence": "38", "age": "23"},
        ),
    )
    assert corpus.name == "nemo"


def test_a_quotation_mark_does_not_swallow_the_rows_below(tmp_path: Path) -> None:
    rows = [row("EB0_fear_1", '"Kot'), row("EB0_fear_2", "pies")]
    corpus = read_nemo(write(tmp_path, "EB0_fear_1", "EB0_fear_2", rows=rows)).corpus
    assert [u.text for u in corpus] == ['"Kot', "pies"]


@pytest.mark.parametrize(
    ("bad", "place", "reason"),
    [
        ("EB0_fear_2.wav\tfear\tKot", "data.tsv:3", "not as many values as there are columns"),
        (row("EB0_fear_1", "again"), "data.tsv:3", "a second row for EB0_fear_1.wav; the first is kept"),
        (row("EB0_fear_2"), "samples/EB0_fear_2.wav", "a row of data.tsv without its recording"),
    ],
)
def test_rows_that_cannot_be_used_are_skipped_with_a_reason(
    tmp_path: Path, bad: str, place: str, reason: str
) -> None:
    prepared = read_nemo(write(tmp_path, "EB0_fear_1", rows=[row("EB0_fear_1"), bad]))
    assert [u.text for u in prepared.corpus] == ["Chodźmy w tango."]
    assert prepared.skipped == (Skip(place, reason),)


@pytest.mark.parametrize(
    ("name", "told", "reason"),
    [
        ("notes.txt", "", "not a WAV file"),
        ("EB0_fear_2.wav", "", "no row of data.tsv tells of it"),
        ("EB0_joy_2.wav", row("EB0_joy_2"), "unknown emotion or gender in data.tsv: 'joy', 'female'"),
        ("EB0_fear_2.wav", row("EB0_fear_2", gender="F"), "unknown emotion or gender in data.tsv: 'fear', 'F'"),
        (
            "EB0_fear_2.wav",
            row("EB0_fear_2").replace("\tfear\t", "\tanger\t"),
            "data.tsv says EB0 and anger, which is not what the name says",
        ),
        ("._EB0_fear_2.wav", "", "a hidden file that an archive program left"),
    ],
)
def test_files_that_are_not_read_are_skipped_with_a_reason(
    tmp_path: Path, name: str, told: str, reason: str
) -> None:
    write(tmp_path, "EB0_fear_1", rows=[row("EB0_fear_1"), *([told] if told else [])])
    (tmp_path / "samples" / name).touch()
    prepared = read_nemo(tmp_path)
    assert [u.id for u in prepared.corpus] == ["EB0_fear_1"]
    assert prepared.skipped == (Skip(f"samples/{name}", reason),)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    incomplete = read_nemo(write(tmp_path, "EB0_fear_1")).incomplete
    assert incomplete is not None
    assert incomplete.startswith("1 utterances, where nEMO was published with 4481")


def test_a_table_that_was_not_fetched_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, "EB0_fear_1") / "data.tsv").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CorpusError, match=r"data\.tsv: has no column 'file_id'; fetch data\.tsv of amu-cai/nEMO"):
        read_nemo(tmp_path)


def test_a_folder_without_the_table_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, "EB0_fear_1") / "data.tsv").unlink()
    with pytest.raises(CorpusError, match=r"data\.tsv: no such table; give the folder of amu-cai/nEMO"):
        read_nemo(tmp_path)


def test_a_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, "EB0_fear_1") / "data.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_nemo(tmp_path)


def test_a_table_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected samples/EB0_anger_1\.wav"):
        read_nemo(write(tmp_path, rows=[row("EB0_fear_1")]))
    (tmp_path / "samples").rmdir()
    with pytest.raises(CorpusError, match="samples: no such folder"):
        read_nemo(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere: no such folder"):
        read_nemo(tmp_path / "nowhere")
