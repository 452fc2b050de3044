from __future__ import annotations

import pickle
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emofuse.data.corpora.audformat_database import read_audformat
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.errors import CorpusError, MissingExtraError
from emofuse.types import Skip, Utterance

audformat = pytest.importorskip("audformat")
pandas = pytest.importorskip("pandas")

FILES = ("wav/03a01Fa.wav", "wav/03a01Nc.wav", "wav/08b01Wa.wav", "wav/08b01Ta.wav")
LABELS = ("happiness", "neutral", "anger", "sadness")


def database(languages: tuple[str, ...] = ("de",)) -> Any:
    """Make a database without tables."""
    made = audformat.Database("made", languages=list(languages))
    made.schemes["emotion"] = audformat.Scheme(labels=[*LABELS, "fear"])
    made.schemes["confidence"] = audformat.Scheme("float", minimum=0, maximum=1)
    made.schemes["duration"] = audformat.Scheme("time")
    made.schemes["speaker"] = audformat.Scheme(
        labels={
            3: {"gender": "male", "age": 31, "language": "deu"},
            8: {"gender": "female", "age": 34, "language": "deu"},
        }
    )
    made.schemes["transcription"] = audformat.Scheme(labels={"a01": "Der Lappen.", "b01": "Was sind das?"})
    made.schemes["arousal"] = audformat.Scheme("float")
    made.raters["gold"] = audformat.Rater()  # of the type human, as in emodb
    made.raters["agreed"] = audformat.Rater("vote")
    made.raters["model"] = audformat.Rater("machine")
    for rater in ("r1", "r2", "r3"):
        made.raters[rater] = audformat.Rater("human")
    for split in ("train", "dev", "test", "other"):
        made.splits[split] = audformat.Split(split)
    return made


def add(made: Any, table: str, index: Any, columns: dict[str, tuple[Any, ...]], split: str | None = None) -> None:
    """Add a table; a column is a scheme, a rater and values."""
    made[table] = audformat.Table(index, split_id=split)
    for name, (scheme, rater, values) in columns.items():
        made[table][name] = audformat.Column(scheme_id=scheme, rater_id=rater)
        made[table][name].set(values)


def whole(*files: str) -> Any:
    return audformat.filewise_index(list(files))


def saved(made: Any, root: Path, *missing: str) -> Path:
    """Save a database, with empty files for its recordings."""
    made.save(str(root), storage_format="csv")
    for file in set(made.files) - set(missing):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def segments(*rows: tuple[str, float, float | None]) -> Any:
    files, starts, ends = zip(*rows, strict=True)
    seconds = [pandas.NaT if end is None else f"{end}s" for end in ends]
    return audformat.segmented_index(list(files), [f"{start}s" for start in starts], seconds)


def emodb() -> Any:
    """Make a database with the tables and columns that emodb has in audb."""
    made = database()
    for table, split, part in (
        ("emotion", None, slice(0, 4)),
        ("emotion.categories.test.gold_standard", "test", slice(2, 4)),
        ("emotion.categories.train.gold_standard", "train", slice(0, 2)),
    ):
        labels, confidences = list(LABELS)[part], [0.9, 1.0, 0.95, 0.5][part]
        columns = {
            "emotion": ("emotion", "gold", labels),
            "emotion.confidence": ("confidence", "gold", confidences),
        }
        add(made, table, whole(*FILES[part]), columns, split)
    files = {
        "duration": ("duration", None, list(pandas.to_timedelta([1.5, 2, 3, 4], unit="s"))),
        "speaker": ("speaker", None, [3, 3, 8, 8]),
        "transcription": ("transcription", None, ["a01", "a01", "b01", "b01"]),
    }
    add(made, "files", whole(*FILES), files)
    return made


def test_emodb_is_read_whole_as_audb_has_it(tmp_path: Path) -> None:
    prepared = read_audformat(saved(emodb(), tmp_path))
    assert prepared.skipped == ()
    assert Counter((u.label, u.split, u.speaker) for u in prepared.corpus) == {
        ("happiness", "train", "3"): 1,
        ("neutral", "train", "3"): 1,
        ("anger", "test", "8"): 1,
        ("sadness", "test", "8"): 1,
    }
    assert prepared.corpus.utterances[0] == Utterance(
        id="wav/03a01Fa",
        audio=tmp_path / "wav/03a01Fa.wav",
        text="Der Lappen.",
        text_source="gold",
        label="happiness",
        speaker="3",
        gender="male",
        language="de",
        split="train",
        tags={"emotion.confidence": "0.9", "duration": "1.5", "transcription": "a01", "age": "31"},
    )
    assert prepared.corpus.name == "made"


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_each_kind_of_table_is_read(tmp_path: Path, storage: str) -> None:
    made = emodb()
    saved(made, tmp_path)
    for path in tmp_path.glob("db.*.csv"):
        path.unlink()
    made.save(str(tmp_path), storage_format=storage)
    assert len(read_audformat(tmp_path).corpus) == 4


