"""Captions in XML: TTML with its many ways to write times, and what video sites write."""

from __future__ import annotations

from pathlib import Path

import pytest

from emofuse.errors import CorpusError
from emofuse.turns.turn_files import read_turns
from emofuse.types import Turn

HEAD = '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="m" xmlns:ttp="p" xml:lang="de" '


def ttml(body: str, keys: str = "", head: str = "") -> str:
    return f"{HEAD}{keys}><head>{head}</head><body><div>{body}</div></body></tt>"


def read(path: Path, text: str) -> list[Turn]:
    path.write_text(text)
    return read_turns(path)


@pytest.mark.parametrize(
    ("times", "keys"),
    [
        ('begin="00:00:01.500" end="00:00:02.000"', ""),
        ('begin="1.5s" dur="500ms"', ""),
        ('begin="00:00:01:15" end="00:00:02:00"', ""),
        ('begin="00:00:01:12" end="00:00:02:00"', 'ttp:frameRate="24"'),
        ('begin="15000000t" end="20000000t"', 'ttp:tickRate="10000000"'),
        ('begin="45f" end="60f"', 'ttp:frameRate="30"'),
    ],
)
@pytest.mark.parametrize("suffix", ["ttml", "dfxp", "txt"])
def test_times_of_ttml(tmp_path: Path, times: str, keys: str, suffix: str) -> None:
    path = tmp_path / f"talk.{suffix}"
    (turn,) = read(path, ttml(f"<p {times}>I <span>know</span>,<br/>and <b>so</b> do you.</p>", keys))
    assert turn == Turn(1.5, 2.0, None, "I know, and so do you.", "gold", "de")


def test_agents_are_speakers_and_times_count_from_those_of_the_parent(tmp_path: Path) -> None:
    head = '<metadata><ttm:agent xml:id="a" type="person"><ttm:name>Anna</ttm:name></ttm:agent></metadata>'
    body = (
        '<p begin="1s" end="2s" ttm:agent="a">Yes.</p><p><span begin="3s" end="4s" ttm:agent="b">No.</span></p>'
        '<div begin="10s"><p begin="1s" end="2s">Oh.</p></div><p begin="20s" end="20s"/>'
    )
    turns = read(tmp_path / "talk.ttml", ttml(body, head=head))
    assert [(turn.speaker, turn.start, turn.end, turn.text) for turn in turns] == [
        ("Anna", 1.0, 2.0, "Yes."),
        ("b", 3.0, 4.0, "No."),
        (None, 11.0, 12.0, "Oh."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><transcript><text start="0.5" dur="1.5">Don&amp;#39;t.</text></transcript>',
        '<timedtext format="3"><body><p t="500" d="1500">Don&#39;t.</p><p t="900" a="1">x</p></body></timedtext>',
    ],
)
def test_captions_of_a_video_site(tmp_path: Path, text: str) -> None:
    (turn,) = read(tmp_path / "talk.txt", text)
    assert (turn.start, turn.end, turn.text) == (0.5, 2.0, "Don't.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<tt><body>", r"talk.ttml:1: is not XML that can be read"),
        ("<html/>", r"talk.ttml: is XML, but no captions that are known here \(html\)"),
        (ttml('<p begin="1s">a</p>'), "has no end"),
        (ttml('<p begin="soon" end="2s">a</p>'), "is not a time"),
        (ttml("", 'ttp:tickRate="0"'), "its frameRate or tickRate is 0"),
        (ttml("", 'ttp:frameRate="fast"'), "is no number"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(tmp_path / "talk.ttml", text)


@pytest.mark.parametrize("beginning", ["[Script Info]\nTitle: x", "<SAMI>", "{1}{1}23.976"])
def test_subtitles_of_other_kinds_are_refused_by_name(tmp_path: Path, beginning: str) -> None:
    with pytest.raises(CorpusError, match="which are not read here; export SRT, VTT or TTML"):
        read(tmp_path / "talk.txt", f"{beginning}\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,No.\n")


def test_captions_may_lie_deep_and_captions_within_captions_are_read_once(tmp_path: Path) -> None:
    deep = "<div>" * 5_000 + '<p begin="1s" end="2s">a</p>' + "</div>" * 5_000
    assert [turn.text for turn in read(tmp_path / "a.ttml", ttml(deep))] == ["a"]
    nested = "<transcript>" + '<text start="1" dur="1">a' * 3_000 + "</text>" * 3_000 + "</transcript>"
    assert len(read(tmp_path / "b.ttml", nested)) == 1


@pytest.mark.parametrize("times", ['begin="{}h" end="1s"', 'begin="00:00:01:{}" end="9s"'])
def test_times_of_many_digits_are_refused(tmp_path: Path, times: str) -> None:
    with pytest.raises(CorpusError, match="is not a time"):
        read(tmp_path / "a.ttml", ttml(f"<p {times.format('9' * 400)}>a</p>"))


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1", "1e-300", "1e300"])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: str) -> None:
    with pytest.raises(CorpusError, match="frameRate or tickRate"):
        read(tmp_path / "a.ttml", ttml('<p begin="1t" end="2t">a</p>', f'ttp:tickRate="{rate}" '))
