"""From a corpus to folds: protocol, purged near-duplicate texts, validation part; and hashes of folds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from emofuse.config import ProtocolName, Selection
from emofuse.data.protocols import PROTOCOLS
from emofuse.data.text_overlap import Sentences, by_text_group, without_near_duplicates
from emofuse.data.validation_split import with_validation
from emofuse.errors import ProtocolError
from emofuse.types import Corpus, Fold, Utterance
from emofuse.untrusted.json_text import canonical_json

# Fields of an utterance whose values may tell the parts of a fold apart.
PARTS = ("speaker", "session", "dialogue", "split")


def make_folds(
    corpus: Corpus,
    protocol: ProtocolName,
    selection: Selection = "best",
    seed: int = 0,
    text_independent: bool = False,
) -> tuple[Fold, ...]:
    """Split the labelled utterances of a corpus into folds.

    Folds depend on the sorted ids and the seed only. With the selection `best`, a validation part is cut from
    the training part by whole units; with `fixed` there is none.

    With `text_independent`, near-duplicates of test sentences (four or more words, Jaccard index of 0.6 or more)
    are purged from the rest; and where every utterance has the tags `style` and `script`, as in IEMOCAP,
    folds are crossed with text groups: each script, and two groups of improvised scenarios.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs (sessions, speakers, splits), or holds too
            few of them.
        CorpusError: a speaker is in two parts of a fold.
    """
    folds = draw_folds(corpus, protocol, selection, seed, text_independent)
    return tuple(Fold.checked(corpus, fold) for fold in folds)


def draw_folds(
    corpus: Corpus,
    protocol: ProtocolName,
    selection: Selection = "best",
    seed: int = 0,
    text_independent: bool = False,
) -> tuple[Fold, ...]:
    """Split a corpus as `make_folds` does, without the check for speakers in two parts, which the audit makes.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs, or holds too few of them.
    """
    utterances = sorted((u for u in corpus if u.label is not None), key=lambda u: u.id)
    if not utterances:
        raise ProtocolError(f"{corpus.name or 'the corpus'}: no utterance has a label; check the label policy")
    folds = PROTOCOLS[protocol](utterances, seed)
    if text_independent:
        folds = without_near_duplicates(by_text_group(folds, utterances), utterances)
        for fold in folds:
            _refuse_purged(fold)
    folds = [_with_selection(fold, utterances, protocol, selection, seed) for fold in folds]
    for fold in folds:
        _check_parts(fold, selection)
    return tuple(folds)


def tested_beside(fold: Fold, tested: Corpus, extra: Corpus, text_independent: bool) -> Corpus:
    """Return the extra utterances that a fold may be tested on too: those of its test speakers.

    Where the speaker is unknown, the session decides. With `text_independent` its script must be in the fold.
    """
    speakers = {u.speaker for u in tested} - {None}
    sessions = {u.session for u in tested} - {None}
    scripts = {u.tags.get("script") for u in tested}

    def belongs(utterance: Utterance) -> bool:
        known = utterance.speaker in speakers if utterance.speaker else utterance.session in sessions
        return known and (not text_independent or utterance.tags.get("script") in scripts)

    return extra.select(belongs)


def trained_beside(train: Corpus, tested: Corpus, extra: Corpus, text_independent: bool) -> Corpus:
    """Return the extra utterances that may be trained on: those of speakers of the training part alone.

    Where the speaker is unknown, the session decides. Sessions, dialogues and splits that only the test part has
    are left out, and with `text_independent` near-duplicates of its sentences.
    """
    own, other = {name: _values(train, name) for name in PARTS}, {name: _values(tested, name) for name in PARTS}

    def belongs(utterance: Utterance) -> bool:
        person = "speaker" if utterance.speaker else "session"
        who = getattr(utterance, person)
        foreign = any(getattr(utterance, name) in other[name] - own[name] for name in PARTS)
        return who in own[person] - other[person] and not foreign

    chosen = extra.select(belongs)
    if not text_independent:
        return chosen
    sentences = Sentences.of((*tested, *chosen))
    repeated = set(sentences.repeated([u.id for u in chosen], [u.id for u in tested]))
    return chosen.select(lambda u: u.id not in repeated)


def _values(corpus: Corpus, name: str) -> set[str]:
    return {getattr(u, name) for u in corpus} - {None}


def folds_hash(folds: Iterable[Fold]) -> str:
    """Return a short hash of the parts of all folds."""
    rows = [{key: value for key, value in asdict(fold).items() if key != "purged" or value} for fold in folds]
    text = canonical_json(rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def corpus_hash(corpus: Corpus) -> str:
    """Return a short hash of what a run depends on: labels, votes, texts, spans and names of files, by id."""
    rows = [
        [u.id, u.label, u.text, u.start, u.end, u.audio.name if u.audio else None]
        + [sorted((field or {}).items()) for field in (u.votes, u.dimensions, u.transcripts)]
        for u in sorted(corpus, key=lambda u: u.id)
    ]
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()[:16]


def folds_document(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return the folds as JSON would hold them, with their hash."""
    return {"hash": folds_hash(folds), "folds": [asdict(fold) for fold in folds]}


def _with_selection(
    fold: Fold, utterances: Sequence[Utterance], protocol: ProtocolName, selection: Selection, seed: int
) -> Fold:
    if selection == "best":
        return with_validation(fold, utterances, protocol, seed)
    return replace(fold, train=fold.train + fold.validation, validation=(), validation_unit=None)


def _refuse_purged(fold: Fold) -> None:
    if not fold.train:
        raise ProtocolError(
            f"text_independent: fold {fold.name!r} has nothing left to train on, since all of its sentences are "
            "in the test part too; such a corpus cannot be split by its text"
        )


def _check_parts(fold: Fold, selection: Selection) -> None:
    for part in ("train", "test") if selection == "fixed" else ("train", "validation", "test"):
        if not getattr(fold, part):
            raise ProtocolError(f"fold {fold.name!r} has an empty {part} part; the corpus is too small for it")
