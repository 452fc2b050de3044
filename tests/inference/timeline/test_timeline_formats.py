"""The written formats: all are there, and readers that know nothing of ours find the same segments."""

from __future__ import annotations

import csv
import io
import json
from typing import get_args

import pytest
from hypothesis import given
from timelines import (
    LABELS,
    SPEAKERS,
    Found,
    assert_same,
    calmly,
    counted,
    long_timeline,
    segment,
    shown,
    timeline,
    timelines,
)

from emofuse.inference.timeline.formats import (
    TIMELINE_FORMATS,
    TIMELINE_SUFFIXES,
    TimelineFormat,
    as_csv,
    as_json,
    as_json_lines,
    as_labels,
    as_rttm,
)
from emofuse.types import Timeline


def read_rttm(text: str) -> list[tuple[str, Found]]:
    """Read lines as scorers do: ten fields between blanks; return speaker and segment."""
    lines = []
    for line in text.splitlines():
        fields = line.split()
        assert len(fields) == 10
        assert fields[0] == "SPEAKER"
        assert fields[2] == "1"
        assert fields[6] == fields[9] == "<NA>"
        assert float(fields[4]) > 0
        assert '"' not in line
        start = float(fields[3])
        lines.append((fields[7], Found(start, start + float(fields[4]), fields[5].replace("_", " "))))
    return lines


def read_labels(text: str) -> list[Found]:
    rows = [line.split("\t") for line in text.splitlines()]
    return [Found(float(start), float(end), words.split(" %")[0].rpartition(" ")[0]) for start, end, words in rows]


def read_csv(text: str) -> list[Found]:
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    return [Found(float(row["start"]), float(row["end"]), row["label"]) for row in rows]


def read_lines(text: str) -> list[Found]:
    rows = [json.loads(line) for line in text.split("\n")[:-1]]
    return [Found(row["start"], row["end"], row["label"]) for row in rows]


def test_every_format_has_a_writer_and_a_suffix() -> None:
    assert set(get_args(TimelineFormat)) == set(TIMELINE_FORMATS) == set(TIMELINE_SUFFIXES)
    assert len(set(TIMELINE_SUFFIXES.values())) == len(TIMELINE_SUFFIXES)


@pytest.mark.parametrize("name", get_args(TimelineFormat))
@calmly
@given(told=timelines())
def test_every_format_is_utf8_and_ends_its_last_line(name: TimelineFormat, told: Timeline) -> None:
    text = TIMELINE_FORMATS[name](told)
    text.encode("utf-8")
    assert not text or text.endswith("\n")


@calmly
@given(timelines())
def test_rttm_comes_back(told: Timeline) -> None:
    assert_same([found for _, found in read_rttm(as_rttm(told))], told, label_of=counted)


@calmly
@given(timelines())
def test_rttm_keeps_speakers_apart(told: Timeline) -> None:
    names = [name for name, _ in read_rttm(as_rttm(told))]
    pairs = set(zip((one.speaker for one in told.segments), names, strict=True))
    assert len(pairs) == len({speaker for speaker, _ in pairs}) == len({name for _, name in pairs})


@calmly
@given(timelines())
def test_labels_come_back(told: Timeline) -> None:
    assert_same(read_labels(as_labels(told)), told, label_of=shown)


@calmly
@given(timelines())
def test_csv_comes_back(told: Timeline) -> None:
    assert_same(read_csv(as_csv(told)), told)


@calmly
@given(timelines())
def test_json_lines_come_back(told: Timeline) -> None:
    assert_same(read_lines(as_json_lines(told)), told)


@calmly
@given(timelines())
def test_json_is_the_record(told: Timeline) -> None:
    assert json.loads(as_json(told)) == told.as_dict()


def test_hours_come_back() -> None:
    told = long_timeline()
    assert_same([found for _, found in read_rttm(as_rttm(told))], told, label_of=counted)
    assert_same(read_labels(as_labels(told)), told, label_of=shown)
    assert_same(read_csv(as_csv(told)), told)
    assert_same(read_lines(as_json_lines(told)), told)


def test_rttm_tells_speaker_label_and_confidence() -> None:
    told = timeline(
        segment(1.0, 2.25, "très gai", 0.8264, speaker="Bob B"),
        segment(3.0, 4.0, "sad", 0.5),
        segment(5.0, 6.0, "sad", 0.5, speaker="nan"),
        segment(7.0, 8.0, "sad", 0.3, abstained=True),
        id="a call",
    )
    assert as_rttm(told).splitlines() == [
        "SPEAKER a_call 1 1.000 1.250 très_gai <NA> Bob_B 0.8264 <NA>",
        "SPEAKER a_call 1 3.000 1.000 sad <NA> unknown 0.5000 <NA>",
        "SPEAKER a_call 1 5.000 1.000 sad <NA> nan_ 0.5000 <NA>",
        "SPEAKER a_call 1 7.000 1.000 unsure <NA> unknown <NA> <NA>",
    ]


def test_rttm_tells_similar_speakers_apart() -> None:
    told = timeline(*(segment(place, place + 1, speaker=name) for place, name in enumerate(SPEAKERS)))
    names = [name for name, _ in read_rttm(as_rttm(told))]
    assert names == ["unknown", "Ann", "Bob_B", "Bob_B_2", "Zoë_'Z'_<z>", "unknown_2", "nan_", "Ann_(2)"]


def test_csv_has_a_column_for_each_label() -> None:
    told = timeline(segment(0.0, 1.0, "sad", 0.7, speaker="Ann", text='"no"\nway'))
    (row,) = csv.DictReader(io.StringIO(as_csv(told).removeprefix("\ufeff"), newline=""))
    assert row["id"] == "call"
    assert row["text"] == '"no"\nway'
    assert [float(row[f"p_{label}"]) for label in LABELS] == [0.1, 0.1, 0.7, 0.1]


def test_each_json_line_names_recording_and_scope() -> None:
    told = timeline(segment(0.0, 1.0), channel="left", model="box", model_scope="demonstration")
    row = json.loads(as_json_lines(told))
    assert (row["id"], row["audio"], row["channel"]) == ("call", "calls/call.wav", "left")
    assert (row["model"], row["model_scope"]) == ("box", "demonstration")


def test_a_label_track_is_three_columns() -> None:
    told = timeline(segment(1.5, 2.0, "sad", 0.7, speaker="Ann", text="a\tb"))
    assert as_labels(told) == "1.500\t2.000\tsad 70 % · Ann: a b\n"
