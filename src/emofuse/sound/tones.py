"""Telephone tones and music on hold, separated from voices by their spectrum.

A tone is one or two steady frequencies and nothing else. Music is sound whose partials
stay at one frequency: voices glide, hardly a quarter of their energy stays so for a third of a second. A voice
has a pitch; sneezes, barks and saws hardly have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emofuse.sound.clips import SAMPLE_RATE, resampled
from emofuse.types import ExcludedSpan
from emofuse.types.arrays import Float32Array, Samples

# All of it happens in the band of the telephone.
RATE = 8000
# Below so much (dB of full scale) nothing is looked for.
QUIET = -50.0
TONE, MUSIC = "a tone", "music"
# A turn is a voice if its most probable frames, so many, have this probability of speech on average ...
MOST_PROBABLE_FRAMES, SPEECH_PROBABILITY = 8, 0.8
# ... or so many frames, no further below the loudest, repeat themselves so well (docs/log.md).
PITCHED_FRAMES, LOUD_RANGE_DECIBELS, PITCHED = 6, 25.0, 0.8

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ToneRules:
    """What is called a tone.

    Attributes:
        lowest: Hz; tones of telephones lie above, most voices below.
        share: of the energy, in the two strongest peaks.
        drift: Hz by which their mean may move.
        seconds: how long it holds, at least.
        digit_seconds: shortest tone where the two peaks are those of a key of the telephone.
    """

    lowest: float = 330.0
    share: float = 0.93
    drift: float = 12.0
    seconds: float = 0.3
    digit_seconds: float = 0.06


@dataclass(frozen=True)
class MusicRules:
    """What is called music.

    Attributes:
        window: seconds that are looked at together.
        seconds: how long it lasts, at least.
        share: of the energy of a window that stays in its place; a voice as loud as music lowers it.
        steady: the same share in each of three quarters of its frames; of a voice over music, only in its pauses.
        edge: the same share as a mean over the seconds at the ends of music.
    """

    window: float = 3.0
    seconds: float = 2.6
    share: float = 0.55
    steady: float = 0.45
    edge: float = 0.36


def find_tones_and_music(
    blocks: Iterable[Samples],
    rate: int = SAMPLE_RATE,
    tone: ToneRules = ToneRules(),
    music: MusicRules = MusicRules(),
) -> list[ExcludedSpan]:
    """Find tones and music in a mono recording, in order of their start.

    Memory: a few numbers for each hundredth of a second.
    """
    peaks, partials = _Peaks(tone), _Partials()
    for block in resampled(blocks, rate, RATE):
        peaks.add(block)
        partials.add(block)
    tones = [ExcludedSpan(start, end, TONE) for start, end in peaks.spans(tone)]
    plays = [ExcludedSpan(start, end, MUSIC) for start, end in partials.spans(music)]
    plays = [span for span in plays if not _covered(span, tones)]
    return sorted([*tones, *plays], key=lambda span: (span.start, span.end))


def is_voice(levels: Sequence[float], evidence: Sequence[tuple[float, float]]) -> bool:
    """Tell whether a turn is a voice: some of it is most probably speech, or it has a pitch for long enough.

    Args:
        levels: of its frames of 32 ms, in dB.
        evidence: of the same frames: the probability of speech, and how well they repeat themselves, from 0 to 1.
    """
    likeliest = sorted(probability for probability, _ in evidence)[-MOST_PROBABLE_FRAMES:]
    if sum(likeliest) >= SPEECH_PROBABILITY * len(likeliest):
        return True
    loud = max(levels) - LOUD_RANGE_DECIBELS
    frames = zip(levels, evidence, strict=True)
    return sum(level >= loud and pitched > PITCHED for level, (_, pitched) in frames) >= PITCHED_FRAMES


class _Spectra:
    """Power spectra of overlapping frames of a stream; a full-scale sine has power 0.5 in all."""

    def __init__(self, length: int, hop: int) -> None:
        self.length, self.hop = length, hop
        self._window = np.hanning(length).astype(np.float32)
        self._held = np.zeros(0, dtype=np.float32)
        self.hertz = np.fft.rfftfreq(length, 1 / RATE).astype(np.float32)

    def of(self, block: Samples) -> Float32Array:
        """Return the spectra, (frames, bins), that a block completes."""
        pending = np.concatenate([self._held, block])
        frames = max(0, (len(pending) - self.length) // self.hop + 1)
        self._held = pending[frames * self.hop :]
        if not frames:
            return np.zeros((0, len(self.hertz)), dtype=np.float32)
        cut = np.lib.stride_tricks.sliding_window_view(pending, self.length)[:: self.hop][:frames]
        power = np.square(np.abs(np.fft.rfft(cut * self._window)))
        scaled: Float32Array = (power * (2.0 / self.length / np.square(self._window).sum())).astype(np.float32)
        return scaled

    def seconds(self, first: int, after: int) -> tuple[float, float]:
        """Return when frames from `first` to before `after` begin and end."""
        return first * self.hop / RATE, ((after - 1) * self.hop + self.length) / RATE


class _Peaks:
    """The two strongest peaks of each frame of 50 ms."""

    ROWS = (697.0, 770.0, 852.0, 941.0)
    COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
    REACH = 2  # bins of 20 Hz to either side: the width of a sine under this window

    def __init__(self, rules: ToneRules) -> None:
        self._spectra = _Spectra(length=400, hop=80)
        self._lowest = int(np.searchsorted(self._spectra.hertz, rules.lowest))
        self._rows: list[Float32Array] = []

    def add(self, block: Samples) -> None:
        """Keep level, share and frequencies of the peaks of the frames in a block."""
        power = self._spectra.of(block)
        power[:, : 100 // 20] = 0.0  # hum and rumble
        total = power.sum(axis=1) + np.float32(1e-12)
        first, first_hertz = self._strongest(power)
        second, second_hertz = self._strongest(power)
        mean = (first * first_hertz + second * second_hertz) / (first + second + np.float32(1e-12))
        low, high = np.minimum(first_hertz, second_hertz), np.maximum(first_hertz, second_hertz)
        weaker = np.minimum(first, second) / total
        self._rows.append(np.stack([total, (first + second) / total, mean, low, high, weaker], axis=1))

    def spans(self, rules: ToneRules) -> Iterator[tuple[float, float]]:
        """Yield start and end of each tone."""
        total, share, mean, low, high, weaker = np.concatenate([*self._rows, np.zeros((0, 6), np.float32)]).T
        pure = (share >= rules.share) & (10 * np.log10(total + 1e-12) > QUIET)
        digit = pure & (weaker > 0.1) & _near(low, self.ROWS) & _near(high, self.COLUMNS)
        for first, after in _runs(pure):
            for start, stop in _steady(mean, first, after, rules.drift):
                begins, ends = self._spectra.seconds(start, stop)
                least = rules.digit_seconds if digit[start:stop].mean() > 0.8 else rules.seconds
                if (stop - start) * self._spectra.hop / RATE >= least:
                    yield begins, ends

    def _strongest(self, power: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Return energy and mean frequency of each frame's strongest peak, and take it out of the frame."""
        places = power[:, self._lowest :].argmax(axis=1) + self._lowest
        around = places[:, None] + np.arange(-self.REACH, self.REACH + 1)
        around = np.clip(around, 0, power.shape[1] - 1)
        rows = np.arange(len(power))[:, None]
        peak_power = power[rows, around]
        power[rows, around] = 0.0
        energy = peak_power.sum(axis=1)
        hertz = (peak_power * self._spectra.hertz[around]).sum(axis=1) / (energy + np.float32(1e-12))
        return energy, hertz.astype(np.float32)


