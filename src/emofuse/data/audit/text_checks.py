"""What the transcripts give away, or do not: labels in the text, sentences that tell nothing or everything."""

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
# Text is called uninformative if so many utterances have a sentence that is said with every label, or with so
# large a part of them.
UNINFORMATIVE, NEARLY_EVERY_LABEL = 0.8, 0.8
# Text is said to determine the label if so many of the utterances whose sentence recurs have one that always
# goes with one label, and such utterances make so much of the corpus.
DETERMINED, RECURRING = 0.9, 0.1


def audit_words(
    corpus: Corpus, annotations: AnnotationPolicy, given: Mapping[str, str | None]
) -> Iterator[Finding]:
    """Yield what is wrong with the transcripts of a corpus; `given` are its labels before any policy, by id."""
    read = [u for u in corpus if u.text is not None and u.text.strip()]
    yield from _missing(corpus)
    yield from _not_spoken(read)
    yield from _tokens(read, annotations)
    yield from _labels(read, given)
    yield from _information(read)


def _missing(corpus: Corpus) -> Iterator[Finding]:
    lacking = [u.id for u in corpus if not strip_annotations(u.text or "")]
    if lacking:
        message = f"{len(lacking)} of {len(corpus)} utterances have no words"
        yield finding("text-missing", lacking, message, "note" if len(lacking) == len(corpus) else None)


def _not_spoken(read: list[Utterance]) -> Iterator[Finding]:
    given = [u for u in read if not (u.text_source or "").startswith("asr")]  # what was recognised was spoken
    foreign = [u.id for u in given if u.tags.get("text_not_spoken", "").lower() in ("true", "1", "yes")]
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


def _labels(read: list[Utterance], given: Mapping[str, str | None]) -> Iterator[Finding]:
    telling = []
    for utterance in read:
        names = (utterance.label, given.get(utterance.id), utterance.tags.get("source_label"))
        if words_of(utterance.text) in {words_of(name) for name in names} - {()}:
            telling.append(utterance.id)
    if telling:
        share = len(telling) / len(read)
        message = f"the text of {len(telling)} utterances ({share:.1%}) is their label"
        yield finding("text-is-label", telling, message, "error" if share > TEXT_IS_LABEL else "warning")


def _information(read: list[Utterance]) -> Iterator[Finding]:
    labelled = [u for u in read if u.label is not None and words_of(u.text)]
    labels = {u.label for u in labelled}
    if len(labels) < 2:
        return
    saying: dict[tuple[str, ...], list[Utterance]] = defaultdict(list)
    for utterance in labelled:
        saying[words_of(utterance.text)].append(utterance)
    neutral = [
        company
        for company in saying.values()
        if len({u.label for u in company}) >= max(2.0, NEARLY_EVERY_LABEL * len(labels))
    ]
    every = [u.id for company in neutral for u in company]
    if len(every) >= UNINFORMATIVE * len(labelled):
        message = (
            f"{len(every)} of {len(labelled)} utterances say one of {len(neutral)} sentences that occur with "
            f"all, or nearly all, of the {len(labels)} labels: text carries no information here"
        )
        yield finding("text-uninformative", every, message)
    yield from _determined(labelled, saying)


def _determined(labelled: list[Utterance], saying: dict[tuple[str, ...], list[Utterance]]) -> Iterator[Finding]:
    recurring = [company for company in saying.values() if len(company) > 1]
    fixed = [u.id for company in recurring if len({u.label for u in company}) == 1 for u in company]
    said_again = sum(map(len, recurring))
    if said_again >= RECURRING * len(labelled) and len(fixed) >= DETERMINED * said_again:
        message = f"{len(fixed)} of the {said_again} utterances whose sentence recurs have one with a single label"
        yield finding("text-determines-label", fixed, message)
