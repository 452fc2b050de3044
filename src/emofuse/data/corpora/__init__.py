"""Corpora: one function each, from the folder as published to a corpus."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from emofuse.data.corpora.audformat_database import read_audformat
from emofuse.data.corpora.cremad import read_cremad
from emofuse.data.corpora.emodb import read_emodb
from emofuse.data.corpora.emovdb import read_emovdb
from emofuse.data.corpora.emovo import read_emovo
from emofuse.data.corpora.esd import read_esd
from emofuse.data.corpora.hub_dataset import read_hf
from emofuse.data.corpora.iemocap import read_iemocap
from emofuse.data.corpora.jlcorpus import read_jlcorpus
from emofuse.data.corpora.meld import read_meld
from emofuse.data.corpora.mosei import read_mosei
from emofuse.data.corpora.msppodcast import read_msppodcast
from emofuse.data.corpora.nemo import read_nemo
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.corpora.ravdess import read_ravdess
from emofuse.data.corpora.savee import read_savee
from emofuse.data.corpora.shemo import read_shemo
from emofuse.data.corpora.tess import read_tess
from emofuse.data.corpora.user_table import read_table
from emofuse.errors import CorpusError

TABLE, HUB = "csv", "hf"
CORPORA: dict[str, Callable[[Path], Prepared]] = {
    TABLE: read_table,
    HUB: read_hf,
    "audformat": read_audformat,
    "iemocap": read_iemocap,
    "meld": read_meld,
    "mosei": read_mosei,
    "msppodcast": read_msppodcast,
    "cremad": read_cremad,
    "ravdess": read_ravdess,
    "emodb": read_emodb,
    "emovdb": read_emovdb,
    "emovo": read_emovo,
    "esd": read_esd,
    "jlcorpus": read_jlcorpus,
    "nemo": read_nemo,
    "savee": read_savee,
    "shemo": read_shemo,
    "tess": read_tess,
}


def read_corpus(
    name: str, root: Path, columns: Mapping[str, str] | None = None, audio_root: Path | None = None
) -> Prepared:
    """Read a corpus by its name; `columns` and `audio_root` are for tables and `datasets` only.

    Raises:
        CorpusError: no corpus has that name, an option does not apply, or the folder is not the corpus.
    """
    if name not in CORPORA:
        near = difflib.get_close_matches(name, CORPORA, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(CORPORA)}"
        raise CorpusError(f"no corpus is called {name!r}; {hint}")
    if name == TABLE:
        return read_table(root, columns or {}, audio_root)
    if name == HUB:
        return read_hf(root, columns or {}, audio_root)
    if columns or audio_root:
        raise CorpusError(f"--column and --root are for {TABLE} and {HUB}, not for {name}")
    return CORPORA[name](root)
