"""What reading a corpus gives: the corpus, and what was left out of it and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip


@dataclass(frozen=True)
class Prepared:
    """A corpus as read from its folder.

    Attributes:
        corpus: its utterances.
        skipped: a record for everything that was left out.
        incomplete: how the corpus differs from the published one, in a sentence; None where it does not, or
            where nothing is known of that.
    """

    corpus: Corpus
    skipped: tuple[Skip, ...] = ()
    incomplete: str | None = None


def require_folder(root: Path, corpus: str) -> None:
    """Refuse a corpus root that is not a folder.

    Raises:
        CorpusError: there is no such folder.
    """
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; give the folder that holds {corpus} as it was published")


def count_by(corpus: Corpus, field: str) -> dict[str, int]:
    """Count utterances by a field, in the order of the words; "none" where it is null."""
    counts = Counter(str(getattr(u, field)) if getattr(u, field) is not None else "none" for u in corpus)
    return dict(sorted(counts.items()))
