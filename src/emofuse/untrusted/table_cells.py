"""Cells of CSV that a spreadsheet would take for a formula: written behind an apostrophe, and read without it.

An id such as `=HYPERLINK(...)` must not run in the spreadsheet of whoever opens a table. OWASP names the signs
with which a formula begins, and the apostrophe that makes text of it.
"""

from __future__ import annotations

import re

# What Excel and LibreOffice need to take a file for UTF-8.
BYTE_ORDER_MARK = "\ufeff"
# The last four are the wide forms of the first four, which some spreadsheets take for the same.
SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# Apostrophes at the beginning count too, so that reading takes away what writing has put there, and no more.
_FORMULA = re.compile(f"'*[{re.escape(SIGNS)}]")


def guarded_cell(text: str) -> str:
    """Return text as a cell of CSV that no spreadsheet takes for a formula.

    >>> guarded_cell("=1+1"), guarded_cell("'=1+1"), guarded_cell("no"), guarded_cell("'no'")
    ("'=1+1", "''=1+1", 'no', "'no'")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def cell_text(cell: str) -> str:
    """Return the text of a cell that `guarded_cell` may have written.

    >>> cell_text("'=1+1"), cell_text("''=1+1"), cell_text("=1+1"), cell_text("'no'")
    ('=1+1', "'=1+1", '=1+1', "'no'")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
