"""Subtitles: whatever was said, a reader of SubRip or WebVTT gets the same segments back."""

from __future__ import annotations

import html
import re

from hypothesis import given
from timelines import Found, assert_same, calmly, long_timeline, segment, shown, timeline, timelines

from emofuse.inference.timeline.subtitles import as_srt, as_vtt
from emofuse.types import Timeline

SAID = re.compile(r"(?P<label>.+?) \d+ %")


def parse_time(text: str, point: str) -> float:
    hours, minutes, seconds = text.split(":")
    whole, decimals = seconds.split(point)
    assert (len(minutes), len(whole), len(decimals)) == (2, 2, 3)
    return 3600 * int(hours) + 60 * int(minutes) + int(whole) + int(decimals) / 1000


def read_cues(blocks: list[str], point: str) -> list[tuple[float, float, str]]:
    """Read cues as players do: a number, a line of times, one or more lines."""
    cues = []
    for number, block in enumerate(blocks, 1):
        first, times, *lines = block.split("\n")
        assert first == str(number)
        start, arrow, end = times.split(" ")
        assert arrow == "-->"
        assert len(lines) == 1
        assert "-->" not in lines[0]
        cues.append((parse_time(start, point), parse_time(end, point), lines[0]))
    return cues


def read_srt(text: str) -> list[tuple[float, float, str]]:
    return read_cues([block.strip("\n") for block in text.split("\n\n") if block.strip("\n")], ",")


def read_vtt(text: str) -> tuple[str, list[tuple[float, float, str]]]:
    """Return the note and the cues."""
    head, note, *blocks = [block.strip("\n") for block in text.split("\n\n") if block.strip("\n")]
    assert head == "WEBVTT"
    assert note.startswith("NOTE\n")
    assert "-->" not in note
    cues = read_cues(blocks, ".")
    assert not any("<" in line or ">" in line for _, _, line in cues)
    return note, [(start, end, html.unescape(line)) for start, end, line in cues]


def found(cues: list[tuple[float, float, str]]) -> list[Found]:
    labels = [SAID.match(line) for _, _, line in cues]
    return [Found(start, end, said["label"]) for (start, end, _), said in zip(cues, labels, strict=True) if said]


@calmly
@given(timelines())
def test_srt_comes_back(told: Timeline) -> None:
    assert_same(found(read_srt(as_srt(told))), told, label_of=shown)


@calmly
@given(timelines())
def test_vtt_comes_back(told: Timeline) -> None:
    assert_same(found(read_vtt(as_vtt(told))[1]), told, label_of=shown)


def test_hours_come_back() -> None:
    told = long_timeline()
    assert told.seconds > 3600
    assert_same(found(read_srt(as_srt(told))), told, label_of=shown)
    assert_same(found(read_vtt(as_vtt(told))[1]), told, label_of=shown)


def test_a_cue_says_label_certainty_speaker_and_words() -> None:
    told = timeline(segment(61.0025, 62.5, "angry", 0.826, speaker="Ann", text="I <said> no & left."))
    assert as_srt(told) == "1\n00:01:01,002 --> 00:01:02,500\nangry 83 % · Ann: I <said> no & left.\n"
    assert "\nangry 83 % · Ann: I &lt;said&gt; no &amp; left.\n" in as_vtt(told)


def test_a_withheld_label_is_in_brackets() -> None:
    told = timeline(segment(0.0, 1.0, "sad", 0.4, abstained=True), segment(1.0, 2.0, "sad", 0.9))
    assert [line for _, _, line in read_srt(as_srt(told))] == ["unsure (sad) 40 %", "sad 90 %"]


def test_vtt_begins_with_the_scope_of_the_model() -> None:
    notes = ("no words\n\nwere there",)
    told = timeline(model="box", model_scope="a demonstration --> of acted English", notes=notes)
    note, cues = read_vtt(as_vtt(told))
    assert cues == []
    assert note.split("\n")[1:] == [
        "recording: call",
        "model: box",
        "scope: a demonstration → of acted English",
        "no words were there",
    ]


def test_nothing_to_say_is_an_empty_srt() -> None:
    assert as_srt(timeline()) == ""
