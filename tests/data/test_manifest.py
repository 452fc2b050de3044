from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.data.manifest import KEYS, load_corpus, save_corpus
from emofuse.errors import CorpusError, RunError
from emofuse.types import Corpus, Utterance

FIXED = settings(derandomize=True, deadline=None)
WHOLE = Utterance(
    id="Ses01 #ü/1",
    audio=Path("/somewhere/else/a.wav"),
    start=0.25,
    end=1.5,
    text='"Nein", rief er.\n\u2028[LAUGHTER] 你好 \U0001f600',
    text_source="asr:whisper",
    transcripts={"gold": "Nein, rief er."},
    label="angry",
    votes={"angry": 2.5, "sad": 0.5},
    dimensions={"valence": 1.5, "arousal": 4.0, "dominance": 3.0},
    speaker="A",
    session="1",
    gender="F",
    dialogue="d1",
    language="de",
    split="train",
    tags={"take": "1"},
)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "made.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def row(**values: Any) -> str:
    return json.dumps({"id": "a", "text": "yes"} | values)


def message(folder: Path, *lines: str) -> str:
    """Return what is said of a manifest with these lines, without its folder."""
    with pytest.raises(CorpusError) as caught:
        load_corpus(write(folder, *lines))
    return str(caught.value).removeprefix(f"{folder}/")


def test_every_field_survives_a_round_trip(tmp_path: Path) -> None:
    corpus = Corpus((WHOLE, Utterance("b", text="")), name="made")
    save_corpus(corpus, tmp_path / "made.jsonl")
    assert load_corpus(tmp_path / "made.jsonl") == corpus


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
UTTERANCES = st.builds(
    Utterance,
    id=TEXT.filter(bool),
    text=TEXT,
    start=st.none() | st.floats(0, 1e6),
    votes=st.none() | st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    tags=st.dictionaries(TEXT, TEXT, max_size=3),
)


@FIXED
@given(corpus=st.lists(UTTERANCES, min_size=1, max_size=3, unique_by=lambda u: u.id))
def test_any_text_and_any_number_survive_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[Utterance]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    save_corpus(Corpus(tuple(corpus)), path)
    assert list(load_corpus(path)) == corpus


def test_each_utterance_is_one_line_whatever_its_text(tmp_path: Path) -> None:
    save_corpus(Corpus((WHOLE,)), tmp_path / "made.jsonl")
    assert (tmp_path / "made.jsonl").read_bytes().count(b"\n") == 1


def test_keys_are_the_fields_of_an_utterance_in_order(tmp_path: Path) -> None:
    save_corpus(Corpus((Utterance("a", text="yes"),)), tmp_path / "made.jsonl")
    assert tuple(json.loads((tmp_path / "made.jsonl").read_text())) == KEYS


def test_letters_are_written_as_themselves(tmp_path: Path) -> None:
    save_corpus(Corpus((Utterance("a", text="Grüße 你好"),)), tmp_path / "made.jsonl")
    assert "Grüße 你好" in (tmp_path / "made.jsonl").read_text(encoding="utf-8")


def test_only_an_id_and_audio_or_text_are_needed(tmp_path: Path) -> None:
    corpus = load_corpus(write(tmp_path, '{"id": "a", "text": "yes"}', '{"id": "b", "audio": "b.wav"}'))
    assert corpus.utterances == (Utterance("a", text="yes"), Utterance("b", audio=tmp_path / "b.wav"))


def test_a_corpus_is_named_after_its_manifest(tmp_path: Path) -> None:
    assert load_corpus(write(tmp_path, row())).name == "made"


def test_a_path_may_be_given_as_a_string(tmp_path: Path) -> None:
    assert len(load_corpus(str(write(tmp_path, row())))) == 1


def test_audio_below_the_manifest_is_written_relative_to_it(tmp_path: Path) -> None:
    save_corpus(Corpus((Utterance("a", audio=tmp_path / "audio/a.wav"),)), tmp_path / "made.jsonl")
    assert json.loads((tmp_path / "made.jsonl").read_text())["audio"] == "audio/a.wav"


def test_audio_elsewhere_is_written_absolute(tmp_path: Path) -> None:
    save_corpus(Corpus((Utterance("a", audio=tmp_path / "a.wav"),)), tmp_path / "sub/made.jsonl")
    assert json.loads((tmp_path / "sub/made.jsonl").read_text())["audio"] == str(tmp_path / "a.wav")


def test_audio_given_from_the_working_directory_is_written_as_what_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    save_corpus(Corpus((Utterance("a", audio=Path("a.wav")),)), "../made.jsonl")
    assert json.loads((tmp_path / "made.jsonl").read_text())["audio"] == "sub/a.wav"


def test_a_folder_moved_with_its_manifest_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    save_corpus(Corpus((Utterance("a", audio=tmp_path / "old/a.wav"),)), tmp_path / "old/made.jsonl")
    (tmp_path / "old").rename(tmp_path / "new")
    assert next(iter(load_corpus(tmp_path / "new/made.jsonl"))).audio == tmp_path / "new/a.wav"


def test_a_manifest_is_read_alike_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, row(audio="sub/a.wav"))
    monkeypatch.chdir(tmp_path)
    assert load_corpus(path.name) == load_corpus(path)


