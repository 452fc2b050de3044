"""Gold and recognised text side by side: which transcript of an utterance a system reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from emofuse.config import TextSource
from emofuse.types import Corpus, Utterance

GOLD, RECOGNISED = "gold", "asr"


def transcripts_of(utterance: Utterance) -> dict[str, str]:
    """Return the transcripts of an utterance by source; the manifest's own text comes first."""
    texts = {} if utterance.text is None else {utterance.text_source or GOLD: utterance.text}
    return texts | {source: text for source, text in utterance.transcripts.items() if source not in texts}


def kinds_of(corpus: Iterable[Utterance]) -> set[str]:
    """Return the kinds of text in a corpus: "gold", "asr"."""
    return {_kind(source) for utterance in corpus for source in transcripts_of(utterance)}


def use_text_source(corpus: Corpus, source: TextSource) -> Corpus:
    """Return a corpus with the text of one kind of source; an utterance without that kind has no text then.

    With `given` and `mixed` the text is the manifest's own.
    """
    if source in ("given", "mixed"):
        return corpus
    return replace(corpus, utterances=tuple(use_transcript_of_kind(u, source) for u in corpus))


def draw_transcript(utterance: Utterance, rng: np.random.Generator) -> Utterance:
    """Return an utterance with one of its transcripts, drawn at random."""
    texts = transcripts_of(utterance)
    if len(texts) < 2:
        return utterance
    source = list(texts)[int(rng.integers(len(texts)))]
    return replace(utterance, text=texts[source], text_source=source)


def use_transcript_of_kind(utterance: Utterance, source: str) -> Utterance:
    """Return an utterance with its transcript of one kind, or without text where it has none of that kind."""
    texts = transcripts_of(utterance)
    name = next((one for one in texts if _kind(one) == source), None)
    if name is None:
        text = "" if utterance.audio is None else None  # an utterance must have audio or text
        return replace(utterance, text=text, text_source=None)
    return replace(utterance, text=texts[name], text_source=name)


def _kind(source: str) -> str:
    return RECOGNISED if source.startswith(f"{RECOGNISED}:") or source == RECOGNISED else GOLD
