"""Overlap of texts between parts of a corpus: near-duplicate transcripts, and groups that share a script."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from emofuse.data.protocols import natural_order
from emofuse.data.tokenization import strip_annotations
from emofuse.types import Fold, Utterance

# Shorter sentences ("yes", "oh my god") recur everywhere and are no sign of a leak.
SHORTEST_WORDS = 4
# Two sentences are near-duplicates from this Jaccard index of their words on.
SIMILAR = 0.6
# Scenarios that were improvised are grouped into this many halves: their words rarely recur.
IMPROVISED_GROUPS = 2

# Chinese and Japanese are written without spaces: each character counts as a word.
_SIGNS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+(?:'[^\W_{_SIGNS}]+)*")


def words_of(text: str | None) -> tuple[str, ...]:
    """Return the words of a transcript, in lower case, without punctuation and annotation tokens.

    >>> words_of("I don't know. [LAUGHTER]")
    ('i', "don't", 'know')
    """
    plain = unicodedata.normalize("NFKC", strip_annotations(text or "")).casefold()
    return tuple(_WORD.findall(plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


@dataclass(frozen=True)
class Sentences:
    """The distinct sentences of utterances, of four or more words, and which of them are near-duplicates.

    Near-duplicates have sets of words with a Jaccard index of 0.6 or more.

    Attributes:
        number: the sentence of each utterance that has one of four or more words, by utterance id.
        similar: for each sentence, its near-duplicates, itself among them.
    """

    number: Mapping[str, int]
    similar: Sequence[frozenset[int]]

    @classmethod
    def of(cls, utterances: Iterable[Utterance]) -> Sentences:
        """Find the sentences of utterances and their near-duplicates."""
        numbers: dict[frozenset[str], int] = {}
        number = {}
        for utterance in utterances:
            words = words_of(utterance.text)
            if len(words) >= SHORTEST_WORDS:
                number[utterance.id] = numbers.setdefault(frozenset(words), len(numbers))
        return cls(number, _similar(list(numbers)))

    def repeated(self, ids: Iterable[str], others: Iterable[str]) -> list[str]:
        """Return the utterances whose sentence is a near-duplicate of one of the others."""
        sentences = {self.number[i] for i in others if i in self.number}
        duplicates = {near for sentence in sentences for near in self.similar[sentence]}
        return [i for i in ids if self.number.get(i) in duplicates]


def _similar(sentences: Sequence[frozenset[str]]) -> list[frozenset[int]]:
    """Return for each set of words the positions of similar sets, its own among them.

    Similar sets share one of their rarest words (prefix filtering, Chaudhuri et al. 2006): few pairs
    are compared.
    """
    frequency = Counter(word for sentence in sentences for word in sentence)
    holding: dict[str, list[int]] = defaultdict(list)
    similar = [{position} for position in range(len(sentences))]
    for position in sorted(range(len(sentences)), key=lambda p: len(sentences[p])):
        own = sentences[position]
        rarest = sorted(own, key=lambda word: (frequency[word], word))
        prefix = rarest[: len(own) - math.ceil(SIMILAR * len(own)) + 1]
        for other in {p for word in prefix for p in holding[word]}:
            shared = len(own & sentences[other])
            if shared >= SIMILAR * (len(own) + len(sentences[other]) - shared):
                similar[position].add(other)
                similar[other].add(position)
        for word in prefix:
            holding[word].append(position)
    return [frozenset(positions) for positions in similar]


def text_groups(utterances: Sequence[Utterance]) -> Callable[[Utterance], str] | None:
    """Return a function from an utterance to its text group; None where the corpus has no scripts.

    Each script is a group; improvised scenarios, whose words rarely recur, make two groups.
    """
    if not all(u.tags.get("script") and u.tags.get("style") for u in utterances):
        return None
    improvised = {u.tags["script"] for u in utterances if u.tags["style"] == "improvised"}
    order = sorted(improvised, key=natural_order)
    size = math.ceil(len(order) / IMPROVISED_GROUPS)
    parts = [order[start : start + size] for start in range(0, len(order), size or 1)]
    names = {name: f"{part[0]} to {part[-1]}" if len(part) > 1 else name for part in parts for name in part}
    return lambda utterance: names.get(utterance.tags["script"], utterance.tags["script"])


def by_text_group(folds: Iterable[Fold], utterances: Sequence[Utterance]) -> list[Fold]:
    """Cross folds with text groups: a group is tested in one part of a fold and purged from its training."""
    group_of = text_groups(utterances)
    if group_of is None:
        return list(folds)
    groups = {u.id: group_of(u) for u in utterances}
    crossed = []
    for fold in folds:
        for group in sorted(set(groups.values()), key=natural_order):
            test = tuple(i for i in fold.test if groups[i] == group)
            if test:
                purged = {i for part in (fold.train, fold.validation) for i in part if groups[i] == group}
                crossed.append(_purge(replace(fold, name=f"{fold.name}, {group}", test=test), purged))
    return [replace(fold, index=index) for index, fold in enumerate(crossed, start=1)]


def without_near_duplicates(folds: Iterable[Fold], utterances: Sequence[Utterance]) -> list[Fold]:
    """Purge near-duplicates of test sentences from training and validation."""
    sentences = Sentences.of(utterances)
    return [_purge(fold, set(sentences.repeated((*fold.train, *fold.validation), fold.test))) for fold in folds]


def _purge(fold: Fold, ids: set[str]) -> Fold:
    purged = [i for part in (fold.train, fold.validation) for i in part if i in ids]
    return replace(
        fold,
        train=tuple(i for i in fold.train if i not in ids),
        validation=tuple(i for i in fold.validation if i not in ids),
        purged=(*fold.purged, *purged),
    )
