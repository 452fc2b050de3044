"""A timeline as text, in the formats of programs, spreadsheets, players, annotators and scorers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Literal

from emofuse.file_names import shown_name
from emofuse.inference.timeline.annotation_files import as_eaf, as_textgrid
from emofuse.inference.timeline.subtitles import as_srt, as_vtt
from emofuse.inference.timeline.text_fields import MillisecondSpan, caption, counted_label, one_line
from emofuse.types import Segment, Timeline, schemas
from emofuse.untrusted.json_text import to_json
from emofuse.untrusted.table_cells import BYTE_ORDER_MARK, guarded_cell

TimelineFormat = Literal["json", "jsonl", "csv", "srt", "vtt", "rttm", "textgrid", "eaf", "labels"]

_PLAIN_COLUMNS = (
    "start",
    "end",
    "speaker",
    "label",
    "confidence",
    "abstained",
    "short",
    "text",
    "text_source",
    "language",
)
# Columns of CSV and of workbooks, before those of the probabilities.
COLUMNS = ("id", "channel", *_PLAIN_COLUMNS, "modalities")
# An unknown speaker in RTTM; readers take <NA> for a missing value.
UNKNOWN_SPEAKER = "unknown"
# Names that table readers take for a missing value.
MISSING_VALUES = {"na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na"}


def as_json(timeline: Timeline) -> str:
    """Return one JSON document."""
    return to_json(timeline.as_dict(), indent=2) + "\n"


def as_json_lines(timeline: Timeline) -> str:
    """Return one JSON document a segment, each with the recording's id and the model's scope."""
    whole = timeline.as_dict()
    before = {"schema": schemas.SEGMENT} | {key: whole[key] for key in ("id", "audio", "channel")}
    after = {key: whole[key] for key in ("model", "model_scope")}
    return "".join(to_json(before | segment | after) + "\n" for segment in whole["segments"])


def as_csv(timeline: Timeline) -> str:
    """Return a header and a row a segment, with a column of probability for each label.

    Spreadsheets take it for UTF-8, by its first character, and no cell for a formula; see `untrusted.table_cells`.
    """
    rows = [BYTE_ORDER_MARK + _row([*COLUMNS, *(f"p_{label}" for label in timeline.labels)])]
    for segment in timeline.segments:
        cells = dict(zip(COLUMNS, cells_of(timeline, segment), strict=True))
        cells |= {"start": f"{segment.start:.3f}", "end": f"{segment.end:.3f}"}
        probabilities = [f"{segment.probabilities[label]:.6f}" for label in timeline.labels]
        rows.append(_row(cells.values(), probabilities))
    return shown_name("".join(rows))


def cells_of(timeline: Timeline, segment: Segment) -> list[object]:
    """Return a segment as the cells of a row, in the order of `COLUMNS`; None for an empty one."""
    values = segment.as_dict()
    return [timeline.id, timeline.channel, *(values[key] for key in _PLAIN_COLUMNS), "+".join(segment.modalities)]


def as_labels(timeline: Timeline) -> str:
    """Return an Audacity label track: start, end and a line to read, separated by tabs."""
    lines = []
    for segment in timeline.segments:
        span = MillisecondSpan.of(segment)
        lines.append(f"{span.start / 1000:.3f}\t{span.end / 1000:.3f}\t{caption(segment)}\n")
    return "".join(lines)


def as_rttm(timeline: Timeline) -> str:
    """Return NIST's rich transcription time marks: a SPEAKER line of ten fields for each segment.

    RTTM is for speakers, and scorers compare the eighth field, the speaker; so that is the speaker here too, or
    `unknown`. The label is in the sixth field, orthography, which pyannote, dscore and NIST's md-eval ignore
    in SPEAKER lines; md-eval refuses any but `<NA>` in the seventh. The ninth is the confidence of the
    label; a withheld label is `unsure`, without a confidence. Blanks within a field become underscores.
    """
    file = _field(timeline.id)
    names = _speaker_fields(timeline)
    lines = []
    for segment in timeline.segments:
        span = MillisecondSpan.of(segment)
        times = f"{span.start / 1000:.3f} {(span.end - span.start) / 1000:.3f}"
        confidence = "<NA>" if segment.abstained else f"{segment.confidence:.4f}"
        rest = f"{_field(counted_label(segment))} <NA> {names[segment.speaker]} {confidence}"
        lines.append(f"SPEAKER {file} 1 {times} {rest} <NA>\n")
    return "".join(lines)


TIMELINE_FORMATS: dict[TimelineFormat, Callable[[Timeline], str]] = {
    "json": as_json,
    "jsonl": as_json_lines,
    "csv": as_csv,
    "srt": as_srt,
    "vtt": as_vtt,
    "rttm": as_rttm,
    "textgrid": as_textgrid,
    "eaf": as_eaf,
    "labels": as_labels,
}
# File name suffix of each format.
TIMELINE_SUFFIXES: dict[TimelineFormat, str] = {
    "json": ".json",
    "jsonl": ".jsonl",
    "csv": ".csv",
    "srt": ".srt",
    "vtt": ".vtt",
    "rttm": ".rttm",
    "textgrid": ".TextGrid",
    "eaf": ".eaf",
    "labels": ".txt",
}


def _row(values: Iterable[object], numbers: Iterable[str] = ()) -> str:
    """Return a row of CSV: values, of which text is guarded, and numbers as they are written."""
    guarded = [guarded_cell(value) if isinstance(value, str) else value for value in values]
    # Only breaks that could end a line are quoted: with any other end, one of \r and \n would stand bare.
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow([*guarded, *numbers])
    return line.getvalue().removesuffix("\r\n") + "\n"


def _field(text: str) -> str:
    """Return text as a field of RTTM: not empty, without blanks, nothing that table readers change."""
    field = one_line(text).replace(" ", "_").replace('"', "'") or "_"
    return f"{field}_" if field.lower() in MISSING_VALUES else field


def _speaker_fields(timeline: Timeline) -> dict[str | None, str]:
    """Return the field of each speaker; speakers that would share one get a number."""
    fields: dict[str | None, str] = {None: UNKNOWN_SPEAKER}
    for speaker in dict.fromkeys(segment.speaker for segment in timeline.segments):
        if speaker is None:
            continue
        number, field = 1, _field(speaker)
        while field in fields.values():
            number += 1
            field = f"{_field(speaker)}_{number}"
        fields[speaker] = field
    return fields
