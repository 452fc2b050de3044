"""Corpora: one function each, from the folder as published to a corpus."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from emofuse.data.corpora.emodb import read_emodb
from emofuse.data.corpora.iemocap import read_iemocap
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.corpora.ravdess import read_ravdess
from emofuse.data.corpora.table import read_table
from emofuse.errors import CorpusError

TABLE = "csv"
CORPORA: dict[str, Callable[[Path], Prepared]] = {
    TABLE: read_table,
    "iemocap": read_iemocap,
    "emodb": read_emodb,
    "ravdess": read_ravdess,
}


def read_corpus(
    name: str, root: Path, columns: Mapping[str, str] | None = None, audio_root: Path | None = None
) -> Prepared:
    """Read a corpus by its name; `columns` and `audio_root` are for tables only.

    Raises:
        CorpusError: no corpus has that name, an option does not apply, or the folder is not the corpus.
    """
    if name not in CORPORA:
        near = difflib.get_close_matches(name, CORPORA, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(CORPORA)}"
        raise CorpusError(f"no corpus is called {name!r}; {hint}")
    if name == TABLE:
        return read_table(root, columns or {}, audio_root)
    if columns or audio_root:
        raise CorpusError(f"--column and --root are for {TABLE} tables, not for {name}")
    return CORPORA[name](root)