class _Partials:
    """How much of the energy of each frame of 128 ms stays where it is in the spectrum."""

    HOLD = 10  # frames of 32 ms: a partial must be steady for so long

    def __init__(self) -> None:
        self._spectra = _Spectra(length=1024, hop=256)
        self._lowest = int(np.searchsorted(self._spectra.hertz, 150.0))  # hum of the mains lies below
        bins = len(self._spectra.hertz) - self._lowest
        self._recent = np.zeros((self.HOLD - 1, bins), dtype=np.float32)
        self._rows: list[Float32Array] = []

    def add(self, block: Samples) -> None:
        """Keep level and share of the frames before the last few, whose future is not known yet."""
        self._keep(self._spectra.of(block)[:, self._lowest :])

    def spans(self, rules: MusicRules) -> Iterator[tuple[float, float]]:
        """Yield start and end of each span of music."""
        self._keep(np.zeros_like(self._recent[: self.HOLD - 1]))
        total, share = np.concatenate([*self._rows, np.zeros((0, 2), np.float32)]).T
        if not len(share):
            return
        per_second = RATE / self._spectra.hop
        width, step = round(rules.window * per_second), round(per_second / 2)
        plays = np.zeros(len(share), dtype=bool)
        for first in range(0, len(share) - width + 1, step):
            window = slice(first, first + width)
            level = 10 * np.log10(total[window].mean() + 1e-12)
            whole = (total[window] * share[window]).sum() / (total[window].sum() + 1e-12)
            frames = np.percentile(share[window], 25)
            plays[window] |= bool(level > QUIET and whole >= rules.share and frames >= rules.steady)
        local = np.convolve(share, np.ones(round(per_second)) / round(per_second), mode="same")[: len(share)]
        for first, after in _runs(plays & (local >= rules.edge)):
            if after - first >= rules.seconds * per_second:
                yield self._spectra.seconds(first, after)

    def _keep(self, power: Float32Array) -> None:
        known = np.concatenate([self._recent, power])
        ready = len(known) - 2 * (self.HOLD - 1)
        if ready > 0:
            still = _slid(_slid(known, self.HOLD, np.minimum), self.HOLD, np.maximum)
            total = known[self.HOLD - 1 : self.HOLD - 1 + ready].sum(axis=1)
            self._rows.append(np.stack([total, still.sum(axis=1) / (total + np.float32(1e-12))], axis=1))
            known = known[ready:]
        self._recent = known


def _slid(rows: Float32Array, width: int, smaller_or_larger: np.ufunc) -> Float32Array:
    """Return the smallest, or largest, of each `width` rows in sequence; doubling the reach saves most steps."""
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        rows = smaller_or_larger(rows[:-step], rows[step:])
        reach += step
    return rows


def _near(hertz: Float32Array, targets: tuple[float, ...]) -> Bools:
    return np.asarray(np.any([np.abs(hertz - tone) < 0.02 * tone for tone in targets], axis=0), dtype=bool)


def _runs(flags: Bools) -> Iterator[tuple[int, int]]:
    """Yield first and one after last of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _steady(values: Float32Array, first: int, after: int, reach: float) -> Iterator[tuple[int, int]]:
    """Cut a run into parts within which a value stays within `reach`."""
    begin = first
    low = high = float(values[first])
    for place in range(first + 1, after):
        value = float(values[place])
        low, high = min(low, value), max(high, value)
        if high - low > reach:
            yield begin, place
            begin, low, high = place, value, value
    yield begin, after


def _covered(span: ExcludedSpan, others: Iterable[ExcludedSpan]) -> bool:
    """Return whether others, which do not overlap, cover most of a span."""
    common = sum(max(0.0, min(span.end, other.end) - max(span.start, other.start)) for other in others)
    return common > 0.5 * (span.end - span.start)
