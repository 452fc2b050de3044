"""Workbooks read with the standard library alone: the cells of each sheet, and which of them are formulas."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ESCAPED = re.compile("_x([0-9A-F]{4})_")


def sheets_of(path: Path) -> dict[str, list[list[str | float | bool | None]]]:
    """Return the rows of each sheet by its name; a formula fails."""
    with ZipFile(path) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [str(sheet.get("name")) for sheet in book.iter(f"{SPACE}sheet")]
        return {name: _rows(archive.read(f"xl/worksheets/sheet{n}.xml")) for n, name in enumerate(names, 1)}


def _rows(content: bytes) -> list[list[str | float | bool | None]]:
    rows = []
    for row in ElementTree.fromstring(content).iter(f"{SPACE}row"):
        cells: dict[int, str | float | bool | None] = {}
        for cell in row.iter(f"{SPACE}c"):
            assert cell.find(f"{SPACE}f") is None, "a formula"
            cells[_column(str(cell.get("r")))] = _value(cell)
        rows.append([cells.get(column) for column in range(max(cells, default=-1) + 1)])
    return rows


def _value(cell: ElementTree.Element) -> str | float | bool:
    if cell.get("t") == "inlineStr":
        text = "".join(part.text or "" for part in cell.iter(f"{SPACE}t"))
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    number = str(cell.findtext(f"{SPACE}v"))
    return number == "1" if cell.get("t") == "b" else float(number)


def _column(reference: str) -> int:
    number = 0
    for letter in filter(str.isalpha, reference):
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
