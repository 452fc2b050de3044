"""The result of reading a corpus: the corpus, and what was skipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from emofuse.errors import CorpusError
from emofuse.types import Corpus, Skip, Utterance

# From a file to its utterance, or to the reason why it has none.
Reading: TypeAlias = Callable[[Path], Utterance | str]


@dataclass(frozen=True)
class Prepared:
    """A corpus as read from its folder.

    Attributes:
        corpus: its utterances.
        skipped: a record for everything that was left out.
        incomplete: how the corpus differs from the published one, in a sentence; None where it does not, or
            where nothing is known of that.
        partial: it differs only in how many recordings there are, each of them whole: a part of the corpus.
    """

    corpus: Corpus
    skipped: tuple[Skip, ...] = ()
    incomplete: str | None = None
    partial: bool = False


def require_folder(root: Path, corpus: str) -> None:
    """Refuse a corpus root that is not a folder.

    Raises:
        CorpusError: there is no such folder.
    """
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; give the folder that holds {corpus} as it was published")


def read_files(
    folder: Path,
    title: str,
    reading: Reading,
    example: str,
    published: int | None = None,
    root: Path | None = None,
) -> Prepared:
    """Read a corpus with one utterance a file; other files are skipped with a reason.

    Args:
        folder: every file below it is looked at, the outer ones first, then in the order of the paths.
        title: the usual name of the corpus; in lower case without hyphens it is `Corpus.name`.
        reading: from a file to its utterance.
        example: where the first recording is expected, as in "wav/03a01Fa.wav".
        published: how many recordings the corpus has as published.
        root: the folder that places are relative to; None takes `folder`.

    Raises:
        CorpusError: the folder is missing or holds no recording of the corpus.
    """
    require_folder(folder, title)
    utterances: dict[str, Utterance] = {}
    skipped: list[Skip] = []
    paths = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: (len(path.parts), path)):  # of two copies the outer one counts
        place = path.relative_to(root or folder).as_posix()
        result = "a hidden file that an archive program left" if path.name.startswith(".") else reading(path)
        if isinstance(result, str):
            skipped.append(Skip(place, result))
        elif result.id in utterances:
            skipped.append(Skip(place, f"a second copy of {result.id}; {title} is published with each file once"))
        else:
            utterances[result.id] = result
    if not utterances:
        reason = f" (the first file skipped, {skipped[0].id}: {skipped[0].reason})" if skipped else ""
        raise CorpusError(
            f"{root or folder}: no {title} recording found; expected {example} and so on there{reason}"
        )
    corpus = Corpus(tuple(utterances.values()), name=title.lower().replace("-", ""))
    return Prepared(corpus, tuple(skipped), fewer_than(published, len(corpus), title), partial=True)


def fewer_than(published: int | None, found: int, title: str) -> str | None:
    """Return a sentence on missing utterances; None where none are missing, or the published count is unknown."""
    if published is None or found == published:
        return None
    return f"{found} utterances, where {title} was published with {published}; unpack the whole archive again"


def count_by(corpus: Corpus, field: str) -> dict[str, int]:
    """Count utterances by a field, in the order of the words; "none" where it is null."""
    counts = Counter(str(getattr(u, field)) if getattr(u, field) is not None else "none" for u in corpus)
    return dict(sorted(counts.items()))
