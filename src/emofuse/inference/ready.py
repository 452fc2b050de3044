"""Utterances that are ready for a network, or refused; text in a language that it does not know is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emofuse.data.languages import why_foreign
from emofuse.data.preparation import Item
from emofuse.errors import EmofuseError
from emofuse.types import Utterance


@dataclass(frozen=True)
class Ready:
    """An utterance that can be predicted.

    Attributes:
        item: the input of the network.
        cost: seconds of sound; of an utterance without sound, those that speaking its text would take.
        seconds: of sound.
        damaged: what is wrong with its recording; None where that is whole.
        notes: what else is to be known, one sentence each.
        text_unused: why its text is left out, where the model could take one; None where it is not.
    """

    utterance: Utterance
    item: Item
    cost: float
    seconds: float
    damaged: str | None = None
    notes: tuple[str, ...] = ()
    text_unused: str | None = None


@dataclass(frozen=True)
class Refused:
    """An utterance that cannot be predicted, and why."""

    utterance: Utterance
    error: EmofuseError
    cost: float = 0.0
    seconds: float = 0.0


def without_foreign_text(ready: Ready, known: tuple[str, ...] | None, needs_all: bool) -> Ready:
    """Leave out a text in a language that the model does not know; where it must be used, note that."""
    spoken = ready.utterance
    why = None if ready.item.ids is None else why_foreign(spoken.text, spoken.language, known)
    if why is None:
        return ready
    if needs_all or ready.item.values is None:
        return replace(ready, notes=(*ready.notes, f"the text is of little use: {why}"))
    notes = (*ready.notes, f"the text was not used: {why}")
    return replace(ready, item=replace(ready.item, ids=None), notes=notes, text_unused=why)
