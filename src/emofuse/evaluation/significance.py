"""Is one system better than another: an exact test over speakers, and what it can detect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from emofuse.errors import CorpusError
from emofuse.evaluation.metrics import Counts, MetricName
from emofuse.evaluation.reliability import Flags
from emofuse.evaluation.student_t import t_power
from emofuse.types.arrays import Float64Array

# Up to here all sign patterns are counted: 2^40 of them, as pairs of 2^20 halves.
MAX_EXACT_GROUPS = 40


@dataclass(frozen=True)
class SignFlip:
    """A sign-flip test: its two-sided p, the smallest p that so many groups can give, and how it was counted."""

    p: float
    smallest_p: float
    groups: int
    exact: bool

    @property
    def name(self) -> str:
        """What to call the test in a table."""
        return f"{'exact' if self.exact else 'Monte Carlo'} sign-flip over {self.groups} groups"


@dataclass(frozen=True)
class McNemar:
    """How often only one of two systems is right, and how odd that would be if utterances were independent."""

    only_a: int
    only_b: int
    p: float

    LABEL: ClassVar[str] = "descriptive: utterances of one speaker are not independent"


def speaker_differences(metric: MetricName, a: Counts, b: Counts) -> Float64Array:
    """Part the pooled difference between two systems among the speakers: (groups,), whose mean it is.

    A speaker's share is what it adds to "a minus b" of the pooled metric, averaged over seeds, times the number of
    speakers. For WA that is how many more correct predictions it has, over all utterances; for UA a correct
    prediction counts one over the utterances of its class in the corpus; a speaker without a class adds nothing to
    it.
    Both are linear: exchanging the systems on one speaker turns that speaker's sign and nothing else, and the
    sign-flip test is the exact test of the headline itself. Macro-F1 is parted by the symmetric identity
    Ta/Sa - Tb/Sb = ((Ta - Tb)(Sa + Sb) - (Ta + Tb)(Sa - Sb)) / (2 Sa Sb), with T the hits and S the truths plus
    predictions of a class: its sum is the headline too; of its terms an exchange would change Sa Sb alone.

    A speaker's own UA was not taken: its mean over speakers can have another sign than the headline, and it counts
    a class that a speaker has once as much as one that it has a hundred times.

    Args:
        metric: the headline.
        a: confusions of one system, (seeds, groups, labels, labels).
        b: those of the other, on the same utterances.

    Raises:
        CorpusError: the two were not scored on the same utterances.
    """
    if a.shape != b.shape or (a.sum(axis=3) != b.sum(axis=3)).any():
        raise CorpusError("two systems can be compared only on the same utterances of the same speakers")
    parts = [_PARTS[metric](*pair) for pair in zip(a, b, strict=True)]
    return np.asarray(np.mean(parts, axis=0) * a.shape[1])


def sign_flip_test(differences: Float64Array, draws: int = 99_999, seed: int = 0) -> SignFlip:
    """Test whether differences, (groups,), are as often for one side as for the other, by turning their signs.

    Two-sided: p is the share of the 2^G sign patterns whose sum is at least as far from zero. All patterns are
    counted up to 40 groups; beyond, `draws` random ones, and p = (k + 1) / (draws + 1) (Phipson and Smyth 2010).
    The null hypothesis: on each speaker the two systems could be exchanged. Where only their means are the same
    and the differences are skewed, the test erred in up to 6.4 % at 5 % (`tests/doubles/simulation.py`).
    Speakers on which the systems do not differ raise the smallest p that can in fact be had above 2 / 2^G.
    """
    groups = len(differences)
    least = abs(float(differences.sum())) - 1e-9 * float(np.abs(differences).sum())
    smallest = min(1.0, 2.0 ** (1 - groups))
    if groups > MAX_EXACT_GROUPS:
        p = (_drawn_beyond(differences, least, draws, seed) + 1) / (draws + 1)
        return SignFlip(p, max(smallest, 1 / (draws + 1)), groups, exact=False)
    if least <= 0:
        return SignFlip(1.0, smallest, groups, exact=True)
    left, right = (_signed_sums(half) for half in np.array_split(differences, 2))
    right.sort()
    beyond = int((len(right) - np.searchsorted(right, least - left)).sum())
    return SignFlip(min(1.0, 2 * beyond / 2.0**groups), smallest, groups, exact=True)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for being one of a family, in the order given (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(np.argsort(p_values, kind="stable").tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def mcnemar(correct_a: Flags, correct_b: Flags) -> McNemar:
    """Return McNemar's exact test of what each system has right, both (utterances,); see its `LABEL`."""
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    discordant, term, tail = only_a + only_b, 1, 0
    for k in range(min(only_a, only_b) + 1):
        tail += term
        term = term * (discordant - k) // (k + 1)
    return McNemar(only_a, only_b, min(1.0, 2 * tail / 2**discordant))


