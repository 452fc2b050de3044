from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pympi
import pytest

from emofuse.errors import CorpusError
from emofuse.turns.turn_files import read_turns, read_words
from emofuse.types import Turn


def spans(turns: list[Turn]) -> list[tuple[float, float]]:
    return [(turn.start, turn.end) for turn in turns]


def said(turns: list[Turn]) -> list[tuple[str | None, str | None]]:
    return [(turn.speaker, turn.text) for turn in turns]


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


RTTM = """;; made by hand
SPKR-INFO call 1 <NA> <NA> <NA> unknown anna <NA> <NA>
SPEAKER call 1 2.50 1.25 <NA> <NA> ben <NA> <NA>
SPEAKER call 1 0.00 2.00 <NA> <NA> anna <NA> <NA>
"""


def test_rttm_gives_turns_in_order_with_their_speakers(tmp_path: Path) -> None:
    turns = read_turns(write(tmp_path, "x.rttm", RTTM))
    assert turns == [Turn(0.0, 2.0, "anna"), Turn(2.5, 3.75, "ben")]


def test_a_speaker_that_rttm_does_not_know_is_nobody(tmp_path: Path) -> None:
    assert read_turns(write(tmp_path, "x.rttm", "SPEAKER a 1 0 2 <NA> <NA> <NA> <NA> <NA>\n")) == [Turn(0.0, 2.0)]


def test_rttm_of_several_recordings_gives_the_lines_of_one(tmp_path: Path) -> None:
    path = write(tmp_path, "all.rttm", RTTM + "SPEAKER other 1 9.0 1.0 <NA> <NA> cleo <NA> <NA>\n")
    assert [turn.speaker for turn in read_turns(path, "call")] == ["anna", "ben"]
    assert [turn.speaker for turn in read_turns(path, "other")] == ["cleo"]
    with pytest.raises(CorpusError, match="holds turns of call, other, but not of third"):
        read_turns(path, "third")
    with pytest.raises(CorpusError, match=r"of 2 recordings \(call, other\); name one"):
        read_turns(path)


def test_rttm_of_another_recording_is_refused_and_one_without_a_name_is_not(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds turns of call, but not of other"):
        read_turns(write(tmp_path, "x.rttm", RTTM), "other")
    assert len(read_turns(write(tmp_path, "x.rttm", RTTM.replace("call", "<NA>")), "other")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER call 1 0.0", "4:.*4 fields"),
        ("SPEAKER call 1 zero 1.0 <NA> <NA> a <NA> <NA>", "4:.*'zero' is not a time"),
        ("SPEAKER call 1 0.0 -1.0 <NA> <NA> a <NA> <NA>", "4:.*'-1.0' is not a time"),
        ("SPEAKER call 1 nan 1.0 <NA> <NA> a <NA> <NA>", "4:.*'nan' is not a time"),
    ],
)
def test_a_damaged_line_of_rttm_is_named(tmp_path: Path, line: str, message: str) -> None:
    lines = RTTM.splitlines()
    path = write(tmp_path, "x.rttm", "\n".join([*lines[:3], line, *lines[3:]]))
    with pytest.raises(CorpusError, match=message):
        read_turns(path)


