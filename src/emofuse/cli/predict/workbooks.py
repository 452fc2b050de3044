"""Predictions and timelines as workbooks of Excel (`--format xlsx`): text is text, never a formula or a link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from emofuse import layout
from emofuse.cli.predict.formats import COLUMNS, cells_of, encodable
from emofuse.errors import RunError, brief_message
from emofuse.inference.timeline import formats as timeline_formats
from emofuse.inference.timeline.timeline_summary import summarise, withheld_sentence
from emofuse.types import WITHHELD, Prediction, Timeline, shown_label

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

# Of a sheet, and of a cell, in Excel.
MOST_ROWS, LONGEST_CELL = 1_048_576, 32_767
CUT = " [...]"
# The same predictions make the same bytes.
CREATED = datetime(1980, 1, 1)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its name, the names of its columns, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


def save_predictions(predictions: Iterable[Prediction], labels: Sequence[str], path: Path) -> None:
    """Write predictions as a workbook of one sheet, a row each, as they come.

    Raises:
        RunError: there are more than a sheet holds, or the file cannot be written.
    """
    rows = (_row(cells_of(one), one.probabilities, labels) for one in predictions)
    _save(path, [Sheet("predictions", _with_labels(COLUMNS, labels), rows)])


def save_timeline(timeline: Timeline, path: Path) -> None:
    """Write a timeline as a workbook: its segments, what was not analysed, and the recording as a whole.

    Raises:
        RunError: there are more segments than a sheet holds, or the file cannot be written.
    """
    segments = (
        _row(timeline_formats.cells_of(timeline, one), one.probabilities, timeline.labels)
        for one in timeline.segments
    )
    columns = _with_labels(timeline_formats.COLUMNS, timeline.labels)
    excluded = ((one.start, one.end, one.reason) for one in timeline.excluded)
    _save(
        path,
        [
            Sheet("segments", columns, segments),
            Sheet("not analysed", ("start", "end", "reason"), excluded),
            Sheet("recording", ("what", "value"), _facts(timeline)),
        ],
    )


def _facts(timeline: Timeline) -> list[tuple[str, object]]:
    overall = timeline.overall
    label = max(overall, key=lambda name: overall[name]) if overall else None
    withheld = withheld_sentence(summarise(timeline))
    return [
        ("id", timeline.id),
        ("audio", timeline.audio),
        ("channel", timeline.channel),
        ("seconds", timeline.seconds),
        ("seconds of speech", timeline.speech_seconds),
        ("seconds withheld", timeline.withheld_seconds),
        ("label", WITHHELD if timeline.abstained else shown_label(label)),
        *((f"p_{name}", value) for name, value in overall.items()),
        ("segmentation", timeline.segmentation),
        ("smoothing, seconds", timeline.smoothing),
        ("damaged", timeline.damaged),
        ("model", timeline.model),
        ("model_scope", timeline.model_scope),
        *(("note", note) for note in (*filter(None, [withheld]), *timeline.notes)),
    ]


def _with_labels(columns: Sequence[str], labels: Sequence[str]) -> list[str]:
    return [*columns, *(f"p_{label}" for label in labels)]


def _row(cells: Sequence[object], probabilities: Mapping[str, float], labels: Sequence[str]) -> list[object]:
    return [*cells, *map(probabilities.get, labels)]


def _save(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write a workbook whole or not at all; rows go to temporary files beside it, not into memory."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import XlsxWriterException

    with (
        layout.writing_file(path) as temporary,
        # On Windows, files that an interrupted workbook has open stay.
        TemporaryDirectory(prefix=".rows.", dir=path.parent, ignore_cleanup_errors=True) as rows,
    ):
        workbook = Workbook(temporary, {"constant_memory": True, "tmpdir": rows})
        workbook.set_properties({"created": CREATED})
        bold = workbook.add_format({"bold": True})
        for sheet in sheets:
            page = workbook.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for column, name in enumerate(sheet.columns):
                page.write_string(0, column, _text(name), bold)
            for number, cells in enumerate(sheet.rows, start=1):
                if number == MOST_ROWS:
                    raise RunError(f"{path}: a sheet holds {MOST_ROWS} rows; choose another --format, such as csv")
                for column, value in enumerate(cells):
                    _write(page, number, column, value)
        try:
            workbook.close()
        except XlsxWriterException as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise RunError(f"{path}: cannot be written ({brief_message(error)}); choose another --out") from error


def _write(page: Worksheet, row: int, column: int, value: object) -> None:
    if isinstance(value, bool):
        page.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        page.write_number(row, column, value)
    elif value is not None:
        page.write_string(row, column, _text(str(value)))


def _text(value: str) -> str:
    """Return text that a cell can hold; one that is too long ends in a mark."""
    text = encodable(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - len(CUT)] + CUT
