"""The CSV tables of published corpora, whose columns are known."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from emofuse.errors import CorpusError


class Row(NamedTuple):
    """A row of a table, and the number of the line that it ends on."""

    line: int
    values: Mapping[str, str]


def read_rows(path: Path, columns: Iterable[str]) -> list[Row]:
    """Return the rows of a published table; a value that is not there is empty.

    Raises:
        CorpusError: the table cannot be read, is not UTF-8, or lacks one of the columns.
    """
    again = "take the table as it was published"
    try:
        text = path.read_bytes().decode("utf-8-sig")
        # Only \n and \r end a line here: the texts of some corpora hold U+0085, at which others would part them.
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise CorpusError(f"{path}: has no column {missing[0]!r}; {again}")
        return [Row(reader.line_num, values) for values in reader]
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text; {again}") from error
    except csv.Error as error:
        raise CorpusError(f"{path}: is not a table that can be read ({error}); {again}") from error
