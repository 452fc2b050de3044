"""What is said in two parts of a corpus: near-duplicate transcripts, and groups that share a script."""

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

# Shorter sentences ("yes", "oh my god") are said by everybody and tell nothing of a leak.
SHORTEST = 4
# Two sentences are near-duplicates if they share this part of all their words (Jaccard).
SIMILAR = 0.6
# Scenarios that were improvised are grouped into this many halves: their words seldom recur.
IMPROVISED_GROUPS = 2

# Chinese and Japanese are written without spaces: each of their signs counts as a word.
_SIGNS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+(?:'[^\W_{_SIGNS}]+)*")


def words_of(text: str | None) -> tuple[str, ...]:
    """Return the words of a transcript, in small letters, without punctuation and annotation tokens.

    >>> words_of("I don't know. [LAUGHTER]")
    ('i', "don't", 'know')
    """
    plain = unicodedata.normalize("NFKC", strip_annotations(text or "")).casefold()
    return tuple(_WORD.findall(plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


@dataclass(frozen=True)
class Sentences:
    """Which utterances say nearly the same, in four or more words.

    Nearly the same: the sets of words have a Jaccard index of 0.6 or more.

    Attributes:
        number: the sentence of each utterance that has one of four or more words, by utterance id.
        alike: for each sentence, those that are nearly the same, itself among them.
    """

    number: Mapping[str, int]
    alike: Sequence[frozenset[int]]

    @classmethod
    def of(cls, utterances: Iterable[Utterance]) -> Sentences:
        """Find the sentences of utterances, and which of them are alike."""
        numbers: dict[frozenset[str], int] = {}
        number = {}
        for utterance in utterances:
            words = words_of(utterance.text)
            if len(words) >= SHORTEST:
                number[utterance.id] = numbers.setdefault(frozenset(words), len(numbers))
        return cls(number, _similar(list(numbers)))

    def said_too(self, ids: Iterable[str], others: Iterable[str]) -> list[str]:
        """Return those of some utterances that say nearly what one of the others says."""
        heard = {self.number[i] for i in others if i in self.number}
        said = {near for sentence in heard for near in self.alike[sentence]}
        return [i for i in ids if self.number.get(i) in said]


def _similar(sentences: Sequence[frozenset[str]]) -> list[frozenset[int]]:
    """Return for each set of words the positions of those like it, its own among them.

    Sets that are alike share one of their rarest words (prefix filtering, Chaudhuri et al. 2006), so that few
    pairs are compared.
    """
    frequency = Counter(word for sentence in sentences for word in sentence)
    holding: dict[str, list[int]] = defaultdict(list)
    alike = [{position} for position in range(len(sentences))]
    for position in sorted(range(len(sentences)), key=lambda p: len(sentences[p])):
        own = sentences[position]
        rarest = sorted(own, key=lambda word: (frequency[word], word))
        prefix = rarest[: len(own) - math.ceil(SIMILAR * len(own)) + 1]
        for other in {p for word in prefix for p in holding[word]}:
            shared = len(own & sentences[other])
            if shared >= SIMILAR * (len(own) + len(sentences[other]) - shared):
                alike[position].add(other)
                alike[other].add(position)
        for word in prefix:
            holding[word].append(position)
    return [frozenset(positions) for positions in alike]


def text_groups(utterances: Sequence[Utterance]) -> Callable[[Utterance], str] | None:
    """Return what tells an utterance's text group, where the corpus says who played which script.

    Each script is a group; improvised scenarios, whose words seldom recur, make two groups.
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
    """Purge from training and validation what says nearly the same as the test part."""
    sentences = Sentences.of(utterances)
    return [_purge(fold, set(sentences.said_too((*fold.train, *fold.validation), fold.test))) for fold in folds]


def _purge(fold: Fold, ids: set[str]) -> Fold:
    purged = [i for part in (fold.train, fold.validation) for i in part if i in ids]
    return replace(
        fold,
        train=tuple(i for i in fold.train if i not in ids),
        validation=tuple(i for i in fold.validation if i not in ids),
        purged=(*fold.purged, *purged),
    )