def test_segments_are_utterances_and_inherit_from_their_file(tmp_path: Path) -> None:
    made = database(languages=("en", "de"))
    index = segments(("a.wav", 0.0, 1.25), ("a.wav", 1.25, None), ("b.wav", 0.0, None))
    add(made, "emotion", index, {"emotion": ("emotion", None, ["anger", None, "neutral"])})
    add(made, "files", whole("a.wav", "b.wav"), {"speaker": ("speaker", None, [3, None])})
    add(made, "segments", segments(("a.wav", 0.0, 1.25)), {"speaker": ("speaker", None, [8])})
    corpus = read_audformat(saved(made, tmp_path)).corpus
    assert [(u.id, u.start, u.end, u.label, u.speaker, u.gender) for u in corpus] == [
        ("a#0.0-1.25", 0.0, 1.25, "anger", "8", "female"),
        ("a#1.25-", 1.25, None, None, "3", "male"),
        ("b", None, None, "neutral", None, None),
    ]
    assert [u.language for u in corpus] == ["de", "de", None]  # the speaker's; two are in the header


def test_a_file_that_has_segments_is_not_read_as_a_whole_too(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion", whole("a.wav", "b.wav"), {"emotion": ("emotion", None, ["anger", "anger"])})
    add(made, "emotion.turns", segments(("a.wav", 1.0, 2.0)), {"emotion": ("emotion", None, [None])})
    prepared = read_audformat(saved(made, tmp_path))
    assert [(u.id, u.label) for u in prepared.corpus] == [("b", "anger"), ("a#1.0-2.0", None)]
    assert prepared.skipped == (Skip("a", "has an emotion as a whole and by segments; the segments are read"),)


def votes(*values: list[str | None]) -> dict[str, tuple[Any, ...]]:
    return {f"r{n}": ("emotion", f"r{n}", column) for n, column in enumerate(values, start=1)}


def test_raters_are_votes_and_most_of_them_make_the_label(tmp_path: Path) -> None:
    made = database()
    index = whole("a.wav", "b.wav", "c.wav", "d.wav")
    columns = votes(
        ["anger", "anger", None, "fear"], ["anger", "fear", None, None], ["fear", "neutral", None, None]
    )
    add(made, "emotion", index, columns)
    corpus = read_audformat(saved(made, tmp_path)).corpus
    assert [(u.label, u.votes) for u in corpus] == [
        ("anger", {"anger": 2.0, "fear": 1.0}),
        (None, {"anger": 1.0, "fear": 1.0, "neutral": 1.0}),
        (None, None),
        ("fear", {"fear": 1.0}),
    ]


def test_a_gold_standard_is_the_label_whatever_the_votes_say(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion", whole("a.wav", "b.wav"), votes(["anger", "fear"], ["anger", "fear"]))
    add(made, "emotion.gold_standard", whole("a.wav"), {"emotion": ("emotion", "agreed", ["neutral"])})
    prepared = read_audformat(saved(made, tmp_path))
    assert [(u.label, u.votes) for u in prepared.corpus] == [("neutral", {"anger": 2.0}), ("fear", {"fear": 2.0})]
    assert prepared.skipped == ()


def test_a_single_rater_beside_a_gold_standard_is_a_vote(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion", whole("a.wav"), votes(["anger"]))
    add(made, "emotion.gold_standard", whole("a.wav"), {"emotion": ("emotion", "agreed", ["neutral"])})
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert (utterance.label, utterance.votes) == ("neutral", {"anger": 1.0})


def test_what_a_machine_says_is_a_tag_and_no_vote(tmp_path: Path) -> None:
    made = database()
    columns = {"emotion": ("emotion", "gold", ["anger"]), "wavlm": ("emotion", "model", ["fear"])}
    add(made, "emotion", whole("a.wav"), columns)
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert (utterance.label, utterance.votes, utterance.tags) == ("anger", None, {"wavlm": "fear"})


def test_dimensions_are_those_of_the_gold_standard_and_raters_are_tags(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion", whole("a.wav"), {"emotion": ("emotion", "gold", ["anger"])})
    add(made, "arousal", whole("a.wav"), {"r1": ("arousal", "r1", [0.1]), "r2": ("arousal", "r2", [0.3])})
    add(made, "arousal.gold_standard", whole("a.wav"), {"arousal": ("arousal", "agreed", [0.2])})
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert utterance.dimensions == {"arousal": 0.2}
    assert utterance.tags == {"arousal.r1": "0.1", "arousal.r2": "0.3"}


@pytest.mark.parametrize("by_id", [True, False], ids=["split of the table", "name of the table"])
def test_splits_come_from_the_table_or_its_name(tmp_path: Path, by_id: bool) -> None:
    made = database()
    for split in ("train", "dev", "test", "other"):
        columns = {"emotion": ("emotion", None, ["anger"])}
        table = f"emotion.{split}"
        add(made, f"part{split}" if by_id else table, whole(f"{split}.wav"), columns, split if by_id else None)
    corpus = read_audformat(saved(made, tmp_path)).corpus
    assert {u.id: u.split for u in corpus} == {
        "train": "train",
        "dev": "validation",
        "test": "test",
        "other": None,
    }


def test_contradictions_leave_nothing_and_are_recorded(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion.train", whole("a.wav"), {"emotion": ("emotion", None, ["anger"])})
    add(made, "emotion.test", whole("a.wav"), {"emotion": ("emotion", None, ["fear"])})
    prepared = read_audformat(saved(made, tmp_path))
    assert [(u.label, u.split) for u in prepared.corpus] == [(None, None)]
    assert prepared.skipped == (
        Skip("a", "gets no label: it is fear in emotion.test, but anger in emotion.train"),
        Skip("a", "gets no split: it is test in emotion.test, but train in emotion.train"),
    )


def test_speakers_may_be_kept_in_a_table_of_their_own(tmp_path: Path) -> None:
    made = database()
    made["people"] = audformat.MiscTable(pandas.Index(["x", "y"], dtype="string", name="person"))
    made["people"]["gender"] = audformat.Column()
    made["people"]["gender"].set(["female", None])
    made.schemes["who"] = audformat.Scheme("str", labels="people")
    columns = {"emotion": ("emotion", None, ["anger", "fear"]), "speaker": ("who", None, ["x", "y"])}
    add(made, "emotion", whole("a.wav", "b.wav"), columns)
    corpus = read_audformat(saved(made, tmp_path)).corpus
    assert [(u.speaker, u.gender) for u in corpus] == [("x", "female"), ("y", None)]


def test_numbers_become_the_labels_that_they_stand_for(tmp_path: Path) -> None:
    made = database()
    made.schemes["coded"] = audformat.Scheme(labels={0: "calm", 1: "joy"})
    add(made, "t", whole("a.wav"), {"emotion": ("coded", None, [1])})
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert (utterance.label, utterance.tags) == ("joy", {"emotion": "1"})


@pytest.mark.parametrize(("column", "source"), [("transcription", "gold"), ("text", None)])
def test_a_text_is_gold_where_it_is_called_a_transcription(
    tmp_path: Path, column: str, source: str | None
) -> None:
    made = database()
    columns = {"emotion": ("emotion", None, ["anger"]), column: (None, None, ["well well"])}
    add(made, "t", whole("a.wav"), columns)
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert (utterance.text, utterance.text_source) == ("well well", source)


def test_a_column_called_label_will_do_where_none_is_called_emotion(tmp_path: Path) -> None:
    made = database()
    add(made, "t", whole("a.wav"), {"Label": (None, None, ["joy"])})
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert utterance.label == "joy"


def test_a_column_called_label_is_a_tag_where_another_is_called_emotion(tmp_path: Path) -> None:
    made = database()
    add(made, "t", whole("a.wav"), {"label": (None, None, ["clean"]), "emotion": ("emotion", None, ["anger"])})
    (utterance,) = read_audformat(saved(made, tmp_path)).corpus
    assert (utterance.label, utterance.tags) == ("anger", {"label": "clean"})


def test_a_number_called_emotion_is_no_label(tmp_path: Path) -> None:
    made = database()
    add(made, "t", whole("a.wav"), {"emotion": ("arousal", None, [0.5])})
    with pytest.raises(
        CorpusError, match="no column or scheme is called emotion or label; its tables are t: emotion"
    ):
        read_audformat(saved(made, tmp_path))


def test_missing_recordings_and_files_without_emotion_are_skipped(tmp_path: Path) -> None:
    made = emodb()
    made["files"].extend_index(whole("wav/more.wav"), inplace=True)
    prepared = read_audformat(saved(made, tmp_path, FILES[1]))
    assert [u.id for u in prepared.corpus] == ["wav/03a01Fa", "wav/08b01Wa", "wav/08b01Ta"]
    assert prepared.skipped == (
        Skip("wav/more.wav", "no table with an emotion has it"),
        Skip("wav/03a01Nc", f"no such file: {tmp_path / FILES[1]}"),
    )


def test_a_segment_without_length_is_skipped(tmp_path: Path) -> None:
    made = database()
    index = segments(("a.wav", 1.0, 1.0), ("a.wav", 1.0, 2.0))
    add(made, "emotion", index, {"emotion": ("emotion", None, ["anger", "anger"])})
    prepared = read_audformat(saved(made, tmp_path))
    assert [u.id for u in prepared.corpus] == ["a#1.0-2.0"]
    assert [skip.id for skip in prepared.skipped] == ["a#1.0-1.0"]


def test_files_that_differ_in_their_extension_only_keep_it(tmp_path: Path) -> None:
    made = database()
    add(made, "emotion", whole("a.wav", "a.flac", "b.wav"), {"emotion": ("emotion", None, ["anger"] * 3)})
    assert [u.id for u in read_audformat(saved(made, tmp_path)).corpus] == ["a.wav", "a.flac", "b"]


def test_a_database_without_emotion_is_refused_with_its_tables_and_columns(tmp_path: Path) -> None:
    made = database()
    add(made, "files", whole("a.wav"), {"speaker": ("speaker", None, [3]), "mood": (None, None, ["x"])})
    with pytest.raises(CorpusError, match="called emotion or label; its tables are files: speaker mood"):
        read_audformat(saved(made, tmp_path))


def test_a_database_without_recordings_is_refused_with_the_first(tmp_path: Path) -> None:
    reason = (
        r"no row can be used; the first that is skipped: wav/03a01Fa, no such file: .*; load the database with"
    )
    with pytest.raises(CorpusError, match=reason):
        read_audformat(saved(emodb(), tmp_path, *FILES))


class Trap:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return (exec, ("raise SystemExit('a pickle was opened')",))


def test_pickled_tables_beside_others_are_never_opened(tmp_path: Path) -> None:
    saved(emodb(), tmp_path)
    (tmp_path / "db.emotion.pkl").write_bytes(pickle.dumps(Trap()))
    assert len(read_audformat(tmp_path).corpus) == 4


def test_a_table_that_is_only_pickled_is_refused(tmp_path: Path) -> None:
    saved(emodb(), tmp_path)
    (tmp_path / "db.emotion.csv").rename(tmp_path / "db.emotion.pkl")
    with pytest.raises(
        CorpusError, match="neither CSV nor parquet of emotion, and pickled tables are never opened"
    ):
        read_audformat(tmp_path)


def test_a_header_cannot_run_code(tmp_path: Path) -> None:
    saved(emodb(), tmp_path)
    with (tmp_path / "db.yaml").open("a") as file:
        file.write("meta: !!python/object/apply:os._exit [9]\n")
    with pytest.raises(CorpusError, match="audformat cannot load it"):
        read_audformat(tmp_path)


@pytest.mark.parametrize("header", ["", "a: [", "- a", "name: x", "tables: 3"])
def test_a_header_that_is_none_is_refused_in_one_sentence(tmp_path: Path, header: str) -> None:
    (tmp_path / "db.yaml").write_text(header)
    with pytest.raises(CorpusError, match=r"audformat cannot load it \(.+\); save or download it again") as caught:
        read_audformat(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "table",
    ["", "a,b\n1,2\n", "file,emotion,emotion.confidence\na.wav,anger,much\n"],
    ids=["empty", "other", "word"],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, table: str) -> None:
    saved(emodb(), tmp_path)
    (tmp_path / "db.emotion.csv").write_text(table)
    with pytest.raises(CorpusError, match="audformat cannot load it"):
        read_audformat(tmp_path)


def test_a_folder_without_a_header_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no db\.yaml; give the folder that audb\.load_to or"):
        read_audformat(tmp_path)
    with pytest.raises(CorpusError, match="no such folder; give the folder that holds a database in audformat"):
        read_audformat(tmp_path / "nowhere")


def test_a_database_read_becomes_a_manifest_that_is_read_back_equal(tmp_path: Path) -> None:
    corpus = read_audformat(saved(emodb(), tmp_path)).corpus
    save_corpus(corpus, tmp_path / "made.jsonl")
    assert load_corpus(tmp_path / "made.jsonl") == corpus


def test_without_the_library_the_command_to_install_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(MissingExtraError, match=r'needs an optional part: pip install "emofuse\[corpora\]"'):
        read_audformat(tmp_path)
