"""Protocols: how a corpus is parted into folds so that no speaker is heard twice."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np

from emofuse.config import ProtocolName, Selection
from emofuse.errors import MissingExtraError, ProtocolError
from emofuse.types import Corpus, Fold, Utterance

logger = logging.getLogger(__name__)

VALIDATION_SHARE = 0.15
FOLDS = 5
# How many sets of speakers of one size are looked at for a validation part before larger ones are.
CANDIDATES = 10_000


def make_folds(
    corpus: Corpus, protocol: ProtocolName, selection: Selection = "best", seed: int = 0
) -> tuple[Fold, ...]:
    """Part the labelled utterances of a corpus into folds.

    Folds depend on the sorted ids and the seed only. With the selection `best`, a validation part is cut from
    the training part by whole units; with `fixed` there is none.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs (sessions, speakers, splits), or holds too
            few of them.
        CorpusError: a speaker stands in two parts of a fold.
    """
    utterances = sorted((u for u in corpus if u.label is not None), key=lambda u: u.id)
    if not utterances:
        raise ProtocolError(f"{corpus.name or 'the corpus'}: no utterance has a label; check the label policy")
    folds = PROTOCOLS[protocol](utterances, seed)
    if selection == "best":
        folds = [_with_validation(fold, utterances, protocol, seed) for fold in folds]
    else:
        folds = [
            replace(fold, train=fold.train + fold.validation, validation=(), validation_unit=None)
            for fold in folds
        ]
    for fold in folds:
        _check_parts(fold, selection)
    return tuple(Fold.checked(corpus, fold) for fold in folds)


def folds_hash(folds: Iterable[Fold]) -> str:
    """Return a short hash of who is trained, chosen and tested on where."""
    text = json.dumps([asdict(fold) for fold in folds], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def corpus_hash(corpus: Corpus) -> str:
    """Return a short hash of what a run depends on: labels, votes, texts, spans and names of files, by id."""
    rows = [
        [u.id, u.label, u.text, u.start, u.end, u.audio.name if u.audio else None, sorted((u.votes or {}).items())]
        for u in sorted(corpus, key=lambda u: u.id)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def folds_document(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return the folds as JSON would hold them, with their hash."""
    return {"hash": folds_hash(folds), "folds": [asdict(fold) for fold in folds]}


def _leave_one_out(
    utterances: Sequence[Utterance], unit: Literal["session", "speaker"], protocol: str
) -> list[Fold]:
    names = _units(utterances, unit, protocol)
    if len(names) < 2:
        raise ProtocolError(f"{protocol} needs two or more {unit}s, and the corpus has {len(names)}")
    return [
        Fold(
            index=index,
            name=f"{unit} {name}",
            train=tuple(u.id for u in utterances if getattr(u, unit) != name),
            validation=(),
            test=tuple(u.id for u in utterances if getattr(u, unit) == name),
        )
        for index, name in enumerate(names, start=1)
    ]