@pytest.mark.parametrize(
    "table",
    [
        'start,end,speaker,text\n0.5,1.5,anna,"Well, no."\n2,3,ben,Yes.\n',
        "Begin;End;Spk;Transcript\n0,5;1,5;anna;Well, no.\n2;3;ben;Yes.\n",
        "onset\toffset\twho\tutterance\n0:00.5\t0:01.5\tanna\tWell, no.\n00:00:02\t00:00:03\tben\tYes.\n",
        'file,start_time,duration,speaker_id,sentence\na,0.5,1.0,anna,"Well, no."\na,2,1,ben,Yes.\n',
        'start,end,speaker,text\r\n2,3,ben,Yes.\r\n\r\n0.5,1.5,anna,"Well, no."\r\n',
    ],
    ids=["csv", "semicolons", "tabs and clocks", "duration", "crlf, not in order"],
)
def test_a_table_is_read_by_the_usual_names_of_its_columns(tmp_path: Path, table: str) -> None:
    turns = read_turns(write(tmp_path, "t.csv", table))
    assert spans(turns) == [(0.5, 1.5), (2.0, 3.0)]
    assert said(turns) == [("anna", "Well, no."), ("ben", "Yes.")]
    assert turns[0].text_source == "gold"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("speaker,text\nanna,no\n", "1: has no columns called start and end"),
        ("start,end\n0,1\nx,2\n", "3: 'x' is not a time"),
        ("start,end\n0,1\n3,2\n", "3: ends at 2 s, before it starts at 3 s"),
        ("start,end\n0,1\n1,\n", "3: '' is not a time"),
        ("start,end,text\n0,1,a,b\n", "2: has 4 values for 3 columns"),
        ('start,end,text\n0,1,"a\n', "is not a table"),
        ("start,end\n", "holds no turn"),
        ("  \n", "is empty"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_turns(write(tmp_path, "t.csv", table))


LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "anna"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.5
            text = "I said ""no"" [1]:
2 times, = 3"
        intervals [3]:
            xmin = 1.5
            xmax = 4
            text = " "
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 4
        points: size = 1
        points [1]:
            number = 1.25
            mark = "click"
    item [3]:
        class = "IntervalTier"
        name = "ben"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 1
            xmax = 2.25
            text = "Ją"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
4
<exists>
2
"IntervalTier"
"anna"
0
4
2
0
0.5
""
0.5
1.5
"I said ""no"" [1]:
2 times, = 3"
"IntervalTier"
"ben"
0
4
1
1
2.25
"Ją"
"""


@pytest.mark.parametrize("text", [LONG, SHORT, LONG.replace("\n", "\r\n")], ids=["long", "short", "crlf"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_textgrids_long_and_short_in_any_encoding_of_praat(tmp_path: Path, text: str, encoding: str) -> None:
    turns = read_turns(write(tmp_path, "x.TextGrid", text, encoding))
    assert spans(turns) == [(0.5, 1.5), (1.0, 2.25)]
    assert said(turns) == [("anna", 'I said "no" [1]: 2 times, = 3'), ("ben", "Ją")]


@pytest.mark.parametrize("mode", ["normal", "short"])
def test_a_textgrid_of_another_writer_reads_as_that_writer_meant_it(tmp_path: Path, mode: str) -> None:
    grid = pympi.Praat.TextGrid(xmax=30.0)
    intervals = [(0.25 * number, 0.25 * number + 0.2, f"word {number}") for number in range(100)]
    for name in ("anna", "ben"):
        tier = grid.add_tier(name)
        for start, end, text in intervals:
            tier.add_interval(start, end, f"{name} {text}")
    path = tmp_path / "x.TextGrid"
    grid.to_file(str(path), mode=mode)
    turns = read_turns(path)
    assert sorted(said(turns)) == sorted(
        (name, f"{name} {text}") for name in ("anna", "ben") for *_, text in intervals
    )
    ben = [turn for turn in turns if turn.speaker == "ben"]
    np.testing.assert_allclose(spans(ben), [(start, end) for start, end, _ in intervals])


def test_tiers_of_an_aligner_give_the_speaker_and_no_sounds(tmp_path: Path) -> None:
    text = SHORT.replace('"anna"', '"anna - words"').replace('"ben"', '"anna - phones"')
    assert said(read_turns(write(tmp_path, "x.TextGrid", text))) == [("anna", 'I said "no" [1]: 2 times, = 3')]
    text = SHORT.replace('"anna"', '"words"')
    assert [turn.speaker for turn in read_turns(write(tmp_path, "x.TextGrid", text))] == [None, "ben"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LONG[: LONG.index("xmax = 1.5")], "20: breaks off where an interval's end"),
        (LONG.replace('text = "Ją"', "text = 5"), "46: has '5' where an interval's text"),
        (LONG.replace("xmax = 2.25", "xmax = 0.25"), "44: ends at 0.25 s, before it starts"),
        (LONG.replace("TextGrid", "Pitch"), "2: is not a TextGrid"),
        ("ooBinaryFile\x08TextGrid", "is a binary TextGrid"),
    ],
)
def test_a_damaged_textgrid_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_turns(write(tmp_path, "x.TextGrid", text))


def write_eaf(path: Path) -> Path:
    eaf = pympi.Elan.Eaf()
    eaf.remove_tier("default")
    eaf.add_tier("A", part="anna")
    eaf.add_tier("ben")
    eaf.add_linguistic_type("words", constraints="Symbolic_Association")
    eaf.add_tier("A-gloss", ling="words", parent="A")
    eaf.add_annotation("A", 500, 1500, "Ją & <no>")
    eaf.add_annotation("ben", 1000, 2250)
    eaf.add_ref_annotation("A-gloss", "A", 700, "a gloss")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eaf.to_file(str(path))
    return path


def test_eaf_gives_the_tiers_that_depend_on_none(tmp_path: Path) -> None:
    turns = read_turns(write_eaf(tmp_path / "x.eaf"))
    assert spans(turns) == [(0.5, 1.5), (1.0, 2.25)]
    assert said(turns) == [("anna", "Ją & <no>"), ("ben", None)]
    assert said(list(read_words(tmp_path / "x.eaf"))) == [("anna", "Ją & <no>")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("</TIER>", ""), r"x.eaf:\d+: is not XML"),
        (('TIME_VALUE="1500"', ""), "annotation a2 of tier A: has no time"),
        (("ANNOTATION_DOCUMENT", "SOMETHING"), "is XML, but not ELAN's"),
    ],
)
def test_a_damaged_eaf_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = write_eaf(tmp_path / "x.eaf")
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_turns(path)


def test_comments_and_units_of_a_textgrid_are_passed_over(tmp_path: Path) -> None:
    text = (
        '"ooTextFile"\n"TextGrid"\n0 4s ! the time, "of" 2 tiers\n<exists>\n1 tier\n'
        '"IntervalTier" "anna" ! tier 1\n0 4 !\n2 intervals coming\n0 0.5sec "" ! 9 9\n'
        '500ms 1.5 "No! Well, 2 !" ! "x"\n'
    )
    (turn,) = read_turns(write(tmp_path, "x.TextGrid", text))
    assert turn == Turn(0.5, 1.5, "anna", "No! Well, 2 !", "gold")


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>
<TIER TIER_ID="S1" PARTICIPANT="anna">{first}</TIER>{below}</ANNOTATION_DOCUMENT>"""


def aligned(identity: str, start: int, end: int, value: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{identity}" TIME_SLOT_REF1="t{start}" '
        f'TIME_SLOT_REF2="t{end}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'
    )


def referring(identity: str, to: str, value: str) -> str:
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{identity}" ANNOTATION_REF="{to}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def tier(name: str, kind: str, above: str, *annotations: str) -> str:
    return (
        f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}" PARENT_REF="{above}">{"".join(annotations)}</TIER>'
    )


