"""JSON of whisper.cpp, transformers and Label Studio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_transcripts import with_one_other_value

from emofuse.errors import CorpusError
from emofuse.turns import turn_files
from emofuse.turns.turn_files import read_turns, read_words
from emofuse.turns.turn_json import read_segments, read_timed_words
from emofuse.types import Turn

HERE = Path("x.json")
TURNS = [Turn(0.5, 1.5, None, "Well, no.", "gold"), Turn(2.0, 3.0, None, "Yes.", "gold")]


def test_whisper_cpp_is_read() -> None:
    content = {
        "result": {"language": "en"},
        "transcription": [
            {"timestamps": {"from": "00:00:00,500"}, "offsets": {"from": 500, "to": 1500}, "text": " Well, no."},
            {"offsets": {"from": 2000, "to": 3000}, "text": " Yes."},
        ],
    }
    turns = read_segments(json.dumps(content), HERE)
    assert turns == [
        Turn(0.5, 1.5, None, "Well, no.", "gold", "en"),
        Turn(2.0, 3.0, None, "Yes.", "gold", "en"),
    ]
    assert read_timed_words(json.dumps(content), HERE) == turns


def test_chunks_of_transformers_are_read_and_the_last_may_end_with_the_recording() -> None:
    chunks: list[dict[str, Any]] = [
        {"timestamp": [0.5, 1.5], "text": " Well, no."},
        {"timestamp": [2.0, None], "text": " Yes."},
    ]
    text = json.dumps({"text": " Well, no. Yes.", "chunks": chunks})
    assert read_segments(text, HERE, length=lambda: 3.0) == TURNS
    with pytest.raises(CorpusError, match="segment 1: 'None' is not a time"):
        read_segments(text, HERE)


def region(identity: str, kind: str, start: float, end: float, **value: list[str]) -> dict[str, Any]:
    return {"id": identity, "type": kind, "value": {"start": start, "end": end, "channel": 0, **value}}


def task(name: str) -> dict[str, Any]:
    results = [
        region("r1", "labels", 0.5, 1.5, labels=["Anna"]),
        region("r2", "labels", 2.0, 3.0, labels=["Ben"]),
        region("r1", "textarea", 0.5, 1.5, text=["Well, no."]),
        region("r2", "textarea", 2.0, 3.0, text=["Yes."]),
        {"id": "r3", "type": "choices", "value": {"choices": ["good"]}},
    ]
    return {
        "id": 1,
        "data": {"audio": f"/data/upload/1/0a1b2c3d-{name}.wav"},
        "annotations": [{"result": results}],
    }


NAMED = [Turn(0.5, 1.5, "Anna", "Well, no.", "gold"), Turn(2.0, 3.0, "Ben", "Yes.", "gold")]


def test_label_studio_is_read_by_the_name_of_the_recording() -> None:
    assert read_segments(json.dumps([task("talk")]), HERE, "any") == NAMED
    two = json.dumps([task("talk"), task("other")])
    assert read_segments(two, HERE, "talk") == NAMED
    with pytest.raises(CorpusError, match=r"holds 2 tasks \(other, talk\), 0 of them of third"):
        read_segments(two, HERE, "third")


def test_label_studio_is_read_in_its_short_form() -> None:
    regions = [
        {"start": 0.5, "end": 1.5, "channel": 0, "labels": ["Anna"]},
        {"start": 2, "end": 3, "channel": 0, "labels": ["Ben"]},
    ]
    short = {"audio": "/data/upload/1/talk.wav", "label": regions, "transcription": ["Well, no.", "Yes."]}
    assert read_segments(json.dumps([short]), HERE, "talk") == NAMED


@pytest.mark.parametrize(("own", "speaker"), [({}, "A"), ({"speaker": None}, "A"), ({"speaker": "B"}, "B")])
def test_a_word_without_a_speaker_has_that_of_its_segment(own: dict[str, Any], speaker: str) -> None:
    word = {"word": "one", "start": 0.5, "end": 1.0, **own}
    content = {"segments": [{"start": 0.5, "end": 1.5, "text": "one", "speaker": "A", "words": [word]}]}
    assert read_timed_words(json.dumps(content), HERE) == [Turn(0.5, 1.0, speaker, "one", "gold")]


def test_what_is_not_read_is_named() -> None:
    with pytest.raises(CorpusError, match='neither "segments" with times nor a "text", but results, metadata'):
        read_segments('{"results": {}, "metadata": {}}', HERE)


@pytest.mark.parametrize("where", ["text", "speaker"])
def test_half_a_character_is_refused_with_its_place(where: str) -> None:
    segment = {"start": 0, "end": 1, "text": "hello", where: "well \ud83d no"}
    for read in (read_segments, read_timed_words):
        with pytest.raises(CorpusError, match=r"segment 0: has half a character \(\\ud83d\) after 'well '"):
            read(json.dumps({"segments": [segment]}), HERE)
    assert read_segments(json.dumps({"segments": [segment | {where: "\U0001f600"}]}), HERE)


@pytest.mark.parametrize("text", ["[" * 50_000 + "]" * 50_000, '{"segments":[{"start":' + "1" * 4_000 + "}]}"])
def test_json_that_is_too_deep_or_has_endless_numbers_is_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="is not JSON that can be read, it"):
        read_segments(text, HERE)


def test_values_of_other_kinds_are_read_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every value of JSON of many programs, replaced by thirteen others: no exception but ours."""
    path, messages = tmp_path / "talk.json", []
    for transcript in with_one_other_value():
        text = json.dumps(transcript)
        monkeypatch.setattr(turn_files, "decode", lambda _, text=text: text)
        for read in (read_turns, read_words):
            try:
                read(path, "talk", lambda: 40.0)
            except CorpusError as error:
                messages.append(str(error))
    assert len(messages) > 1000
    assert all(message.startswith(str(path)) for message in messages)
