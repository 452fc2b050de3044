from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora import CORPORA, read_corpus
from emofuse.data.corpora.user_table import COLUMNS, read_columns, read_table
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.errors import CorpusError
from emofuse.types import Skip, Utterance

DATA = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")


def write(folder: Path, text: str, *audio: str) -> Path:
    """Write a table, and empty files for the recordings that it names."""
    for name in audio:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "made.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_every_column_of_an_utterance_is_read_and_the_others_are_tags(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "id,path,start,end,text,text_source,label,speaker,session,gender,dialogue,language,split,take,mood\n"
        "u1,a.wav,0.5,2,Yes.,asr:x,happy,A,1,F,d1,en,train,3,fine\n",
        "a.wav",
    )
    prepared = read_table(path)
    assert prepared.corpus.utterances == (
        Utterance(
            id="u1",
            audio=tmp_path / "a.wav",
            start=0.5,
            end=2.0,
            text="Yes.",
            text_source="asr:x",
            label="happy",
            speaker="A",
            session="1",
            gender="F",
            dialogue="d1",
            language="en",
            split="train",
            tags={"take": "3", "mood": "fine"},
        ),
    )
    assert prepared.corpus.name == "made"
    assert prepared.skipped == ()


@pytest.mark.parametrize(("field", "column"), [(field, name) for field in COLUMNS for name in COLUMNS[field]])
def test_each_usual_name_of_a_column_is_known_in_any_case(tmp_path: Path, field: str, column: str) -> None:
    value = {"audio": "a.wav", "start": "1", "end": "1"}.get(field, "said")
    text = {"text": "text"}.get(field, "sentence")
    header, row = (column.title(), value) if field == "text" else (f"{text},{column.title()}", f"yes,{value}")
    (utterance,) = read_table(write(tmp_path, f"{header}\n{row}\n", "a.wav")).corpus
    expected = {"audio": tmp_path / "a.wav", "start": 1.0, "end": 1.0}.get(field, "said")
    assert getattr(utterance, field) == expected
    assert utterance.tags == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_each_kind_of_table_is_read(tmp_path: Path, delimiter: str, start: str, end: str) -> None:
    rows = (("text", "label"), (f'"Grüße, {delimiter} ""you"""', "happy"), ("你好", "sad"))
    path = write(tmp_path, start + "".join(delimiter.join(row) + end for row in rows))
    read = [(u.text, u.label) for u in read_table(path).corpus]
    assert read == [(f'Grüße, {delimiter} "you"', "happy"), ("你好", "sad")]


def test_a_text_may_have_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,label\n"one\ntwo",happy\nthree,sad\n')
    assert [(u.text, u.label) for u in read_table(path).corpus] == [("one\ntwo", "happy"), ("three", "sad")]


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0c"], ids=["U+2028", "U+0085", "form feed"])
def test_a_separator_within_a_text_does_not_end_its_row(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path, f"text,label\none{separator}two,happy\n")
    assert [(u.text, u.label) for u in read_table(path).corpus] == [(f"one{separator}two", "happy")]


@pytest.mark.parametrize("header", ["text,label", "label,text", "text"])
def test_a_row_with_more_values_than_columns_is_refused_with_its_place(tmp_path: Path, header: str) -> None:
    values = {"text": "No, I said, no", "label": "angry"}
    row = ",".join(values[column] for column in header.split(","))
    with pytest.raises(CorpusError, match=r"made\.csv:2"):
        read_table(write(tmp_path, f"{header}\n{row}\n"))


def test_a_row_with_fewer_values_than_columns_lacks_the_last_ones(tmp_path: Path) -> None:
    (utterance,) = read_table(write(tmp_path, "text,label,speaker,take\nyes,happy\n")).corpus
    assert (utterance.label, utterance.speaker, utterance.tags) == ("happy", None, {})


def test_spaces_around_a_value_and_empty_values_are_nothing(tmp_path: Path) -> None:
    (utterance,) = read_table(write(tmp_path, "text,label,speaker,take\n yes , happy ,  ,\n")).corpus
    assert utterance == Utterance("row#2", text="yes", text_source="gold", label="happy")


def test_spaces_around_the_name_of_a_column_are_nothing(tmp_path: Path) -> None:
    (utterance,) = read_table(write(tmp_path, "text, label\nyes, happy\n")).corpus
    assert utterance.label == "happy"


def test_text_that_is_written_down_is_gold_unless_the_table_says_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, "path,text,text_source\na.wav,yes,\na.wav,yes,asr:x\na.wav,,\n", "a.wav")
    assert [u.text_source for u in read_table(path).corpus] == ["gold", "asr:x", None]


def test_audio_is_found_beside_the_table(tmp_path: Path) -> None:
    path = write(tmp_path, "path\nsub/a.wav\n", "sub/a.wav")
    assert [u.audio for u in read_table(path).corpus] == [tmp_path / "sub/a.wav"]


