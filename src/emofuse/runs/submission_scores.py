"""Submitted predictions scored under a protocol, as those of our own runs are, with a signature."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from emofuse.config import AgreementRecipe
from emofuse.data.splits import corpus_hash
from emofuse.errors import ProtocolError
from emofuse.runs.labelled_utterances import labelled_utterances
from emofuse.runs.signature import UNSTATED, Signature, agreement_name, folds_key, protocol_name
from emofuse.runs.submission import Submission, check_submission
from emofuse.runs.submitted_files import SubmittedPrediction
from emofuse.types import Corpus, Fold, Task, schemas

# How many ids a message lists.
LISTED_IDS = 3


@dataclass(frozen=True)
class SubmissionInfo:
    """How submitted predictions were made, as their author states it, and the rules that they are scored by.

    Attributes:
        protocol: who is tested while the others train.
        policy: the label policy.
        text_independent: whether folds are also text-independent.
        validation: the unit by which validation was cut from training.
        selection: how the epoch was selected.
        text: where what is read comes from; "none" if nothing is.
    """

    protocol: str
    policy: str
    text_independent: bool = False
    validation: str = UNSTATED
    selection: str = UNSTATED
    text: str = UNSTATED


def score_submission(
    submitted: Sequence[SubmittedPrediction],
    corpus: Corpus,
    task: Task,
    folds: Sequence[Fold],
    info: SubmissionInfo,
) -> dict[str, Any]:
    """Score a system's predictions and sign the figures.

    Args:
        submitted: as `read_submitted` returns them.
        corpus: under the label policy.
        task: its labels.
        folds: of the protocol.
        info: how the predictions were made.

    Returns:
        `signature`, `figures` as `emofuse.evaluation.summary.summarise` has them over what was predicted,
        `missing_as_wrong` over all that is tested (None if nothing is missing), the ids that are `missing`, and
        `warnings`, a sentence each.

    Raises:
        CorpusError: the predictions cannot be scored; see `check_submission`.
    """
    tested = labelled_utterances(corpus, folds)
    submission = check_submission(submitted, task.labels, tested, {u.id for u in corpus})
    signature = Signature(
        corpus=corpus.name or "unnamed",
        policy=info.policy,
        labels=task.labels,
        n=len(submission.predictions.ids),
        tested=len(tested),
        protocol=protocol_name(info.protocol, info.text_independent),
        folds=folds_key(folds),
        seeds=len(submission.predictions.probabilities),
        validation=info.validation,
        selection=info.selection,
        text=info.text,
        data=corpus_hash(corpus),
        agreement=agreement_name(AgreementRecipe()),
    )
    return {
        "schema": schemas.SCORES,
        "signature": str(signature),
        "n": signature.n,
        "tested": signature.tested,
        "seeds": signature.seeds,
        "labels": list(task.labels),
        "figures": submission.figures(),
        "missing_as_wrong": submission.missing_as_wrong(),
        "missing": list(submission.missing),
        "warnings": [*_warnings(submission), *_shared_speakers(corpus, folds)],
    }


def check_folds(folds: Sequence[Fold], drawn: Sequence[Fold], corpus: Corpus, whole_speakers: bool) -> None:
    """Check that folds are those of a protocol, whatever their names and validation parts.

    Args:
        folds: the folds to check.
        drawn: the folds of the protocol.
        corpus: under the label policy.
        whole_speakers: any folds of whole speakers are accepted, as the protocol draws them at random.

    Raises:
        ProtocolError: an utterance is tested twice, not at all, or together with others than in the protocol; or a
            fold trains on what the protocol excludes.
    """
    trained_by = {identity: {*fold.train, *fold.validation} for fold in drawn for identity in fold.test}
    place = {identity: fold.index for fold in drawn for identity in fold.test}
    seen: set[str] = set()
    for fold in folds:
        strange = [i for i in fold.test if i in seen or i not in place]
        if strange:
            how = "twice" if strange[0] in seen else "and has no label here, or no part in the protocol"
            raise ProtocolError(f"--folds: {strange[0]!r} is tested {how}; give folds of this manifest and policy")
        seen.update(fold.test)
        trained_on = {*fold.train, *fold.validation}
        if whole_speakers:
            _refuse_shared_speakers(fold, trained_on, corpus)
        elif len({place[i] for i in fold.test}) > 1 or len(folds) != len(drawn):
            raise ProtocolError(f"--folds: {fold.name!r} is no fold of the protocol; name the one that it is of")
        elif fold.test and (kept := sorted(trained_on - trained_by[fold.test[0]])):
            raise ProtocolError(f"--folds: {fold.name!r} trains on {_names(kept)}, which the protocol excludes")
    untested = sorted(set(place) - seen)
    if untested:
        raise ProtocolError(
            f"--folds: {_names(untested)} are never tested; give folds of this manifest and policy"
        )


def _refuse_shared_speakers(fold: Fold, trained_on: Set[str], corpus: Corpus) -> None:
    speakers = {u.id: u.speaker for u in corpus}
    unknown = sorted(trained_on - set(speakers))
    if unknown:
        raise ProtocolError(
            f"--folds: the manifest has no utterance {_names(unknown)}; give folds of this manifest"
        )
    shared = sorted({str(speakers[i]) for i in trained_on} & {str(speakers[i]) for i in fold.test})
    if shared:
        raise ProtocolError(
            f"--folds: {fold.name!r} trains on {_names(shared)}, who are in its test part; split by speakers"
        )


def _warnings(submission: Submission) -> list[str]:
    warnings = []
    if submission.missing:
        warnings.append(
            f"{len(submission.missing)} utterances that are tested have no prediction: "
            f"{_names(submission.missing)}; give the figures that count them as wrong too"
        )
    if submission.untested:
        warnings.append(
            f"{submission.untested} predictions are for utterances that no fold tests, and do not count"
        )
    if not submission.names_folds:
        warnings.append(
            "there is no column fold: that no model was trained on what it predicts is only their author's claim"
        )
    if not submission.has_probabilities:
        warnings.append("there are no probabilities: ECE, NLL, Brier score and AURC are not known")
    return warnings


def _shared_speakers(corpus: Corpus, folds: Sequence[Fold]) -> list[str]:
    whole = [replace(fold, train=fold.train + fold.validation, validation=()) for fold in folds]
    shared = sorted(set().union(*(fold.shared_speakers(corpus) for fold in whole)))
    if not shared:
        return []
    return [f"the protocol trains on speakers that it tests ({_names(shared)}): its figures are flattered"]


def _names(ids: Sequence[str]) -> str:
    """Return the first of some ids, and how many more there are."""
    more = f" and {len(ids) - LISTED_IDS} more" if len(ids) > LISTED_IDS else ""
    return ", ".join(ids[:LISTED_IDS]) + more
