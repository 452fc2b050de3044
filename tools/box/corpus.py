"""The corpora that the box's voice learns from, put together from tables of clips: one manifest for all.

Each corpus stands in a folder of its own name, with a `manifest.csv` whose columns are path, label, speaker, text,
gender, sentence_id: RAVDESS, EmoDB and nEMO with emotions, keywords without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.table import read_table
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Utterance

EMOTIONAL = ("ravdess", "emodb", "nemo")
# Their words -> ours; calm is a kind of neutral, and bored is left out: only one corpus has it.
LABELS = {
    "neutral": "neutral",
    "calm": "neutral",
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "fearful",
    "disgust": "disgusted",
    "surprise": "surprised",
}
# What each corpus can be asked for.
LABELS_OF = {
    "ravdess": ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
    "emodb": ("neutral", "happy", "sad", "angry", "fearful", "disgusted"),
    "nemo": ("neutral", "happy", "sad", "angry", "fearful", "surprised"),
}
# Speakers of EmoDB that the shipped weights never hear.
KEPT_OUT = ("emodb_13", "emodb_15")


def emotional_speech(data: Path) -> Corpus:
    """Return all labelled clips; `tags.corpus` and `session` name where each is from.

    Raises:
        CorpusError: a folder or its table is missing.
    """
    utterances = tuple(u for name in EMOTIONAL for u in _read(data, name) if u.label is not None)
    return Corpus(utterances, name="box-voice")


def keywords(data: Path) -> Corpus:
    """Return clips of single words said as to a machine: nobody labelled them, hardly anybody is moved by them."""
    return Corpus(tuple(replace(u, label=None) for u in _read(data, "keywords")), name="keywords")


def without(corpus: Corpus, speakers: tuple[str, ...]) -> Corpus:
    """Leave speakers out."""
    return corpus.select(lambda u: u.speaker not in speakers)


def only_speakers(corpus: Corpus, speakers: tuple[str, ...]) -> Corpus:
    """Keep these speakers."""
    return corpus.select(lambda u: u.speaker in speakers)


def predefined(corpus: Corpus, part: Callable[[Utterance], str | None]) -> Corpus:
    """Give each utterance the split that a function names; None leaves it out."""
    named = [(u, part(u)) for u in corpus]
    return replace(corpus, utterances=tuple(replace(u, split=split) for u, split in named if split is not None))


def _read(data: Path, name: str) -> list[Utterance]:
    table = data / name / "manifest.csv"
    if not table.is_file():
        raise CorpusError(f"{table}: no such table; --data names the folder in which {name} stands")
    return [
        replace(
            utterance,
            id=f"{name}/{utterance.id}",
            label=LABELS.get(str(utterance.label)),
            session=name,
            tags={"corpus": name, "sentence": utterance.tags.get("sentence_id", "")},
        )
        for utterance in read_table(table).corpus
    ]