def test_audio_is_found_below_the_root_that_is_given(tmp_path: Path) -> None:
    path = write(tmp_path, "path\na.wav\n", "elsewhere/a.wav")
    assert [u.audio for u in read_table(path, audio_root=tmp_path / "elsewhere").corpus] == [
        tmp_path / "elsewhere/a.wav"
    ]


def test_an_absolute_path_stands_for_itself(tmp_path: Path) -> None:
    path = write(tmp_path, f"path\n{tmp_path}/b/a.wav\n", "b/a.wav")
    assert [u.audio for u in read_table(path, audio_root=Path("/nowhere")).corpus] == [tmp_path / "b/a.wav"]


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "Datei,Satz,label\na.wav,ja,froh\n", "a.wav")
    (utterance,) = read_table(path, {"audio": "Datei", "text": "Satz"}).corpus
    assert (utterance.audio, utterance.text, utterance.label) == (tmp_path / "a.wav", "ja", "froh")


def test_a_column_that_is_named_goes_before_the_usual_one(tmp_path: Path) -> None:
    (utterance,) = read_table(write(tmp_path, "text,label,coarse\nyes,elated,happy\n"), {"label": "coarse"}).corpus
    assert (utterance.label, utterance.tags) == ("happy", {"label": "elated"})


def test_of_two_usual_columns_the_first_is_taken_and_the_other_is_a_tag(tmp_path: Path) -> None:
    (utterance,) = read_table(write(tmp_path, "sentence,text\ntwo,one\n")).corpus
    assert (utterance.text, utterance.tags) == ("one", {"sentence": "two"})


def test_an_id_is_made_from_the_path_and_the_row_where_that_repeats(tmp_path: Path) -> None:
    path = write(tmp_path, "path,text\nsub/a.b.wav,x\nsub/a.b.wav,y\n,z\n", "sub/a.b.wav")
    assert [u.id for u in read_table(path).corpus] == ["sub/a.b", "sub/a.b#3", "row#4"]


def test_an_id_that_is_given_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, "id,path\nu1,a.wav\n,a.wav\n", "a.wav")
    assert [u.id for u in read_table(path).corpus] == ["u1", "a"]


def test_an_id_that_is_given_twice_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"made\.csv:3: the id 'u1' occurs twice"):
        read_table(write(tmp_path, "id,text\nu1,yes\nu1,no\n"))


def test_rows_that_cannot_be_used_are_skipped_each_with_its_place_and_reason(tmp_path: Path) -> None:
    path = write(tmp_path, "path,text,label\na.wav,yes,happy\n,,sad\nb.wav,no,sad\n,well,sad\n", "a.wav")
    prepared = read_table(path)
    assert [u.id for u in prepared.corpus] == ["a", "row#5"]
    assert prepared.skipped == (
        Skip(f"{path}:3", "the row has neither audio nor text"),
        Skip(f"{path}:4", f"no such file: {tmp_path / 'b.wav'}"),
    )


@pytest.mark.parametrize("before", ["\n", '"one\ntwo",happy\n'], ids=["a blank line", "a text of two lines"])
def test_the_place_of_a_row_is_its_line(tmp_path: Path, before: str) -> None:
    path = write(tmp_path, f"text,label\nyes,happy\n{before},sad\n")
    line = path.read_text().split("\n").index(",sad") + 1
    assert [skip.id for skip in read_table(path).skipped] == [f"{path}:{line}"]


def test_an_utterance_that_is_none_is_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"made\.csv:3: utterance 'row#3' has no valid span: start 2\.0, end 1\.0"
    ):
        read_table(write(tmp_path, "text,start,end\nyes,1,2\nno,2,1\n"))


def test_a_start_that_is_no_time_is_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"made\.csv:2: 'soon' is not a time"):
        read_table(write(tmp_path, "text,start\nyes,soon\n"))


@pytest.mark.parametrize(
    "table",
    [
        "text;start;end\nyes;0,5;62,25\n",
        "text,start,end\nyes,00:00:00.5,00:01:02.25\n",
        "text,Start Time,End Time\nyes,0 days 00:00:00.500000,0 days 00:01:02.250000\n",
        "text,start_ms,end (ms)\nyes,500,62250\n",
        "sep=;\r\ntext;start;end\r\nyes;0.5;62.25\r\n",
    ],
    ids=["commas", "clocks", "timedeltas", "milliseconds", "sep"],
)
def test_times_are_read_as_the_readers_of_turns_read_them(tmp_path: Path, table: str) -> None:
    (utterance,) = read_table(write(tmp_path, table)).corpus
    assert (utterance.text, utterance.start, utterance.end, utterance.tags) == ("yes", 0.5, 62.25, {})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_tables_of_spreadsheets_are_read_in_their_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "made.csv"
    path.write_bytes("text,label\r\nGrüße,froh\r\n".encode(encoding))
    assert [(u.text, u.label) for u in read_table(path).corpus] == [("Grüße", "froh")]


