"""The corpora that the box's voice learns from, put together from tables of clips: one manifest for all.

Each corpus stands in a folder of its own name, with a `manifest.csv` whose columns are path, label, speaker, text,
gender, sentence_id: RAVDESS, EmoDB and nEMO with emotions; vocal bursts with emotions and without words; keywords
without emotions, a part of which is trained on as neutral.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from emofuse.data.corpora.user_table import read_table
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Utterance

KEYWORDS = "keywords"
BURSTS = "bursts"
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
# What each corpus can be used for.
LABELS_OF = {
    "ravdess": ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
    "emodb": ("neutral", "happy", "sad", "angry", "fearful", "disgusted"),
    "nemo": ("neutral", "happy", "sad", "angry", "fearful", "surprised"),
}
# What the open box's voice learns from, beside keywords: it may be used commercially.
OPEN = ("emodb",)
# Of the three takes of each vocal burst that a speaker gave, the one that is used.
TAKE = "-1.opus"
# Each corpus of speech is drawn so many times as often as the bursts.
DRAWN = 3
# Speakers of EmoDB that the shipped weights are not trained on.
KEPT_OUT = ("emodb_13", "emodb_15")


def speech(data: Path, corpora: Sequence[str] = EMOTIONAL) -> Corpus:
    """Return all labelled clips, and those keywords that are trained on; `session` and `tags.corpus` name whose.

    The labels among which a clip is trained are in `tags.labels`: the name of its corpus, whose labels are few.
    Keywords have none there: they could have had any label.

    Raises:
        CorpusError: a folder or its table is missing.
    """
    emotional = tuple(u for name in corpora for u in _read(data, name) if u.label is not None)
    trained_on = tuple(u for u in _read(data, KEYWORDS) if not _kept_out(u))
    return Corpus(emotional + trained_on, name="box-voice")


def voices(data: Path, corpora: Sequence[str] = EMOTIONAL) -> Corpus:
    """Return all labelled clips and the first take of each vocal burst, which are trained on in every fold.

    `tags.draw` names the groups that are drawn alike; `tags.beside` those clips that nothing is tested on.

    Raises:
        CorpusError: a folder or its table is missing.
    """
    emotional = [u for name in corpora for u in _read(data, name) if u.label is not None]
    speech = [replace(u, tags={**u.tags, "draw": f"{u.session}-{_number(u) % DRAWN}"}) for u in emotional]
    takes = [u for u in _read(data, BURSTS) if u.audio is not None and u.audio.name.endswith(TAKE)]
    bursts = [replace(u, tags={**u.tags, "draw": BURSTS, "beside": "yes"}) for u in takes]
    return Corpus(tuple(speech + bursts), name="box-ear")


def kept_out_keywords(data: Path) -> Corpus:
    """Return the keywords that nothing is trained on.

    These single words, spoken as to a machine, have no labels; hardly any of them is emotional. Who speaks is not
    known: some of the speakers may be in the other part.
    """
    kept = tuple(replace(u, label=None) for u in _read(data, KEYWORDS) if _kept_out(u))
    return Corpus(kept, name="keywords")


def _kept_out(utterance: Utterance) -> bool:
    """Tell by a clip's name whether it is one of the two in five that are kept out."""
    return _number(utterance) % 5 < 2


def _number(utterance: Utterance) -> int:
    """Return a number up to 255 by a clip's name."""
    return hashlib.sha256(utterance.id.encode()).digest()[0]


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
            label="neutral" if name == KEYWORDS else LABELS.get(str(utterance.label)),
            speaker=None if name == KEYWORDS else utterance.speaker,
            session=name,
            tags={"corpus": name, "sentence": utterance.tags.get("sentence_id", "")}
            | ({} if name == KEYWORDS else {"labels": name}),
        )
        for utterance in read_table(table).corpus
    ]
