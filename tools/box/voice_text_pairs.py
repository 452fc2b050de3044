"""Voices and sentences, paired by label: what the box's fusion is trained and tested on.

Voice and words were never spoken together. A clip meets sentences of a length that it could hold; in part they are
neutral, so that the voice alone tells, and in part the voice is neutral, so that the words alone tell. A part of
the clips stays without words and a part of the sentences read without a voice: what stands alone has a label of
its own, which is not always that of a pair with one side taken away. Contradictions are never trained on:
`conflicts` makes a set of them to look at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from corpus import KEYWORDS
from text_corpus import LABELS, Texts

from emofuse.sound.clips import read_clip
from emofuse.sound.features import trim_silence
from emofuse.types import Corpus, Utterance
from emofuse.types.arrays import IntArray

EMOTIONS = tuple(label for label in LABELS.values() if label != "neutral")
# Words in a second of voice.
SLOWEST, FASTEST = 1.0, 4.5
# How many sentences a clip has to draw from in training, and which share of them is neutral.
CANDIDATES, UNINFORMATIVE = 24, 0.3
# Beside each neutral clip stand so many that carry the words' emotion.
MOVED_BY_WORDS = 2
# Sentences are read alone beside such a share of the clips.
READ_ALONE = 0.25
# What the label of a pair is from.
BOTH, VOICE, WORDS, CONFLICT = "both", "voice", "words", "conflict"


@dataclass(frozen=True)
class Sentences:
    """Sentences with one label, by label and by number of words."""

    texts: Mapping[str, tuple[str, ...]]
    words: Mapping[str, IntArray]

    @classmethod
    def of(cls, texts: Texts, rows: IntArray) -> Sentences:
        """Take those rows that have one label; every second one as a recogniser would have written it."""
        found: dict[str, list[str]] = {label: [] for label in LABELS.values()}
        names = list(LABELS.values())
        for row in rows:
            labels = np.flatnonzero(texts.labels[row] == 1)
            spoken = texts.recognised[row]
            if len(labels) == 1 and spoken:
                plain = hashlib.sha256(spoken.encode()).digest()[0] % 2 == 0
                found[names[labels[0]]].append(texts.plain[row] if plain else spoken)
        ordered = {label: tuple(sorted(texts, key=_length)) for label, texts in found.items()}
        lengths = {label: np.array([_length(text) for text in texts]) for label, texts in ordered.items()}
        return cls(ordered, lengths)

    def draw(self, label: str, seconds: float, count: int, rng: np.random.Generator) -> list[str]:
        """Draw sentences of a label that fit into so many seconds; the nearest in length where none does."""
        lengths = self.words[label]
        first = int(np.searchsorted(lengths, max(1.0, SLOWEST * seconds), "left"))
        last = int(np.searchsorted(lengths, FASTEST * seconds, "right"))
        first = min(first, len(lengths) - 1)
        return [self.texts[label][i] for i in rng.integers(first, max(last, first + 1), size=count)]


def seconds_of_voice(corpus: Corpus) -> dict[str, float]:
    """Return how long each clip speaks, silence before and after left out."""
    return {u.id: _spoken_seconds(u) for u in corpus}


def training_pairs(corpus: Corpus, sentences: Sentences, seconds: Mapping[str, float], seed: int = 0) -> Corpus:
    """Give each clip many sentences; with the text source `mixed`, training draws one of them each time.

    Clips and sentences alone stand beside the pairs, so that no modality needs to be dropped in training.
    `tags.group` names what is to be drawn evenly: pairs and clips of each corpus and label, and words of each
    label that move a neutral voice or stand alone.
    """
    made: list[Utterance] = []
    for number, clip in enumerate(corpus):
        made += _training_examples(clip, sentences, seconds[clip.id], np.random.default_rng([seed, number]))
    return Corpus(tuple(made), name="box-pairs")


def evaluation_pairs(
    corpus: Corpus, sentences: Sentences, seconds: Mapping[str, float], draws: int, seed: int = 1
) -> Corpus:
    """Pair each clip with one sentence, so many times over; `tags.pair` names what the label is from."""
    made = []
    for number, clip in enumerate(corpus):
        for draw in range(draws):
            rng = np.random.default_rng([seed, number, draw])
            voice, length = str(clip.label), seconds[clip.id]
            words, kind = _draw_words(voice, rng)
            label = words if kind == WORDS else voice
            text = sentences.draw(words, length, 1, rng)[0]
            made.append(_evaluation_pair(clip, draw, label, text, kind, words))
    return Corpus(tuple(made), name="box-pairs-asked")


def conflicts(corpus: Corpus, sentences: Sentences, seconds: Mapping[str, float], seed: int = 2) -> Corpus:
    """Pair each moved clip with a sentence of another emotion; the label is the voice's."""
    made = []
    for number, clip in enumerate(corpus):
        if clip.label == "neutral":
            continue
        rng = np.random.default_rng([seed, number])
        words = str(rng.choice([label for label in EMOTIONS if label != clip.label]))
        text = sentences.draw(words, seconds[clip.id], 1, rng)[0]
        made.append(_evaluation_pair(clip, 0, str(clip.label), text, CONFLICT, words))
    return Corpus(tuple(made), name="box-pairs-conflict")


