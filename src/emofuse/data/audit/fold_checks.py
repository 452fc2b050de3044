"""What the folds of a protocol let through: speakers and sentences in two parts, classes that a part lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from emofuse.data.audit.finding import finding
from emofuse.data.text_overlap import SHORTEST, Sentences, words_of
from emofuse.types import Corpus, Finding, Fold


def audit_parts(
    corpus: Corpus, folds: Sequence[Fold], overlaps: Mapping[str, Sequence[str]], text_independent: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the folds; `overlaps` is what `text_overlaps` found."""
    yield from _speakers(corpus, folds)
    said_again = [i for ids in overlaps.values() for i in ids]
    if said_again:
        tested = {i for fold in folds for i in fold.test}
        long = sum(len(words_of(u.text)) >= SHORTEST for u in corpus if u.id in tested)
        message = (
            f"{len(said_again)} of {long} tested utterances of four or more words ({len(said_again) / long:.1%}) "
            "are said, or nearly so, in the training part of their fold too"
        )
        yield finding("text-overlap", said_again, message, "error" if text_independent else None)
    yield from _rare(corpus, folds)


def text_overlaps(corpus: Corpus, folds: Sequence[Fold]) -> dict[str, list[str]]:
    """Return, by fold, the test utterances that say nearly what its training or validation part says."""
    sentences = Sentences.of(u for u in corpus if u.label is not None)
    return {fold.name: sentences.said_too(fold.test, (*fold.train, *fold.validation)) for fold in folds}


def _speakers(corpus: Corpus, folds: Sequence[Fold]) -> Iterator[Finding]:
    shared = {name: fold.name for fold in reversed(folds) for name in fold.shared_speakers(corpus)}
    if shared:
        name = min(shared)
        ids = [u.id for u in corpus if u.speaker in shared and u.label is not None]
        message = f"{len(shared)} speakers stand in two parts of a fold, such as {name} in fold {shared[name]!r}"
        yield finding("speaker-overlap", ids, message)


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