def test_audio_below_a_manifest_behind_a_link_is_written_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save_corpus(Corpus((Utterance("a", audio=tmp_path / "link/a.wav"),)), tmp_path / "link/made.jsonl")
    assert json.loads((tmp_path / "link/made.jsonl").read_text())["audio"] == "a.wav"


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "made.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + f"{row()}\r\n\r\n  \r\n{row(id='b')}".encode())
    assert [u.id for u in load_corpus(path)] == ["a", "b"]


def test_blank_lines_count_when_a_line_is_named(tmp_path: Path) -> None:
    assert message(tmp_path, row(), "", "[]").startswith("made.jsonl:3: ")


NO_OBJECT = "is not a JSON object; one utterance a line, as `emofuse prepare` writes it"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", NO_OBJECT),
        ('{"id": "b", "text": "yes"', NO_OBJECT),
        (f"{row(id='b')} {row(id='c')}", NO_OBJECT),
        ("id,text", NO_OBJECT),
        ("[]", NO_OBJECT),
        ("null", NO_OBJECT),
        ('"b"', NO_OBJECT),
        ('{"text": "yes"}', "the key 'id' is missing; every utterance needs one"),
        (row(id=5), "the value of 'id' is wrong: input should be a valid string, not 5"),
        (row(id=None), "the value of 'id' is wrong: input should be a valid string, not null"),
        (row(labell="sad"), "unknown key 'labell'; did you mean 'label'?"),
        (row(speeker="A"), "unknown key 'speeker'; did you mean 'speaker'?"),
        (row(zzz=1), f"unknown key 'zzz'; keys are {', '.join(KEYS)}"),
        (row(audio=5), "the value of 'audio' is wrong: input should be a valid string, not 5"),
        (row(text=["yes"]), "the value of 'text' is wrong: input should be a valid string, not [\"yes\"]"),
        (row(start="1"), "the value of 'start' is wrong: input should be a valid number, not \"1\""),
        (row(end=True), "the value of 'end' is wrong: input should be a valid number, not true"),
        (row(votes=["sad"]), "the value of 'votes' is wrong: input should be an object, not [\"sad\"]"),
        (row(votes={"sad": "2"}), "the value of 'votes.sad' is wrong: input should be a valid number, not \"2\""),
        (row(tags={"take": 1}), "the value of 'tags.take' is wrong: input should be a valid string, not 1"),
        (row(tags=None), "the value of 'tags' is wrong: input should be an object, not null"),
        pytest.param('{"id": "b"}', "utterance 'b' has neither audio nor text; give at least one"),
        pytest.param(row(id=""), "an utterance needs an id that is not empty"),
        pytest.param(row(id="b", start=2, end=1), "utterance 'b' has no valid span: start 2.0, end 1.0"),
        pytest.param(row(id="b", start=-1), "utterance 'b' has no valid span: start -1.0, end None"),
    ],
)
def test_a_bad_line_is_refused_with_file_line_and_reason(tmp_path: Path, line: str, expected: str) -> None:
    assert message(tmp_path, row(), line) == f"made.jsonl:2: {expected}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_span_that_is_not_finite_is_refused_with_file_and_line(tmp_path: Path, number: str) -> None:
    line = f'{{"id": "b", "audio": "b.wav", "start": {number}}}'
    assert message(tmp_path, row(), line).startswith("made.jsonl:2: ")


def test_an_id_that_occurs_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    assert message(tmp_path, row(), row(id="b"), row()) == (
        "made.jsonl:3: the id 'a' is already on line 1; give each utterance its own id"
    )


@pytest.mark.parametrize("lines", [(), ("", " ")])
def test_a_manifest_without_utterances_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert message(tmp_path, *lines) == "made.jsonl: holds no utterance; write one with `emofuse prepare`"


def test_a_missing_manifest_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere\.jsonl: no such manifest; make one with `emofuse prepare`"):
        load_corpus(tmp_path / "nowhere.jsonl")


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a folder; name the manifest in it"):
        load_corpus(tmp_path)


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        load_corpus(write(tmp_path, row()) / "made.jsonl")


@pytest.mark.parametrize("content", [row(text="ü").encode("utf-16"), b'{"id": "a", "text": "\xfc"}'])
def test_what_is_not_utf8_is_refused_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "made.jsonl").write_bytes(content)
    with pytest.raises(CorpusError, match=r"made\.jsonl: is not UTF-8 text; save it as UTF-8"):
        load_corpus(tmp_path / "made.jsonl")


def test_a_manifest_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        save_corpus(Corpus((WHOLE,)), tmp_path / "file/made.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "a", "text": "yes", "start": ' + "1" * 5000 + "}",
        '{"id": "a", "text": "yes", "start": ' + "1" * 400 + "}",
        '{"id": "a", "text": "yes", "' + "x" * 50_000 + '": 1}',
        '{"id": "a", "text": ' + "[" * 2000 + "]" * 2000 + "}",
        '{"id": "a", "text": "yes", "votes": {"sad": NaN}}',
        '{"id": "a", "text": "yes", "dimensions": {"valence": Infinity}}',
        '{"id": "a", "text": "\\ud800"}',
        '{"id": "a", "text": "yes", "end": 1e300}',
    ],
)
def test_lines_of_strangers_are_refused_in_one_sentence(tmp_path: Path, line: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(line)
    with pytest.raises(CorpusError, match=r"manifest\.jsonl:1: ") as caught:
        load_corpus(path)
    assert len(str(caught.value)) < 600
