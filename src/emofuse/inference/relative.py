"""Predictions relative to what else there is: to a collection, a recording or a speaker.

A room, a microphone and a voice move all pooled vectors alike, and a model takes some of that for emotion. The
part of a vector that comes from sound is brought from the moments of its group, the unlabelled utterances of the
same collection, recording or speaker, to those of the training part; then the head decides. The moments of a group
are drawn towards those of the training part (`data.speaker_statistics`), and a group of too few utterances gets
plain predictions. A group of one emotion only loses it: without labels that cannot be known.

There are two passes: in the first one a `Collector` takes the moments, in the second one a `RelativeDecision`
decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from emofuse import layout
from emofuse.data.preparation import Outputs
from emofuse.data.relative_parts import RelativeParts
from emofuse.data.speaker_statistics import FEWEST, Moments, RunningMoments
from emofuse.errors import CheckpointError, OutputError, RecipeError
from emofuse.inference.runtime import Traits
from emofuse.types import Modality, RelativeTo, Utterance
from emofuse.types.arrays import Float32Array

# How far a logit of the head alone may be from that of the whole network, whose head may be in 8 bits.
LARGEST_DIFFERENCE = 0.5


@dataclass(frozen=True)
class Group:
    """Utterances that share their moments: of one collection, recording or speaker, with the same modalities."""

    name: str
    pattern: str


class Decider(Protocol):
    """Decides from what a network computed of an utterance.

    Attributes:
        to: what predictions are relative to.
    """

    @property
    def to(self) -> RelativeTo:
        """What predictions are relative to."""

    @property
    def digest(self) -> str:
        """A hash of the moments that are known."""

    def __call__(
        self, utterance: Utterance, modalities: tuple[Modality, ...], outputs: Outputs
    ) -> tuple[Outputs, RelativeTo | None]:
        """Return the outputs for an utterance, (1, ...), and what they are relative to; None if to nothing."""


@dataclass(frozen=True)
class Collector:
    """Takes the moments of all groups, in the first pass; its outputs are the plain ones.

    Attributes:
        to: what predictions will be relative to.
        parts: of the model.
    """

    to: RelativeTo
    parts: RelativeParts
    _running: dict[Group, RunningMoments] = field(default_factory=dict)

    def __call__(
        self, utterance: Utterance, modalities: tuple[Modality, ...], outputs: Outputs
    ) -> tuple[Outputs, RelativeTo | None]:
        """Count an utterance, and return its plain outputs.

        Raises:
            CheckpointError: the model gives no vectors, or its head is that of another model.
        """
        group = group_of(self.to, utterance, modalities)
        trained = None if group is None else self.parts.trained.get(group.pattern)
        if group is not None and trained is not None:
            vector = _vector(self.parts, outputs)
            self._running.setdefault(group, RunningMoments()).add(vector[: len(trained.mean)])
        return outputs, None

    @property
    def digest(self) -> str:
        """A hash of the moments so far."""
        return self.decision().digest

    def decision(self) -> RelativeDecision:
        """Return what decides in the second pass."""
        groups = {
            group: running.moments().shrunken(running.number, self.parts.trained[group.pattern])
            for group, running in self._running.items()
            if running.number >= FEWEST
        }
        return RelativeDecision(self.to, self.parts, groups, {g: r.number for g, r in self._running.items()})


@dataclass(frozen=True)
class RelativeDecision:
    """Decides from vectors that are relative to their group, in the second pass.

    Attributes:
        to: what predictions are relative to.
        parts: of the model.
        groups: the shrunken moments of all groups with enough utterances.
        counts: how many utterances each group had, the small ones too.
    """

    to: RelativeTo
    parts: RelativeParts
    groups: Mapping[Group, Moments]
    counts: Mapping[Group, int]

    def __call__(
        self, utterance: Utterance, modalities: tuple[Modality, ...], outputs: Outputs
    ) -> tuple[Outputs, RelativeTo | None]:
        """Return the outputs relative to the utterance's group, or the plain ones where the group is too small."""
        group = group_of(self.to, utterance, modalities)
        moments = None if group is None else self.groups.get(group)
        if group is None or moments is None:
            return outputs, None
        vector = _vector(self.parts, outputs).astype(np.float64)
        sound = len(moments.mean)
        moved = moments.brought_to(self.parts.trained[group.pattern], vector[None, :sound])[0]
        return self.parts.head(np.concatenate([moved, vector[sound:]])), self.to

    @property
    def digest(self) -> str:
        """A hash of all moments: a run that goes on must find the same."""
        whole = hashlib.sha256()
        for group in sorted(self.groups, key=lambda one: (one.name, one.pattern)):
            moments = self.groups[group]
            whole.update(f"{group.name}\0{group.pattern}\0".encode("utf-8", "surrogateescape"))
            whole.update(moments.mean.tobytes() + moments.variance.tobytes())
        return whole.hexdigest()

    def summary(self) -> str:
        """Return in a sentence how many utterances are relative to what."""
        used = {group for group in self.counts if group in self.groups}
        relative, total = sum(self.counts[group] for group in used), sum(self.counts.values())
        names = len({group.name for group in used})
        if self.to == "collection":
            among = "their collection"
        else:
            among = f"their {self.to} ({names} {self.to}{'' if names == 1 else 's'})"
        rest = "" if relative == total else f"; the others have fewer than {FEWEST} beside them, or none known"
        return f"{relative} of {total} utterances are predicted relative to {among}{rest}"


def group_of(to: RelativeTo, utterance: Utterance, modalities: tuple[Modality, ...]) -> Group | None:
    """Return the group of an utterance; None where it has none: without sound, or of an unknown speaker."""
    if "audio" not in modalities:
        return None
    pattern = "+".join(modalities)
    if to == "collection":
        return Group("", pattern)
    if to == "recording":
        return None if utterance.audio is None else Group(str(utterance.audio), pattern)
    return None if utterance.speaker is None else Group(utterance.speaker, pattern)


def relative_parts(folder: Path | None, traits: Traits) -> RelativeParts:
    """Return what a model needs for relative predictions.

    Args:
        folder: of the model; None for models together.
        traits: of the model.

    Raises:
        RecipeError: the model takes no sound.
        CheckpointError: the model cannot give them, or its file is damaged.
    """
    if "audio" not in traits.modalities:
        raise RecipeError(
            f"--relative-to: {traits.name} takes no sound, and words have no room or voice; drop the option"
        )
    if folder is None or not (folder / layout.RELATIVE).is_file():
        raise CheckpointError(
            f"--relative-to: {traits.name} has no {layout.RELATIVE}, which emofuse train writes for a model with "
            "one head (late fusion has two); train it again, export that, or drop the option"
        )
    return RelativeParts.load(folder)


def _vector(parts: RelativeParts, outputs: Outputs) -> Float32Array:
    """Return the vector of one utterance, (width,), if the head makes the same of it as the network did."""
    if outputs.pooled is None:
        raise CheckpointError(
            "--relative-to: the graph does not output its pooled vectors; export the model again"
        )
    vector: Float32Array = outputs.pooled[0]
    if not np.isfinite(vector).all():
        raise OutputError("the network computed what is no number; copy or train the model again")
    fits = vector.shape == (parts.head.width,)
    logits = parts.head(vector).logits if fits else None
    if (
        logits is None
        or logits.shape != outputs.logits.shape
        or not np.abs(logits - outputs.logits).max(initial=0.0) <= LARGEST_DIFFERENCE
    ):
        raise CheckpointError(
            f"{layout.RELATIVE}: is that of another model, its head decides otherwise; train or copy it again"
        )
    return vector
