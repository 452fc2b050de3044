"""Transcripts, words and turns of speakers: subtitles, tables, tiers and JSON of many programs.

The first byte of an input chooses the suffix, the rest is what the file holds.
"""

from __future__ import annotations

import json
from pathlib import Path

from json_transcripts import TRANSCRIPTS

from emofuse.turns.turn_files import SUFFIXES, read_speakers, read_turns, read_words

ENDINGS = sorted(SUFFIXES)
SECONDS = 40.0

CUES = "1\n00:00:01,000 --> 00:00:02,500\nAnn: one two\n\n2\n00:00:03,000 --> 00:00:04,000\n<i>three</i>\n"
VTT = "WEBVTT\nLanguage: en\n\n00:01.000 --> 00:02.500 align:start\n<v Ann>one <00:01.500><c>two</c></v>\n"
RTTM = "SPEAKER talk 1 1.000 1.500 <NA> <NA> Ann <NA> <NA>\n"
TABLE = "start,end,speaker,text\n1.0,2.5,Ann,one two\n0:03,0:04,Bob,three\n"
LABELS = "1.0\t2.5\tone two\n\\\t100\t200\n3.0\t4.0\tthree\n"
HEADINGS = "Ann  0:01\none two\n\nBob  0:03\nthree\n"
LYRICS = "[00:01.00]one two\n[00:03.00]three\n"
EAF = (
    '<ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="b" '
    'TIME_VALUE="2500"/></TIME_ORDER><TIER TIER_ID="words" PARTICIPANT="Ann"><ANNOTATION><ALIGNABLE_ANNOTATION '
    'ANNOTATION_ID="x" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>one two</ANNOTATION_VALUE>'
    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
)
TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n4\n<exists>\n1\n"IntervalTier"\n"Ann"\n0\n4\n1\n'
    '0\n4\n"one two"\n'
)
TTML = '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2.5s">one two</p></div></body></tt>'
TEXTS = {
    ".srt": [CUES, CUES.replace("\n\n", "\n")],
    ".vtt": [VTT],
    ".rttm": [RTTM],
    ".csv": [TABLE, TABLE.replace(",", ";")],
    ".tsv": [TABLE.replace(",", "\t")],
    ".lrc": [LYRICS],
    ".eaf": [EAF],
    ".textgrid": [TEXTGRID],
    ".json": [json.dumps(one) for one in TRANSCRIPTS],
    ".txt": [
        LABELS,
        TTML,
        "Ann: one two\n",
        "[00:01] one\n[00:03] two\n",
        "Ann  0:01\none two\n\nBob  0:03\nthree\n",
    ],
}


def turns(data: bytes, folder: Path) -> None:
    if not data:
        return
    path = folder / f"talk{ENDINGS[data[0] % len(ENDINGS)]}"
    path.write_bytes(data[1:])
    for read in (read_turns, read_speakers, read_words):
        read(path, "talk", lambda: SECONDS)


def seeds() -> list[bytes]:
    return [
        bytes([number]) + text.encode()
        for number, ending in enumerate(ENDINGS)
        for text in TEXTS.get(ending, [CUES])
    ]


READERS = [turns]
