"""The audit as a whole: findings about recordings, transcripts, speakers and folds, and figures to draw."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emofuse.config import AnnotationPolicy, ProtocolName
from emofuse.data.audit.audio_checks import audit_sound, measure_all
from emofuse.data.audit.finding import CODES
from emofuse.data.audit.fold_checks import audit_parts, text_overlaps
from emofuse.data.audit.speaker_checks import audit_people
from emofuse.data.audit.text_checks import audit_words
from emofuse.data.splits import draw_folds
from emofuse.sound.measures import Measures
from emofuse.types import Corpus, Finding, Fold, schemas

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Audit:
    """The findings of an audit, the most severe first, and figures of the corpus.

    Attributes:
        protocol: the one that was audited; None where the corpus has neither sessions, speakers nor splits.
        facts: lists and counts that JSON can hold: durations (s), loudness (dBFS), labels by speaker and by
            session, votes' entropy (bits), text overlap by fold.
    """

    protocol: ProtocolName | None
    n_utterances: int
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the document that `emofuse audit --json` prints."""
        return {
            "schema": schemas.AUDIT,
            "protocol": self.protocol,
            "n_utterances": self.n_utterances,
            "findings": [asdict(one) | {"utterances": list(one.utterances)} for one in self.findings],
        }


def audit(
    corpus: Corpus,
    protocol: ProtocolName | None = None,
    folds: Sequence[Fold] | None = None,
    text_independent: bool = False,
    annotations: AnnotationPolicy = "strip",
    unmapped: Corpus | None = None,
) -> Audit:
    """Check a corpus and a protocol for what would make results invalid or too good.

    Args:
        corpus: with the labels of the task: apply a label policy first.
        protocol: the one to audit; None takes what the corpus suggests: leave-one-session-out where there
            are sessions, leave-one-speaker-out where there are speakers, else the corpus's own splits.
        folds: those of a run; None draws them.
        text_independent: whether folds must be independent of the text too.
        annotations: policy for tokens such as [LAUGHTER].
        unmapped: the corpus before its label policy, where there was one: a label that the policy leaves out is
            no tie of the raters, and a text that is the label's former name gives it away all the same.

    Raises:
        ProtocolError: the corpus lacks what the protocol needs.
    """
    audited = protocol or suggest_protocol(corpus)
    if folds is None:
        folds = draw_folds(corpus, audited, "fixed", text_independent=text_independent) if audited else ()
    measured = measure_all(corpus)
    overlaps = text_overlaps(corpus, folds)
    original = {u.id: u.label for u in (unmapped or corpus)}
    findings = [
        *audit_sound(corpus, measured),
        *audit_words(corpus, annotations, original),
        *audit_people(corpus, original),
        *audit_parts(corpus, folds, overlaps, text_independent),
    ]
    order: dict[str, int] = {code: place for place, code in enumerate(CODES)}
    findings.sort(key=lambda one: (SEVERITIES.index(one.severity), order[one.code]))
    return Audit(audited, len(corpus), tuple(findings), _facts(corpus, measured, folds, overlaps))


def suggest_protocol(corpus: Corpus) -> ProtocolName | None:
    """Return the protocol that a corpus suggests: by sessions, else by speakers, else by its own splits."""
    labelled = [u for u in corpus if u.label is not None]
    if len({u.session for u in labelled}) > 1 and all(u.session for u in labelled):
        return "leave-one-session-out"
    if len({u.speaker for u in labelled}) > 1 and all(u.speaker for u in labelled):
        return "leave-one-speaker-out"
    return "predefined" if {"train", "test"} <= {u.split for u in labelled} else None


def _facts(
    corpus: Corpus,
    measured: Mapping[str, Measures | str],
    folds: Sequence[Fold],
    overlaps: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    known = [m for m in measured.values() if isinstance(m, Measures)]
    return {
        "seconds": [m.seconds for m in known],
        "loudness": [m.loudness for m in known if math.isfinite(m.loudness)],
        "labels_by_speaker": _cross(corpus, "speaker"),
        "labels_by_session": _cross(corpus, "session"),
        "votes_entropy": [_entropy(u.votes) for u in corpus if u.votes],
        "text_overlap": {fold.name: len(overlaps[fold.name]) / len(fold.test) for fold in folds},
    }


def _cross(corpus: Corpus, field: str) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for utterance in corpus:
        if utterance.label is not None and getattr(utterance, field) is not None:
            counts[str(getattr(utterance, field))][utterance.label] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts)}


def _entropy(votes: Mapping[str, float]) -> float:
    """Return the entropy of votes in bits."""
    total = sum(votes.values())
    return -sum(v / total * math.log2(v / total) for v in votes.values() if v > 0)