def test_labels_that_differ_in_capitals_only_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_table(write(tmp_path, "text,label\na,happy\nb,Happy\nc,sad\nd,happy\n"))
    assert "labels differ in capitals only: Happy (1) and happy (2); write them alike" in caplog.text


def test_a_start_that_is_not_finite_is_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"made\.csv:2: "):
        read_table(write(tmp_path, "text,start\nyes,nan\n"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("foo,bar\n1,2\n", "no column is called path or audio .*; name them with --column audio="),
        ("text,label\n", "no row can be used; check --column and --root"),
        ("path\nb.wav\n", r"no row can be used; the first row skipped: no such file: .*b\.wav; check --column"),
        ('text,label\n"yes,happy\n', "is not a table that can be read"),
    ],
    ids=["empty", "unknown columns", "only a header", "no recording", "an open quote"],
)
def test_what_is_no_table_is_refused_with_its_path_and_a_way_out(
    tmp_path: Path, content: str, reason: str
) -> None:
    with pytest.raises(CorpusError, match=rf"made\.csv(:2)?: {reason}"):
        read_table(write(tmp_path, content))


def test_a_missing_table_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"labell": "mood"}, "--column labell: is no field of an utterance; fields are id, audio, "),
        ({"label": "mood"}, "has no column 'mood'; its columns are text, Emotion"),
    ],
    ids=["field", "column"],
)
def test_a_choice_of_column_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, str], reason: str
) -> None:
    with pytest.raises(CorpusError, match=reason):
        read_table(write(tmp_path, "text,Emotion\nyes,happy\n"), columns)


def test_a_table_read_becomes_a_manifest_that_is_read_back_equal(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "path,text,label\na.wav,yes,happy\n,no,sad\n", "a.wav")).corpus
    save_corpus(corpus, tmp_path / "made.jsonl")
    assert load_corpus(tmp_path / "made.jsonl") == corpus


def test_some_columns_of_a_table_can_be_read_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "file;Transcript;mood\na.wav; yes ;fine\nb.wav;;\n")
    assert read_columns(path, ("audio", "text")) == [
        {"audio": "a.wav", "text": "yes"},
        {"audio": "b.wav", "text": ""},
    ]


def test_a_column_that_must_be_there_is_named_when_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"made\.csv: no column is called label or emotion"):
        read_columns(write(tmp_path, "text\nyes\n"), ("text", "label"))


def test_a_corpus_is_read_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, "Satz\nja\n", "elsewhere/a.wav")
    assert len(read_corpus("csv", path, {"text": "Satz"}, tmp_path / "elsewhere").corpus) == 1


def test_a_corpus_that_is_no_table_is_read_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "03-01-01-01-01-01-01.wav").touch()
    assert len(read_corpus("ravdess", tmp_path).corpus) == 1


def test_an_unknown_corpus_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus is called 'ravdes'; did you mean 'ravdess'"):
        read_corpus("ravdes", tmp_path)


def test_a_corpus_unlike_any_other_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"choose one of {', '.join(CORPORA)}"):
        read_corpus("zzzzzz", tmp_path)


@pytest.mark.parametrize("name", [name for name in CORPORA if name not in ("csv", "hf")])
def test_the_options_of_tables_are_refused_for_a_corpus(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=f"--column and --root are for csv and hf, not for {name}"):
        read_corpus(name, tmp_path, {"text": "Satz"})


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="EMOFUSE_DATA does not name a folder of real recordings")
@pytest.mark.parametrize(
    ("table", "utterances", "speakers", "labels"),
    [("ravdess", 1080, 18, 8), ("emodb", 535, 10, 7), ("nemo", 3146, 6, 6)],
)
def test_real_tables_are_read_whole(table: str, utterances: int, speakers: int, labels: int) -> None:
    prepared = read_table(DATA / table / "manifest.csv")
    assert prepared.skipped == ()
    assert len(prepared.corpus) == utterances
    assert len(Counter(u.speaker for u in prepared.corpus)) == speakers
    assert len(Counter(u.label for u in prepared.corpus)) == labels
    assert len({u.audio for u in prepared.corpus}) == utterances


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="EMOFUSE_DATA does not name a folder of real recordings")
@pytest.mark.parametrize(
    ("table", "utterances"), [("goemotions_train.csv", 43_410), ("emobank_train_dev.csv", 9062)]
)
def test_real_texts_are_read_whole(table: str, utterances: int) -> None:
    prepared = read_table(DATA / "text" / table)
    assert len(prepared.corpus) + len(prepared.skipped) == utterances