GLOSS = tier("S1-gloss", "gl", "S1", referring("g1", "a1", "a gloss"))


@pytest.mark.parametrize(
    "below",
    [
        GLOSS + tier("S1-txt", "x", "S1", referring("b1", "a1", "Well, no."), referring("b2", "a2", "Yes.")),
        tier("S1-n", "x", "S1", referring("b1", "a1", "7"), referring("b2", "a2", "8"))
        + tier(
            "S1-w",
            "words",
            "S1-n",
            referring("c1", "b1", "Well,"),
            referring("c2", "b1", "no."),
            referring("c3", "b2", "Yes."),
        ),
        GLOSS
        + tier(
            "S1-w",
            "x",
            "S1",
            aligned("b1", 1, 2, "Well,"),
            aligned("b2", 2, 3, "no."),
            aligned("b3", 4, 5, "Yes."),
        ),
    ],
    ids=["referring", "subdivided twice", "with times of its own"],
)
@pytest.mark.parametrize("values", [("1", "2"), ("", "")])
def test_words_of_eaf_may_stand_on_a_depending_tier(tmp_path: Path, below: str, values: tuple[str, str]) -> None:
    times = {1: "500", 2: "", 3: "1500", 4: "2000", 5: "3000"}
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="t{n}"' + (f' TIME_VALUE="{time}"' if time else "") + "/>"
        for n, time in times.items()
    )
    first = aligned("a1", 1, 3, values[0]) + aligned("a2", 4, 5, values[1])
    path = write(tmp_path, "x.eaf", EAF.format(slots=slots, first=first, below=below))
    assert read_turns(path) == [
        Turn(0.5, 1.5, "anna", "Well, no.", "gold"),
        Turn(2.0, 3.0, "anna", "Yes.", "gold"),
    ]


