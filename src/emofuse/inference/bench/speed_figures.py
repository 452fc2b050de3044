"""The figures of a benchmark: from the results of the systems to the printed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from emofuse.inference.bench.systems import ChunkResult, SystemName
from emofuse.types import schemas

REFERENCE: Final = "transformers single"
# "A / B" is how many times as fast A is as B.
RATIOS: tuple[tuple[SystemName, SystemName], ...] = (
    ("onnx float32", REFERENCE),
    ("onnx int8", REFERENCE),
    ("onnx int8", "transformers batch"),
    ("torch", REFERENCE),
)
# The results of each system, as [round][chunk].
ChunkResults = Mapping[SystemName, Sequence[Sequence[ChunkResult]]]


@dataclass(frozen=True)
class Lengths:
    """Seconds of sound of what was run."""

    total: float
    mean: float
    shortest: float
    longest: float


@dataclass(frozen=True)
class Scope:
    """The conditions under which the figures were measured.

    Attributes:
        cpu: its name, as the operating system reports it.
        cores: processors that this process may use.
        threads: how many computed at once.
        versions: of what was compared.
        model: in a few words.
        parameters: number of parameters.
        utterances: how many were run, in chunks of `chunk`.
        seconds: their lengths.
        seed: of lengths, noise and random weights.
        rounds: how often each was run.
        chunk: utterances that were timed together, and the rows of a batch.
        timed: what the measured time includes.
        gflop: 10^9 operations that the utterances take one by one; a multiply-add counts as two.
        peak_gflops: 10^9 operations a second of float32 matrix products with as many threads, by torch or by ONNX
            Runtime, whichever was faster.
        labels_told: how many different labels the reference predicted; where it is 1, agreement means little.
    """

    cpu: str
    cores: int
    threads: int
    versions: dict[str, str]
    model: str
    parameters: int
    utterances: int
    seconds: Lengths
    seed: int
    rounds: int
    chunk: int
    timed: str
    gflop: float
    peak_gflops: float
    labels_told: int


@dataclass(frozen=True)
class Row:
    """The figures of one system.

    Attributes:
        system: its name.
        real_time_factor: seconds of sound per second of work, higher is faster; of each chunk the median round.
        utterances_per_second: likewise.
        peak_rss_mb: the most memory that its process used, loading included, in MB of 2^20 bytes.
        label_agreement: share of utterances with the same most probable label as the reference.
        share_of_peak: operations that the utterances need one by one, per second of work, over the machine's peak.
            The peak is that of float32 products: int8 may exceed what float32 can, and 1. Work on padding does not
            count.
    """

    system: SystemName
    real_time_factor: float
    utterances_per_second: float
    peak_rss_mb: float
    label_agreement: float
    share_of_peak: float


@dataclass(frozen=True)
class Report:
    """All that was measured; `ratios` are of speed, "A / B" -> how many times as fast A is."""

    scope: Scope
    rows: tuple[Row, ...]
    ratios: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return what `emofuse bench --json` prints."""
        return {"schema": schemas.BENCH} | asdict(self)


def ratio(fast: Sequence[Sequence[float]], slow: Sequence[Sequence[float]]) -> float:
    """Return how many times as fast one system is as another: the median over pairs of times taken side by side.

    Args:
        fast: seconds of one, as [round][chunk].
        slow: seconds of the other.

    >>> ratio([[1.0, 2.0, 1.0]], [[2.0, 6.0, 100.0]])
    3.0
    """
    pairs = [pair for ours, theirs in zip(fast, slow, strict=True) for pair in zip(ours, theirs, strict=True)]
    return median(theirs / ours for ours, theirs in pairs)


def typical_seconds(times: Sequence[Sequence[float]]) -> float:
    """Return what all chunks take together, each in its median round; times are [round][chunk].

    >>> typical_seconds([[1.0, 5.0], [2.0, 5.0], [99.0, 4.0]])
    7.0
    """
    return float(sum(median(chunk) for chunk in zip(*times, strict=True)))


def in_rounds(results: Sequence[ChunkResult], chunks: int) -> list[list[ChunkResult]]:
    """Cut the results of all rounds, in their order, into rounds of so many chunks."""
    return [list(results[start : start + chunks]) for start in range(0, len(results), chunks)]


def ratios_of(results: ChunkResults) -> dict[str, float]:
    """Return how many times as fast systems are as others."""
    times = {name: seconds_of(rounds) for name, rounds in results.items()}
    return {f"{fast} / {slow}": ratio(times[fast], times[slow]) for fast, slow in RATIOS}


def seconds_of(rounds: Sequence[Sequence[ChunkResult]]) -> list[list[float]]:
    """Return the seconds of results."""
    return [[result.seconds for result in chunks] for chunks in rounds]


def row_of(name: SystemName, results: ChunkResults, sound: float, shortest: float) -> Row:
    """Return the figures of a system.

    Args:
        name: of the system.
        results: of all systems.
        sound: seconds of it.
        shortest: seconds that the work would take at the machine's peak.
    """
    work = typical_seconds(seconds_of(results[name]))
    labels, expected = labels_of(results[name]), labels_of(results[REFERENCE])
    return Row(
        system=name,
        real_time_factor=sound / work,
        utterances_per_second=len(labels) / work,
        peak_rss_mb=max(result.peak_rss_mb for chunks in results[name] for result in chunks),
        label_agreement=sum(a == b for a, b in zip(labels, expected, strict=True)) / len(labels),
        share_of_peak=shortest / work,
    )


def labels_of(rounds: Sequence[Sequence[ChunkResult]]) -> list[int]:
    """Return the labels of each utterance, in the first round."""
    return [label for result in rounds[0] for label in result.labels]
