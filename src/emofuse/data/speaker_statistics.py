"""Speaker normalisation: removes from vectors, without labels, what makes one voice differ from another.

A speaker's vectors are brought to mean 0 and variance 1 by the speaker's own mean and variance, as far as there
are enough utterances to estimate them. The idea follows Busso et al. (2013), "Iterative Feature Normalization
Scheme for Automatic Emotion Detection from Speech", IEEE Transactions on Affective Computing 4(4), who estimate a
speaker's statistics from speech that is detected as neutral. Here all utterances of a speaker count: so it is
valid only where every speaker shows several emotions, and a speaker with a single emotion loses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Float64Array

# Speakers with fewer utterances are standardised by the statistics of all speakers.
FEWEST = 8
# So many utterances of a speaker weigh as much as the statistics of all speakers.
PULL = 8.0
# A number whose variance is less than this share of its squared mean is constant: the rest is rounding.
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
    utterances describe their content more than the voice.

    Args:
        vectors: (utterances, width).
        speakers: of each utterance, (utterances,); None where unknown.
        overall: of the training part.
    """
    positions_of: dict[str, list[int]] = defaultdict(list)
    for position, speaker in enumerate(speakers):
        if speaker is not None:
            positions_of[speaker].append(position)
    return {
        speaker: overall.towards(Moments.of(vectors[positions]), len(positions) / (len(positions) + PULL))
        for speaker, positions in positions_of.items()
        if len(positions) >= FEWEST
    }


def normalise(vectors: npt.NDArray[Any], speakers: Sequence[str | None], overall: Moments) -> Float64Array:
    """Standardise every vector by its speaker's shrunken moments, or by `overall` where those are not known.

    It needs no label, but all utterances of a speaker at once: it is transductive.

    Args:
        vectors: (utterances, width).
        speakers: of each utterance, (utterances,); None where unknown, or an utterance is unlike the others.
        overall: of the training part.
    """
    normal = overall.standardise(vectors)
    for speaker, moments in speaker_moments(vectors, speakers, overall).items():
        own = [position for position, name in enumerate(speakers) if name == speaker]
        normal[own] = moments.standardise(vectors[own])
    return normal