SRT = """1
00:00:00,500 --> 00:00:01,500
<i>Well,</i>
no. {\\an8}

2
01:00:02.000 --> 01:00:03.250
Tom &amp; I
"""
VTT = """WEBVTT - a title

NOTE
nobody says this

STYLE
::cue { color: red }

intro
00:00.500 --> 00:01.500 align:start position:0%
<v.loud Anna Maria>Well, <00:00:01.000><c>no.</c></v>

01:00:02.000 --> 01:00:03.250
<v Ben>Tom &amp; I
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "text", "speakers"),
    [
        ("x.srt", SRT, [None, None]),
        ("x.vtt", VTT, ["Anna Maria", "Ben"]),
        ("srt.txt", SRT, [None, None]),
        ("vtt.txt", VTT, ["Anna Maria", "Ben"]),
    ],
)
def test_subtitles(
    tmp_path: Path, name: str, text: str, speakers: list[str | None], encoding: str, newline: str
) -> None:
    turns = read_turns(write(tmp_path, name, text.replace("\n", newline), encoding))
    assert spans(turns) == [(0.5, 1.5), (3602.0, 3603.25)]
    assert said(turns) == list(zip(speakers, ["Well, no.", "Tom & I"], strict=True))


def test_a_cue_of_two_voices_is_two_turns(tmp_path: Path) -> None:
    path = write(tmp_path, "x.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>One.</v>\n<v B>Two.</v>\n")
    assert said(read_turns(path)) == [("A", "One."), ("B", "Two.")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SRT.replace("01:00:02.000 -->", "01:00: -->"), "6: these are not the times|6: .* is not a time"),
        (SRT.replace("01:00:03.250", "01:00:01.250"), "7: ends at"),
        ("WEBVTT\n\nhello\n", "holds no cue"),
    ],
)
def test_damaged_subtitles_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message.replace("6:", "[67]:")):
        read_turns(write(tmp_path, "x.srt", text))


WHISPER = {
    "text": " Well, don't. Yes.",
    "language": "en",
    "segments": [
        {
            "id": 0,
            "start": 0.5,
            "end": 1.5,
            "text": " Well, don't.",
            "words": [
                {"word": " Well,", "start": 0.5, "end": 0.9, "probability": 0.9},
                {"word": " don", "start": 0.9, "end": 1.2, "probability": 0.9},
                {"word": "'t.", "start": 1.2, "end": 1.5, "probability": 0.9},
            ],
        },
        {"id": 1, "start": 2, "end": 3, "text": " Yes.", "speaker": "SPEAKER_01"},
    ],
}


def test_json_of_whisper_gives_segments_as_turns_and_words_where_it_has_them(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", json.dumps(WHISPER))
    turns, words = read_turns(path), read_words(path)
    assert turns == [
        Turn(0.5, 1.5, None, "Well, don't.", "gold", "en"),
        Turn(2.0, 3.0, "SPEAKER_01", "Yes.", "gold", "en"),
    ]
    assert isinstance(words, list)
    assert [(word.start, word.end, word.text) for word in words] == [
        (0.5, 0.9, "Well,"),
        (0.9, 1.5, "don't."),
        (2.0, 3.0, "Yes."),
    ]


def test_a_word_of_no_length_is_not_lost(tmp_path: Path) -> None:
    words = [{"word": "no", "start": 1.0, "end": 1.0}, {"word": "way", "start": 1.0, "end": 1.4, "speaker": "b"}]
    row = {"start": 1.0, "end": 1.4, "text": "no way", "words": words, "speaker": "a"}
    found = read_words(write(tmp_path, "x.json", json.dumps([row])))
    assert isinstance(found, list)
    assert said(found) == [("a", "no"), ("b", "way")]


def test_words_of_which_one_has_no_time_are_taken_with_their_segment(tmp_path: Path) -> None:
    row = {
        "start": 1.0,
        "end": 1.4,
        "text": "in 7 days",
        "words": [{"word": "in", "start": 1, "end": 2}, {"word": "7"}],
    }
    found = read_words(write(tmp_path, "x.json", json.dumps({"segments": [row]})))
    assert isinstance(found, list)
    assert said(found) == [(None, "in 7 days")]


def test_json_of_a_text_alone_has_words_and_no_turns(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", '{"text": " Well,\\n no. "}')
    assert read_words(path) == "Well, no."
    with pytest.raises(CorpusError, match="words without times"):
        read_turns(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"segments": [\n{"start": 0,}]}', "2: is not JSON"),
        ('{"words": 3}', 'neither "segments" with times nor a "text"'),
        ("[3]", "segment 0: is not an object"),
        ('[{"start": 0, "end": null, "text": "x"}]', "segment 0: 'None' is not a time"),
        ('[{"start": 0, "end": 1, "text": ["x"]}]', "segment 0: has .* where a word"),
        ("[" * 100_000, "is not JSON"),
        ("9" * 5000, "is not JSON"),
    ],
)
def test_damaged_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    for read in (read_turns, read_words):
        with pytest.raises(CorpusError, match=message):
            read(write(tmp_path, "x.json", text))


def test_a_plain_text_is_words_without_times(tmp_path: Path) -> None:
    assert read_words(write(tmp_path, "x.txt", "\ufeffI said\r\nno.\n")) == "I said no."


def test_a_track_of_labels_is_told_from_a_plain_text(tmp_path: Path) -> None:
    turns = read_turns(write(tmp_path, "x.txt", "0.500000\t1.500000\tWell, no.\n2.0\t3.0\t\n"))
    assert [(turn.start, turn.end, turn.text) for turn in turns] == [(0.5, 1.5, "Well, no."), (2.0, 3.0, None)]
    assert read_turns(write(tmp_path, "r.txt", RTTM.split("\n", 2)[2]))[0].speaker == "anna"
    assert [turn.speaker for turn in read_turns(write(tmp_path, "g.txt", SHORT))] == ["anna", "ben"]


@pytest.mark.parametrize(
    "text",
    [
        "0.5\t1.5\tWell, no.\n\\\t80.0\t4000.0\n2.0\t3.0\tYes.\n\\\t100.0\t3500.0\n",
        "0.5 1.5 Well, no.\n2.0  3.0  Yes.\n",
        "0,5 1,5 Well, no.\n2,0 3,0 Yes.\n",
    ],
    ids=["frequencies", "blanks", "commas"],
)
def test_labels_with_frequencies_or_between_blanks_are_read(tmp_path: Path, text: str) -> None:
    turns = read_turns(write(tmp_path, "x.txt", text))
    assert [(turn.start, turn.end, turn.text) for turn in turns] == [(0.5, 1.5, "Well, no."), (2.0, 3.0, "Yes.")]


def test_colours_of_a_screen_are_no_words(tmp_path: Path) -> None:
    text = "[00:00:00.500 --> 00:00:01.500]  \x1b[38;5;77m Well,\x1b[0m\x1b[38;5;71m no.\x1b[0m\n"
    assert read_turns(write(tmp_path, "x.txt", text)) == [Turn(0.5, 1.5, None, "Well, no.", "gold")]


def test_numbers_that_are_spoken_are_words(tmp_path: Path) -> None:
    assert read_words(write(tmp_path, "x.txt", "2 4 6 8 who do we\n")) == "2 4 6 8 who do we"


@pytest.mark.parametrize(
    "text",
    [
        "[00:15] Well, no.\n[00:12] Yes.\n",
        "One\ntwo\nthree\nfour.\n(0:12) Well, no.\n",
        "1 2 Well, no.\n3 5 Yes.\n",
        "<|0.00|> Well, no.<|2.50|>",
        "Well,<00:00:01.000> no.",
        "start=0.5s stop=1.5s speaker_A\n",
        "Well --> no",
    ],
)
def test_text_that_looks_timed_is_refused_and_never_taken_for_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorpusError, match="looks like words with times, but in no known format"):
        read_words(write(tmp_path, "x.txt", text))


@pytest.mark.parametrize(
    "text", ["(0:12) Well, no.\n", "0:12 Well, no.\n0:15 Yes.\n", "Anna  0:12\nNo.\nBen  0:15\nYes."]
)
def test_starts_without_an_end_are_refused_where_nobody_knows_the_end(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorpusError, match="has a start and no end, and the length of the recording is not known"):
        read_words(write(tmp_path, "x.txt", text))


@pytest.mark.parametrize("text", ["10:30 is when we met.", "We met at 10:30.", "At 10:30 or 11:45.\nOr later."])
def test_a_time_of_day_is_spoken(tmp_path: Path, text: str) -> None:
    assert read_words(write(tmp_path, "x.txt", text)) == " ".join(text.split())


def test_a_text_file_may_hold_a_table_or_json(tmp_path: Path) -> None:
    expected = [(0.5, 1.5, "anna", "No.")]
    for text in (
        "start;end;speaker;text\n0,5;1,5;anna;No.\n",
        "anna\t\t00:00:00.500\t00:00:01.500\t00:00:01.000\tNo.\n",
        '[{"start": 0.5, "end": 1.5, "speaker": "anna", "text": "No."}]',
    ):
        turns = read_turns(write(tmp_path, "x.txt", text))
        assert [(turn.start, turn.end, turn.speaker, turn.text) for turn in turns] == expected


def test_files_that_nobody_reads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        read_turns(tmp_path / "none.srt")
    with pytest.raises(CorpusError, match=r"turns and words are read from \.rttm, \.csv"):
        read_turns(write(tmp_path, "x.docx", "words"))
    with pytest.raises(CorpusError, match="holds no words"):
        read_words(write(tmp_path, "x.rttm", RTTM))
    with pytest.raises(CorpusError, match="cannot be read"):
        read_turns(tmp_path)


FILES = {
    "x.rttm": RTTM,
    "x.csv": 'start,end,speaker,text\n0.5,1.5,anna,"Well, no."\n2,3,ben,Yes.\n',
    "long.TextGrid": LONG,
    "short.TextGrid": SHORT,
    "x.srt": SRT,
    "x.vtt": VTT,
    "x.json": json.dumps(WHISPER),
    "x.txt": "0.5\t1.5\tno\n",
}


@pytest.mark.parametrize("name", [*FILES, "x.eaf"])
def test_whatever_is_wrong_with_a_file_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    """Files cut off, or with bytes changed, are read or refused with their name, and never fail otherwise."""
    path, rng = tmp_path / name, np.random.default_rng(0)
    content = write_eaf(path).read_bytes() if name == "x.eaf" else FILES[name].encode()
    refusals = set()
    for _ in range(60):
        damaged = bytearray(content[: int(rng.integers(1, len(content) + 1))])
        for place in rng.integers(0, len(damaged), int(rng.integers(0, 4))):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged)
        for read in (read_turns, read_words):
            try:
                read(path)
            except CorpusError as error:
                refusals.add(str(error))
    assert refusals
    assert all(refusal.startswith(str(path)) and "\n" not in refusal for refusal in refusals)
