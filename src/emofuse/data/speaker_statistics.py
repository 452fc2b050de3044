"""Speakers' own statistics: what makes one voice differ from another, taken out of vectors without any label.

A speaker's vectors are brought to mean 0 and variance 1 by the speaker's own mean and variance, as far as there
are utterances enough to know them. The idea follows Busso et al. (2013), "Iterative Feature Normalization Scheme
for Automatic Emotion Detection from Speech", IEEE Transactions on Affective Computing 4(4), who estimate what is a
speaker's own from speech that they find to be neutral. Here all utterances of a speaker count, and nothing is
found out about them: so it holds only where every speaker shows several emotions, and one with a single emotion
loses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Float64Array

# Of a speaker with fewer utterances than these, what all speakers have in common is known better.
FEWEST = 8
# So many utterances of a speaker weigh as much as all that is known of speakers in general.
PULL = 8.0
# A number whose variance is less than this beside its mean's square does not vary: what is seen is rounding.
CONSTANT = 1e-12


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each number of some vectors, (width,) each."""

    mean: Float64Array
    variance: Float64Array

    @classmethod
    def of(cls, vectors: npt.NDArray[Any]) -> Moments:
        """Return the moments of one or more vectors, (vectors, width); the variance is the population's."""
        exact = vectors.astype(np.float64)
        return cls(exact.mean(axis=0), exact.var(axis=0))

    def towards(self, other: Moments, weight: float) -> Moments:
        """Return moments between these, at weight 0, and others, at weight 1."""
        mean = (1.0 - weight) * self.mean + weight * other.mean
        return Moments(mean, (1.0 - weight) * self.variance + weight * other.variance)

    def standardise(self, vectors: npt.NDArray[Any]) -> Float64Array:
        """Bring (vectors, width) to mean 0 and variance 1; what is constant is only centred."""
        constant = self.variance <= CONSTANT * np.square(self.mean)
        return np.asarray((vectors - self.mean) / np.sqrt(np.where(constant, 1.0, self.variance)))


def speaker_moments(
    vectors: npt.NDArray[Any], speakers: Sequence[str | None], overall: Moments
) -> dict[str, Moments]:
    """Return the shrunken moments of every speaker with `FEWEST` or more utterances.

    Those of a speaker with n utterances weigh n / (n + `PULL`), and `overall` has the rest of the weight: few
    utterances tell little about a voice, and much about what happened to be said.

    Args:
        vectors: (utterances, width).
        speakers: who said each, (utterances,); None where nobody knows.
        overall: of the training part.
    """
    said: dict[str, list[int]] = defaultdict(list)
    for position, speaker in enumerate(speakers):
        if speaker is not None:
            said[speaker].append(position)
    return {
        speaker: overall.towards(Moments.of(vectors[positions]), len(positions) / (len(positions) + PULL))
        for speaker, positions in said.items()
        if len(positions) >= FEWEST
    }


def normalise(vectors: npt.NDArray[Any], speakers: Sequence[str | None], overall: Moments) -> Float64Array:
    """Standardise every vector by its speaker's shrunken moments, or by `overall` where those are not known.

    No label is asked for, but all utterances of a speaker at once: what comes out is transductive.

    Args:
        vectors: (utterances, width).
        speakers: who said each, (utterances,); None where nobody knows, or an utterance is unlike the others.
        overall: of the training part.
    """
    normal = overall.standardise(vectors)
    for speaker, moments in speaker_moments(vectors, speakers, overall).items():
        own = [position for position, name in enumerate(speakers) if name == speaker]
        normal[own] = moments.standardise(vectors[own])
    return normal
