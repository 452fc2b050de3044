"""Checks of the transcripts: labels in the text, texts that carry no information or determine the label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from emofuse.config import AnnotationPolicy
from emofuse.data.audit.finding import finding
from emofuse.data.text_overlap import words_of
from emofuse.data.tokenization import has_annotations, strip_annotations
from emofuse.types import Corpus, Finding, Utterance

# Above this share of utterances whose text is their label, a text system's numbers are invalid.
TEXT_IS_LABEL = 0.01
# Text is uninformative if this share of the utterances have a sentence that occurs with every label, or with this
# share of them.
UNINFORMATIVE, NEARLY_EVERY_LABEL = 0.8, 0.8
# Text determines the label if this share of the utterances with a recurring sentence have one that always goes
# with one label, and if they are this share of the corpus.
DETERMINED, RECURRING = 0.9, 0.1


def audit_words(
    corpus: Corpus, annotations: AnnotationPolicy, original: Mapping[str, str | None]
) -> Iterator[Finding]:
    """Yield what is wrong with the transcripts of a corpus; `original` are its labels before any policy, by id."""
    read = [u for u in corpus if u.text is not None and u.text.strip()]
    yield from _missing(corpus)
    yield from _not_spoken(read)
    yield from _tokens(read, annotations)
    yield from _labels(read, original)
    yield from _information(read)


def _missing(corpus: Corpus) -> Iterator[Finding]:
    lacking = [u.id for u in corpus if not strip_annotations(u.text or "")]
    if lacking:
        message = f"{len(lacking)} of {len(corpus)} utterances have no words"
        yield finding("text-missing", lacking, message, "note" if len(lacking) == len(corpus) else None)


def _not_spoken(read: list[Utterance]) -> Iterator[Finding]:
    written = [u for u in read if not (u.text_source or "").startswith("asr")]  # recognised text was spoken
    foreign = [u.id for u in written if u.tags.get("text_not_spoken", "").lower() in ("true", "1", "yes")]
    if foreign:
        message = (
            f"the text of {len(foreign)} utterances was not spoken in them, as their tag text_not_spoken says"
        )
        yield finding("text-not-spoken", foreign, message)


def _tokens(read: list[Utterance], annotations: AnnotationPolicy) -> Iterator[Finding]:
    marked = [u.id for u in read if has_annotations(u.text or "")]
    if marked:
        fate = "are stripped" if annotations == "strip" else "are kept, and may give the label away"
        message = f"{len(marked)} transcripts hold annotation tokens such as [LAUGHTER]; they {fate}"
        yield finding("annotation-tokens", marked, message, "note" if annotations == "strip" else "warning")


def _labels(read: list[Utterance], original: Mapping[str, str | None]) -> Iterator[Finding]:
    revealing = []
    for utterance in read:
        names = (utterance.label, original.get(utterance.id), utterance.tags.get("source_label"))
        if words_of(utterance.text) in {words_of(name) for name in names} - {()}:
            revealing.append(utterance.id)
    if revealing:
        share = len(revealing) / len(read)
        message = f"the text of {len(revealing)} utterances ({share:.1%}) is their label"
        yield finding("text-is-label", revealing, message, "error" if share > TEXT_IS_LABEL else "warning")


def _information(read: list[Utterance]) -> Iterator[Finding]:
    labelled = [u for u in read if u.label is not None and words_of(u.text)]
    labels = {u.label for u in labelled}
    if len(labels) < 2:
        return
    by_sentence: dict[tuple[str, ...], list[Utterance]] = defaultdict(list)
    for utterance in labelled:
        by_sentence[words_of(utterance.text)].append(utterance)
    neutral = [
        group
        for group in by_sentence.values()
        if len({u.label for u in group}) >= max(2.0, NEARLY_EVERY_LABEL * len(labels))
    ]
    every = [u.id for group in neutral for u in group]
    if len(every) >= UNINFORMATIVE * len(labelled):
        message = (
            f"{len(every)} of {len(labelled)} utterances say one of {len(neutral)} sentences that occur with "
            f"all, or nearly all, of the {len(labels)} labels: text carries no information here"
        )
        yield finding("text-uninformative", every, message)
    yield from _determined(labelled, by_sentence)


def _determined(
    labelled: list[Utterance], by_sentence: dict[tuple[str, ...], list[Utterance]]
) -> Iterator[Finding]:
    recurring = [group for group in by_sentence.values() if len(group) > 1]
    fixed = [u.id for group in recurring if len({u.label for u in group}) == 1 for u in group]
    repeated = sum(map(len, recurring))
    if repeated >= RECURRING * len(labelled) and len(fixed) >= DETERMINED * repeated:
        message = f"{len(fixed)} of the {repeated} utterances whose sentence recurs have one with a single label"
        yield finding("text-determines-label", fixed, message)
