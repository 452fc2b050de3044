"""Gold and recognised text side by side: which of an utterance's transcripts a system reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from emofuse.config import TextSource
from emofuse.types import Corpus, Utterance

GOLD, RECOGNISED = "gold", "asr"


def transcripts_of(utterance: Utterance) -> dict[str, str]:
    """Return what is written of an utterance, by source; the text that stands in the manifest comes first."""
    texts = {} if utterance.text is None else {utterance.text_source or GOLD: utterance.text}
    return texts | {source: text for source, text in utterance.transcripts.items() if source not in texts}


def kinds_of(corpus: Iterable[Utterance]) -> set[str]:
    """Return which kinds of text there are: "gold", "asr"."""
    return {_kind(source) for utterance in corpus for source in transcripts_of(utterance)}


def reading(corpus: Corpus, source: TextSource) -> Corpus:
    """Let a corpus be read from one kind of source; an utterance that lacks it has no text then.

    With `given` and `mixed` the text stays the one that stands in the manifest.
    """
    if source in ("given", "mixed"):
        return corpus
    return replace(corpus, utterances=tuple(read_as(u, source) for u in corpus))


def drawn(utterance: Utterance, rng: np.random.Generator) -> Utterance:
    """Return an utterance with one of its transcripts, drawn at random."""
    texts = transcripts_of(utterance)
    if len(texts) < 2:
        return utterance
    source = list(texts)[int(rng.integers(len(texts)))]
    return replace(utterance, text=texts[source], text_source=source)


def read_as(utterance: Utterance, source: str) -> Utterance:
    """Return an utterance with its text of one kind; none where it lacks that."""
    texts = transcripts_of(utterance)
    chosen = next((name for name in texts if _kind(name) == source), None)
    if chosen is None:
        text = "" if utterance.audio is None else None  # an utterance is something: heard, or an empty text
        return replace(utterance, text=text, text_source=None)
    return replace(utterance, text=texts[chosen], text_source=chosen)


def _kind(source: str) -> str:
    return RECOGNISED if source.startswith(f"{RECOGNISED}:") or source == RECOGNISED else GOLD
