"""The output formats of predictions: a table to read, JSON, JSON Lines and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from emofuse.file_names import SURROGATES, shown_name
from emofuse.privacy import mask_words
from emofuse.seal import locks
from emofuse.types import Prediction, shown_label
from emofuse.untrusted.json_text import to_json
from emofuse.untrusted.table_cells import BYTE_ORDER_MARK, guarded_cell
from emofuse.untrusted.terminal_text import terminal_line

FormatName = Literal["table", "json", "jsonl", "csv", "xlsx"]
TimelineFormatName = Literal[
    "table", "json", "jsonl", "csv", "xlsx", "srt", "vtt", "rttm", "textgrid", "eaf", "labels", "page", "picture"
]
Lines = Callable[[Iterable[Prediction], Sequence[str]], Iterator[str]]

TEXT_WIDTH = 40
_PLAIN_COLUMNS = tuple(key for key in Prediction.KEYS if key not in ("probabilities", "modalities"))
# Columns of CSV and of workbooks, before those of the probabilities.
COLUMNS = (*_PLAIN_COLUMNS, "notes", "modalities", "speech")


def as_table(predictions: Iterable[Prediction], labels: Sequence[str]) -> Iterator[str]:
    """Yield a table to read: label, confidence, the modalities that were used, id and transcript.

    Where the model abstained, its label is withheld: `unsure (sad)`. Sound that is no speech has none.
    """
    width = max([12, *(len(shown_label(label, abstained=True)) for label in labels)])
    for number, prediction in enumerate(predictions):
        if number == 0:
            yield f"{'label':{width}} {'confidence':>10}  {'modalities':12} utterance"
        words = (
            f"  {_short(shown_words(prediction.text))!r}"
            if prediction.text and "text" in prediction.modalities
            else ""
        )
        used = "+".join(prediction.modalities)
        label = f"{prediction.shown:{width}}"
        confidence = "-" if prediction.confidence is None else f"{prediction.confidence:.0%}"
        yield printable(f"{label} {confidence:>10}  {used:12} {prediction.id}{words}")
        if prediction.damaged is not None:
            yield printable(f"    damaged: {prediction.damaged}")
        yield from (printable(f"    note: {note}") for note in prediction.notes)


def as_json(predictions: Iterable[Prediction], labels: Sequence[str]) -> Iterator[str]:
    """Yield the lines of one JSON document, a list, as the predictions come."""
    held: list[str] = []
    for number, prediction in enumerate(predictions):
        if number == 0:
            yield "["
        else:
            yield from held[:-1]
            yield f"{held[-1]},"
        held = [f"  {line}" for line in to_json(prediction.as_dict(), indent=2).split("\n")]
    yield from (*held, "]") if held else ("[]",)


def as_json_lines(predictions: Iterable[Prediction], labels: Sequence[str]) -> Iterator[str]:
    """Yield one JSON document per prediction."""
    for prediction in predictions:
        yield to_json(prediction.as_dict())


def as_csv(predictions: Iterable[Prediction], labels: Sequence[str]) -> Iterator[str]:
    """Yield a header, and a row per prediction with the probability of each label in a column.

    Spreadsheets take it for UTF-8, by its first character, and no cell for a formula; see `untrusted.table_cells`.
    """
    yield BYTE_ORDER_MARK + _row([*COLUMNS, *(f"p_{label}" for label in labels)])
    for prediction in predictions:
        by_label = prediction.probabilities
        probabilities = [f"{by_label[label]:.6f}" if label in by_label else "" for label in labels]
        yield _row(cells_of(prediction), probabilities)


def cells_of(prediction: Prediction) -> list[object]:
    """Return a prediction as the cells of a row, in the order of `COLUMNS`; None for an empty one."""
    values = prediction.as_dict()
    lists = "; ".join(prediction.notes), "+".join(prediction.modalities)
    return [*(values[key] for key in _PLAIN_COLUMNS), *lists, prediction.speech]


def printable(line: str) -> str:
    """Return a line as people may print it: encodable, and without control characters."""
    return terminal_line(encodable(line))


def encodable(text: str) -> str:
    """Return text that UTF-8 can encode; see `emofuse.file_names`."""
    return shown_name(text) if SURROGATES.search(text) else text


# Formats that are lines of text; workbooks are not.
FORMATS: dict[FormatName, Lines] = {"table": as_table, "json": as_json, "jsonl": as_json_lines, "csv": as_csv}


def shown_words(text: str) -> str:
    """Return words as tables and pages show them: in a sealed process they are masked."""
    return mask_words(text) if locks() else text


def _row(values: Iterable[object], numbers: Iterable[str] = ()) -> str:
    """Return a row of CSV: values, of which text is guarded, and numbers as they are written."""
    buffer = io.StringIO()
    guarded = [guarded_cell(value) if isinstance(value, str) else value for value in values]
    csv.writer(buffer, lineterminator="").writerow([*guarded, *numbers])
    return encodable(buffer.getvalue())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_WIDTH else line[: TEXT_WIDTH - 3] + "..."
