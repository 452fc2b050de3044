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

    def shrunken(self, number: int, other: Moments) -> Moments:
        """Return the moments of so many vectors, drawn towards others: few describe content, not the voice."""
        return other.towards(self, number / (number + PULL))

    def brought_to(self, other: Moments, vectors: npt.NDArray[Any]) -> Float64Array:
        """Bring (vectors, width) from these moments to others; what is constant here is only moved."""
        return np.asarray(self.standardise(vectors) * np.sqrt(other.variance) + other.mean)

    def standardise(self, vectors: npt.NDArray[Any]) -> Float64Array:
        """Bring (vectors, width) to mean 0 and variance 1; what is constant is only centred."""
        constant = self.variance <= CONSTANT * np.square(self.mean)
        return np.asarray((vectors - self.mean) / np.sqrt(np.where(constant, 1.0, self.variance)))


class RunningMoments:
    """Moments of vectors that come one by one (Welford 1962): the same digits for the same order."""

    def __init__(self) -> None:
        self.number = 0
        self._mean: Float64Array = np.zeros(0)
        self._squares: Float64Array = np.zeros(0)

    def add(self, vector: npt.NDArray[Any]) -> None:
        """Count a vector, (width,)."""
        exact = vector.astype(np.float64)
        if not self.number:
            self._mean, self._squares = np.zeros_like(exact), np.zeros_like(exact)
        self.number += 1
        before = exact - self._mean
        self._mean = self._mean + before / self.number
        self._squares = self._squares + before * (exact - self._mean)

    def moments(self) -> Moments:
        """Return the moments of one or more vectors; the variance is the population's."""
        return Moments(self._mean, self._squares / self.number)


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
        speaker: Moments.of(vectors[positions]).shrunken(len(positions), overall)
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
