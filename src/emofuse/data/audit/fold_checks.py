"""Checks of the folds: speakers and sentences in two parts, classes that a part lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from emofuse.data.audit.finding import finding
from emofuse.data.text_overlap import SHORTEST_WORDS, Sentences, words_of
from emofuse.types import Corpus, Finding, Fold


def audit_parts(
    corpus: Corpus, folds: Sequence[Fold], overlaps: Mapping[str, Sequence[str]], text_independent: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the folds; `overlaps` is the result of `text_overlaps`."""
    yield from _speakers(corpus, folds)
    yield from _dialogues(corpus, folds)
    repeated = [i for ids in overlaps.values() for i in ids]
    if repeated:
        tested = {i for fold in folds for i in fold.test}
        long = sum(len(words_of(u.text)) >= SHORTEST_WORDS for u in corpus if u.id in tested)
        message = (
            f"{len(repeated)} of {long} tested utterances of four or more words ({len(repeated) / long:.1%}) "
            "are said, or nearly so, in the training part of their fold too"
        )
        yield finding("text-overlap", repeated, message, "error" if text_independent else None)
    yield from _rare(corpus, folds)


def text_overlaps(corpus: Corpus, folds: Sequence[Fold]) -> dict[str, list[str]]:
    """Return, by fold, the test utterances with a near-duplicate in its training or validation part."""
    sentences = Sentences.of(u for u in corpus if u.label is not None)
    return {fold.name: sentences.repeated(fold.test, (*fold.train, *fold.validation)) for fold in folds}


def _speakers(corpus: Corpus, folds: Sequence[Fold]) -> Iterator[Finding]:
    shared = {name: fold.name for fold in reversed(folds) for name in fold.shared_speakers(corpus)}
    if shared:
        name = min(shared)
        ids = [u.id for u in corpus if u.speaker in shared and u.label is not None]
        message = f"{len(shared)} speakers stand in two parts of a fold, such as {name} in fold {shared[name]!r}"
        yield finding("speaker-overlap", ids, message)


def _dialogues(corpus: Corpus, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Yield a finding if a dialogue is tested while other turns of it are trained on."""
    dialogue_of = {u.id: u.dialogue for u in corpus if u.dialogue is not None}
    shared: dict[str, str] = {}
    for fold in folds:
        trained = {dialogue_of[i] for i in (*fold.train, *fold.validation) if i in dialogue_of}
        for name in sorted({dialogue_of[i] for i in fold.test if i in dialogue_of} & trained):
            shared.setdefault(name, fold.name)
    if shared:
        name = min(shared)
        ids = [u.id for u in corpus if u.dialogue in shared and u.label is not None]
        message = f"{len(shared)} dialogues are tested and trained on, such as {name} in fold {shared[name]!r}"
        yield finding("dialogue-overlap", ids, message)


def _rare(corpus: Corpus, folds: Sequence[Fold]) -> Iterator[Finding]:
    labels = {u.id: str(u.label) for u in corpus if u.label is not None}
    classes = set(labels.values())
    lacking: dict[str, int] = dict.fromkeys(sorted(classes), 0)
    for fold in folds:
        parts = [{labels[i] for i in part} for part in (fold.train, fold.validation, fold.test) if part]
        for label in classes:
            lacking[label] += any(label not in part for part in parts)
    rare = {label: count for label, count in lacking.items() if count}
    if rare:
        ids = [u.id for u in corpus if u.label in rare]
        spread = ", ".join(f"{label} ({count} of {len(folds)} folds)" for label, count in rare.items())
        yield finding("rare-class", ids, f"a part of some folds lacks a class: {spread}")