def detectable_difference(differences: Float64Array, power: float = 0.8, level: float = 0.05) -> float | None:
    """Return how large a mean difference must be for the sign-flip test to find it with this power.

    From the spread of the differences, (groups,), and the power of the t test, noncentral t(G - 1), at the level
    that so few sign patterns leave: the largest multiple of 2 / 2^G up to `level`. None where there is none, so
    that no difference could be detected however large (five groups or fewer at 5 %), and where there is no spread.
    With six groups it is a little too small: in simulations the test detected it in 73 %, from seven on
    in 78 to 80 %.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    groups = len(differences)
    step = 2.0 ** (1 - min(groups, MAX_EXACT_GROUPS))
    attained = math.floor(level / step) * step
    if not attained or np.ptp(differences) < 1e-12:
        return None
    low, high = 0.0, 1.0
    while t_power(high, groups - 1, attained) < power:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        enough = t_power(middle, groups - 1, attained) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high * float(differences.std(ddof=1)) / math.sqrt(groups)


def _accuracy_parts(a: Counts, b: Counts) -> Float64Array:
    return np.asarray((_hits(a) - _hits(b)).sum(axis=1) / a.sum())


def _recall_parts(a: Counts, b: Counts) -> Float64Array:
    truths = a.sum(axis=(0, 2))
    there = truths > 0
    return np.asarray(((_hits(a) - _hits(b))[:, there] / truths[there]).mean(axis=1))


def _f1_parts(a: Counts, b: Counts) -> Float64Array:
    there = a.sum(axis=(0, 2)) > 0
    hits_a, hits_b = _hits(a)[:, there], _hits(b)[:, there]
    sizes_a, sizes_b = (counts.sum(axis=1)[:, there] + counts.sum(axis=2)[:, there] for counts in (a, b))
    more_hits, more_size = hits_a - hits_b, sizes_a - sizes_b
    hits, sizes = (hits_a + hits_b).sum(axis=0), (sizes_a + sizes_b).sum(axis=0)
    product = sizes_a.sum(axis=0) * sizes_b.sum(axis=0)
    # F1 is 2 T / S: the 2 cancels with that of the identity.
    return np.asarray(((more_hits * sizes - hits * more_size) / product).mean(axis=1))


_PARTS: dict[MetricName, Callable[[Counts, Counts], Float64Array]] = {
    "wa": _accuracy_parts,
    "ua": _recall_parts,
    "macro_f1": _f1_parts,
}


def _hits(counts: Counts) -> Counts:
    """Return the correct predictions, (groups, labels), of (groups, labels, labels)."""
    return np.diagonal(counts, axis1=1, axis2=2)


def _signed_sums(values: Float64Array) -> Float64Array:
    """Return the sums of values under all patterns of signs: (2^n,)."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _drawn_beyond(differences: Float64Array, least: float, draws: int, seed: int, chunk: int = 4096) -> int:
    generator = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, draws, chunk):
        signs = generator.integers(0, 2, size=(min(chunk, draws - start), len(differences))) * 2 - 1
        beyond += int((np.abs(signs @ differences) >= least).sum())
    return beyond