def _leave_one_session_out(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    return _leave_one_out(utterances, "session", "leave-one-session-out")


def _leave_one_speaker_out(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    return _leave_one_out(utterances, "speaker", "leave-one-speaker-out")


def _speaker_kfold(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    """Part by whole speakers, stratified by label (scikit-learn's StratifiedGroupKFold)."""
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError as error:
        raise MissingExtraError("train", "the protocol speaker-kfold") from error
    speakers = _units(utterances, "speaker", "speaker-kfold")
    if len(speakers) < 2:
        raise ProtocolError(f"speaker-kfold needs two or more speakers, and the corpus has {len(speakers)}")
    splitter = StratifiedGroupKFold(min(FOLDS, len(speakers)), shuffle=True, random_state=seed)
    parts = splitter.split(
        np.zeros(len(utterances)), [u.label for u in utterances], [u.speaker for u in utterances]
    )
    try:
        cut = list(parts)
    except ValueError as error:
        raise ProtocolError(f"speaker-kfold cannot part this corpus: {error}") from error
    folds = []
    for index, (train, test) in enumerate(cut, start=1):
        held_out = sorted({str(utterances[i].speaker) for i in test})
        folds.append(
            Fold(
                index=index,
                name=f"speakers {', '.join(held_out)}",
                train=tuple(utterances[i].id for i in train),
                validation=(),
                test=tuple(utterances[i].id for i in test),
            )
        )
    return folds


def _predefined(utterances: Sequence[Utterance], seed: int) -> list[Fold]:
    """Take the manifest's own `split`; utterances of other splits stay aside."""
    parts = {name: tuple(u.id for u in utterances if u.split == name) for name in ("train", "validation", "test")}
    if not parts["train"] or not parts["test"]:
        found = sorted({str(u.split) for u in utterances})
        raise ProtocolError(f"predefined needs the splits train and test in the manifest; it has {found}")
    unit: Literal["split"] | None = "split" if parts["validation"] else None
    return [Fold(1, "predefined", parts["train"], parts["validation"], parts["test"], unit)]


PROTOCOLS: dict[ProtocolName, Callable[[Sequence[Utterance], int], list[Fold]]] = {
    "leave-one-session-out": _leave_one_session_out,
    "leave-one-speaker-out": _leave_one_speaker_out,
    "speaker-kfold": _speaker_kfold,
    "predefined": _predefined,
}


def cut_validation(utterances: Sequence[Utterance], seed: int) -> tuple[set[str], Literal["speaker", "utterance"]]:
    """Choose ids for validation: the smallest set of whole speakers that will do, else a stratified cut.

    A set of speakers will do if it holds 15 % of the utterances and every class, and leaves two speakers to
    train on.
    """
    rng = np.random.default_rng(seed)
    speakers = _speakers_for_validation(utterances, rng)
    if speakers is not None:
        return {u.id for u in utterances if u.speaker in speakers}, "speaker"
    logger.warning("no set of whole speakers will do for validation: it shares speakers with training")
    chosen: set[str] = set()
    for label in sorted({str(u.label) for u in utterances}):
        ids = [u.id for u in utterances if u.label == label]
        chosen.update(rng.permutation(ids)[: math.ceil(VALIDATION_SHARE * len(ids))].tolist())
    return chosen, "utterance"


def _speakers_for_validation(utterances: Sequence[Utterance], rng: np.random.Generator) -> set[str] | None:
    if any(u.speaker is None for u in utterances):
        return None
    sizes = Counter(str(u.speaker) for u in utterances)
    classes = {u.label for u in utterances}
    said = {speaker: {u.label for u in utterances if u.speaker == speaker} for speaker in sizes}
    order = rng.permutation(sorted(sizes)).tolist()
    largest = sorted(sizes.values(), reverse=True)
    for count in range(1, len(order) - 1):
        if sum(largest[:count]) < VALIDATION_SHARE * len(utterances):
            continue
        for chosen in itertools.islice(itertools.combinations(order, count), CANDIDATES):
            enough = sum(sizes[speaker] for speaker in chosen) >= VALIDATION_SHARE * len(utterances)
            if enough and set().union(*(said[speaker] for speaker in chosen)) == classes:
                return set(chosen)
    return None


def _with_validation(fold: Fold, utterances: Sequence[Utterance], protocol: ProtocolName, seed: int) -> Fold:
    if fold.validation:
        return fold
    train = [u for u in utterances if u.id in set(fold.train)]
    test = [u for u in utterances if u.id in set(fold.test)]
    chosen: set[str] = set()
    unit: Literal["session", "speaker", "utterance"] = "session"
    if protocol == "leave-one-session-out":
        chosen = _next_session(train, test)
    elif protocol == "leave-one-speaker-out":
        chosen, unit = _partner(train, test), "speaker"
    if not chosen or len(chosen) == len(train):
        chosen, unit = cut_validation(train, seed)
    return replace(
        fold,
        train=tuple(i for i in fold.train if i not in chosen),
        validation=tuple(i for i in fold.train if i in chosen),
        validation_unit=unit,
    )


def _next_session(train: Sequence[Utterance], test: Sequence[Utterance]) -> set[str]:
    """Return the ids of the session after the test session, cyclic."""
    held_out = str(test[0].session)
    sessions = sorted({str(u.session) for u in train}, key=_natural)
    following = next((session for session in sessions if _natural(session) > _natural(held_out)), sessions[0])
    return {u.id for u in train if u.session == following}


def _partner(train: Sequence[Utterance], test: Sequence[Utterance]) -> set[str]:
    """Return the ids of the other speakers in the test speaker's sessions, if there are any."""
    sessions = {u.session for u in test} - {None}
    partners = {u.speaker for u in train if u.session in sessions}
    return {u.id for u in train if u.speaker in partners}


def _units(utterances: Sequence[Utterance], unit: Literal["session", "speaker"], protocol: str) -> list[str]:
    for utterance in utterances:
        if getattr(utterance, unit) is None:
            raise ProtocolError(
                f"{protocol} needs the {unit} of every labelled utterance, and {utterance.id!r} has none; "
                "add it to the manifest or choose another protocol"
            )
    return sorted({str(getattr(u, unit)) for u in utterances}, key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sorting key under which session10 follows session9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _check_parts(fold: Fold, selection: Selection) -> None:
    for part in ("train", "test") if selection == "fixed" else ("train", "validation", "test"):
        if not getattr(fold, part):
            raise ProtocolError(f"fold {fold.name!r} has an empty {part} part; the corpus is too small for it")
