"""Validation parts for choosing the best epoch: whole sessions or speakers of training, if possible."""

from __future__ import annotations

import itertools
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from emofuse.config import ProtocolName
from emofuse.data.protocols import natural_order
from emofuse.types import Fold, Utterance

logger = logging.getLogger(__name__)

VALIDATION_SHARE = 0.15
# How many sets of speakers of one size are tried before larger ones.
CANDIDATES = 10_000


def cut_validation(utterances: Sequence[Utterance], seed: int) -> tuple[set[str], Literal["speaker", "utterance"]]:
    """Choose ids for validation: the smallest suitable set of whole speakers, else a stratified cut.

    A set of speakers is suitable if it holds 15 % of the utterances and every class, and leaves two speakers to
    train on.
    """
    rng = np.random.default_rng(seed)
    speakers = _speakers_for_validation(utterances, rng)
    if speakers is not None:
        return {u.id for u in utterances if u.speaker in speakers}, "speaker"
    logger.warning("no set of whole speakers is suitable for validation: it shares speakers with training")
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
    labels_of: dict[str, set[str | None]] = {speaker: set() for speaker in sizes}
    for utterance in utterances:
        labels_of[str(utterance.speaker)].add(utterance.label)
    order = rng.permutation(sorted(sizes)).tolist()
    largest = sorted(sizes.values(), reverse=True)
    for count in range(1, len(order) - 1):
        if sum(largest[:count]) < VALIDATION_SHARE * len(utterances):
            continue
        for chosen in itertools.islice(itertools.combinations(order, count), CANDIDATES):
            enough = sum(sizes[speaker] for speaker in chosen) >= VALIDATION_SHARE * len(utterances)
            if enough and set().union(*(labels_of[speaker] for speaker in chosen)) == classes:
                return set(chosen)
    return None


def with_validation(fold: Fold, utterances: Sequence[Utterance], protocol: ProtocolName, seed: int) -> Fold:
    """Cut a validation part from a fold's training part, as its protocol has it, unless there is one.

    Leave-one-session-out validates on the following session, cyclic; leave-one-speaker-out on the partner in the
    test speaker's session; otherwise, or where there are none, see `cut_validation`.
    """
    if fold.validation:
        return fold
    trained, tested = set(fold.train), set(fold.test)
    train = [u for u in utterances if u.id in trained]
    test = [u for u in utterances if u.id in tested]
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
    held_out = natural_order(str(test[0].session))
    sessions = sorted({str(u.session) for u in train}, key=natural_order)
    following = next((session for session in sessions if natural_order(session) > held_out), sessions[0])
    return {u.id for u in train if u.session == following}


def _partner(train: Sequence[Utterance], test: Sequence[Utterance]) -> set[str]:
    """Return the ids of the other speakers in the test speaker's sessions, if there are any."""
    sessions = {u.session for u in test} - {None}
    partners = {u.speaker for u in train if u.session in sessions}
    return {u.id for u in train if u.speaker in partners}