def _training_examples(
    clip: Utterance, sentences: Sentences, seconds: float, rng: np.random.Generator
) -> Iterator[Utterance]:
    """Yield what training has of a clip: both, the clip alone and, of some, words that move it and words alone."""
    label, group = str(clip.label), f"{clip.session} {clip.label}"
    neutral = 0 if label == "neutral" else round(UNINFORMATIVE * CANDIDATES)
    texts = sentences.draw(label, seconds, CANDIDATES - neutral, rng)
    yield _with(clip, texts + sentences.draw("neutral", seconds, neutral, rng), group)
    if label == "neutral" and clip.session != KEYWORDS:
        for emotion in rng.choice(EMOTIONS, MOVED_BY_WORDS, replace=False).tolist():
            moved = replace(clip, id=f"{clip.id}+{emotion}", label=emotion)
            yield _with(moved, sentences.draw(emotion, seconds, CANDIDATES, rng), f"moved {emotion}")
    yield replace(clip, id=f"{clip.id}+heard", text=None, tags={**clip.tags, "group": f"heard {group}"})
    if rng.random() < READ_ALONE:
        words = str(rng.choice((*EMOTIONS, "neutral")))  # of any label, whatever labels the voices have
        texts = sentences.draw(words, seconds, CANDIDATES, rng)
        read = _with(replace(clip, id=f"{clip.id}+read", label=words), texts, f"read {words}")
        yield replace(read, audio=None, start=None, end=None)


def _draw_words(voice: str, rng: np.random.Generator) -> tuple[str, str]:
    """Return the words' label, and what the pair's label is from."""
    if voice == "neutral":
        return (str(rng.choice(EMOTIONS)), WORDS) if rng.random() < 0.5 else ("neutral", BOTH)
    return ("neutral", VOICE) if rng.random() < UNINFORMATIVE else (voice, BOTH)


def _with(clip: Utterance, texts: Sequence[str], group: str) -> Utterance:
    others = {f"pair:{number}": text for number, text in enumerate(texts[1:], start=1)}
    tags = {**clip.tags, "group": group, "text_not_spoken": "yes"}
    if "+" in clip.id:  # words are not bound to the labels of a voice's corpus
        tags.pop("labels", None)
    return replace(clip, text=texts[0], text_source="pair:0", transcripts=others, tags=tags)


def _evaluation_pair(clip: Utterance, draw: int, label: str, text: str, kind: str, words: str) -> Utterance:
    tags = {**clip.tags, "pair": kind, "voice": str(clip.label), "words": words, "text_not_spoken": "yes"}
    return replace(clip, id=f"{clip.id}#{draw}", label=label, text=text, text_source="pair", tags=tags)


def _spoken_seconds(utterance: Utterance) -> float:
    assert utterance.audio is not None  # the corpora are recordings
    clip = read_clip(Path(utterance.audio), utterance.start, utterance.end)
    return len(trim_silence(clip.samples, clip.rate)) / clip.rate


def _length(text: str) -> int:
    return len(text.split())
