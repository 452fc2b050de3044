"""Protocols: which sessions or speakers are tested while the others are trained on."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from emofuse.config import ProtocolName
from emofuse.errors import MissingExtraError, ProtocolError
from emofuse.types import Fold, Utterance

FOLDS = 5

# From labelled utterances, sorted by id, and a seed to folds without validation parts.
Protocol: TypeAlias = Callable[[Sequence[Utterance], int], list[Fold]]


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
    """Split by whole speakers, stratified by label and gender (scikit-learn's StratifiedGroupKFold)."""
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError as error:
        raise MissingExtraError("train", "the protocol speaker-kfold") from error
    speakers = _units(utterances, "speaker", "speaker-kfold")
    if len(speakers) < 2:
        raise ProtocolError(f"speaker-kfold needs two or more speakers, and the corpus has {len(speakers)}")
    number = min(FOLDS, len(speakers))
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    strata = [f"{u.label} {u.gender}" for u in utterances]
    if max(Counter(strata).values()) < number:  # too few of each gender to stratify by
        strata = [str(u.label) for u in utterances]
    parts = splitter.split(np.zeros(len(utterances)), strata, [u.speaker for u in utterances])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the audit says which labels are rare
            cut = list(parts)
    except ValueError as error:
        raise ProtocolError(f"speaker-kfold cannot split this corpus: {error}") from error
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
    """Take the manifest's own `split`; utterances of other splits are left out."""
    parts = {name: tuple(u.id for u in utterances if u.split == name) for name in ("train", "validation", "test")}
    if not parts["train"] or not parts["test"]:
        splits = sorted({str(u.split) for u in utterances})
        raise ProtocolError(f"predefined needs the splits train and test in the manifest; it has {splits}")
    unit: Literal["split"] | None = "split" if parts["validation"] else None
    return [Fold(1, "predefined", parts["train"], parts["validation"], parts["test"], unit)]


PROTOCOLS: dict[ProtocolName, Protocol] = {
    "leave-one-session-out": _leave_one_session_out,
    "leave-one-speaker-out": _leave_one_speaker_out,
    "speaker-kfold": _speaker_kfold,
    "predefined": _predefined,
}


def _units(utterances: Sequence[Utterance], unit: Literal["session", "speaker"], protocol: str) -> list[str]:
    for utterance in utterances:
        if getattr(utterance, unit) is None:
            raise ProtocolError(
                f"{protocol} needs the {unit} of every labelled utterance, and {utterance.id!r} has none; "
                "add it to the manifest or choose another protocol"
            )
    return sorted({str(getattr(u, unit)) for u in utterances}, key=natural_order)


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a sorting key under which session10 follows session9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
