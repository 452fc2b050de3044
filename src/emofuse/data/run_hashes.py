"""The hashes by which a run that is continued is known to be of the same corpus and the same recordings."""

from __future__ import annotations

from pathlib import Path

from emofuse.data.cache import file_digest, key_of
from emofuse.data.splits import corpus_hash
from emofuse.errors import RunError
from emofuse.types import Corpus


def recordings_hash(corpus: Corpus) -> str:
    """Return a short hash of the contents of a corpus's recordings; one that cannot be read has none."""
    digests = {audio: _digest(audio) for audio in sorted({u.audio for u in corpus if u.audio is not None})}
    rows = [[u.id, digests[u.audio]] for u in sorted(corpus, key=lambda u: u.id) if u.audio is not None]
    return key_of(recordings=rows)[:16]


def run_hashes(corpus: Corpus) -> dict[str, str]:
    """Return the hashes by which a run that is continued is known to be of the same corpus."""
    return {"corpus_hash": corpus_hash(corpus), "recordings_hash": recordings_hash(corpus)}


def refuse_changed_recordings(corpus: Corpus, earlier: str) -> None:
    """Refuse results of recordings that changed while they were read: some would be of older ones.

    Args:
        corpus: whose recordings were read.
        earlier: their `recordings_hash` before.

    Raises:
        RunError: a recording has changed.
    """
    if recordings_hash(corpus) != earlier:
        raise RunError(
            f"{corpus.name or 'the corpus'}: a recording was changed while the run went on, so that its results "
            "are of old and new sound; run it again in another folder"
        )


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except (OSError, ValueError):
        return None
