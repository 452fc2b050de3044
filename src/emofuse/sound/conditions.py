"""What may happen to a voice on its way: another speed, a room, noise, a filter, a line; one function for each.

All of them keep the delay, silence and samples in [-1, 1]; all but the speed keep the length.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emofuse.sound.clips import SAMPLE_RATE, Clip
from emofuse.sound.features import root_mean_square, to_level
from emofuse.types.arrays import Float64Array, Samples

TELEPHONE_BAND, TELEPHONE_RATE = (300.0, 3400.0), 8000
# Mu-law keeps a voice that comes in at this root mean square, well below its full scale.
MU_LAW_LEVEL, MU, MU_LAW_STEPS = 0.15, 255.0, 127.0
ROOM_SECONDS = 0.4
# A filter goes from everything to nothing between a cut-off and this many times it (or, below a band, its part).
EDGE = 1.15
OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
# What libsndfile makes of `compression_level`, in kbit/s a channel: 1 is the lowest, 0 the highest.
OPUS_LOWEST, OPUS_HIGHEST = 6.0, 256.0


def faster(clip: Clip, factor: float) -> Clip:
    """Play a clip so many times as fast; its pitch moves with it."""
    samples = soxr.resample(clip.samples, clip.rate * factor, clip.rate)
    return _within(samples, clip.rate) if len(samples) else clip


def in_room(clip: Clip, room: Clip) -> Clip:
    """Add the reverberation of a room at the level of the clip; 0.4 s of the response count, from its peak.

    The response may have another rate than the clip; it is resampled.
    """
    response = _at_rate(room, clip.rate)
    response = response[int(np.argmax(np.abs(response))) :][: round(ROOM_SECONDS * clip.rate)]
    size = _fft_size(len(clip.samples) + len(response))
    product = np.fft.rfft(clip.samples, size) * np.fft.rfft(response, size)
    reverberant = np.fft.irfft(product, size)[: len(clip.samples)].astype(np.float32)
    return _within(to_level(reverberant, root_mean_square(clip.samples)), clip.rate)


def noisy(clip: Clip, noise: Clip, snr: float, rng: np.random.Generator) -> Clip:
    """Add a random part of a noise recording, `snr` dB below the clip; both by their mean power.

    The noise may have another rate than the clip; it is resampled.
    """
    samples, source = clip.samples, _at_rate(noise, clip.rate)
    source = np.tile(source, -(-len(samples) // len(source)))
    start = int(rng.integers(len(source) - len(samples) + 1))
    part = source[start : start + len(samples)]
    if not part.any():  # the part of the noise is silent: take it from the loudest moment
        part = np.roll(source, -int(np.argmax(np.abs(source))))[: len(samples)]
    return _within(samples + to_level(part, root_mean_square(samples) * _gain(-snr)), clip.rate)


def limited(clip: Clip, low: float, high: float) -> Clip:
    """Keep what lies between two frequencies, in Hz, without a delay; outside, nothing is left beyond an edge."""
    # What rings at one end must not come round to the other.
    size = _fft_size(len(clip.samples) + clip.rate // 10)
    hertz = np.linspace(0.0, clip.rate / 2, size // 2 + 1)
    kept = _rising(hertz, low / EDGE, low) * (1.0 - _rising(hertz, high, high * EDGE))
    spectrum = np.fft.rfft(clip.samples, size) * kept.astype(np.float32)
    return _within(np.fft.irfft(spectrum, size)[: len(clip.samples)], clip.rate)


def companded(clip: Clip) -> Clip:
    """Send a clip through 8-bit mu-law at 8 kHz (ITU-T G.711), as loud as a line takes it."""

    def line(samples: Samples) -> Samples:
        loudness = root_mean_square(samples)
        scaled = np.clip(to_level(samples, MU_LAW_LEVEL), -1.0, 1.0).astype(np.float64)
        codes = np.round(np.log1p(MU * np.abs(scaled)) / np.log1p(MU) * MU_LAW_STEPS) / MU_LAW_STEPS
        decoded = np.sign(scaled) * np.expm1(codes * np.log1p(MU)) / MU
        return np.asarray(decoded * (loudness / MU_LAW_LEVEL), dtype=np.float32)

    return _over(clip, TELEPHONE_RATE, line)


def telephone(clip: Clip) -> Clip:
    """Send a clip over a telephone line: 300-3400 Hz, then mu-law at 8 kHz."""
    return companded(limited(clip, *TELEPHONE_BAND))


def opus(clip: Clip, kilobits: float = 8.0) -> Clip:
    """Code a clip with Opus and decode it again.

    Args:
        clip: at any rate; rates that Opus lacks are converted to 16 kHz and back.
        kilobits: bit rate in kbit/s that the encoder aims at, at least 6. The real rate varies: 20 s of German
            speech at 16 kHz came to 6.7 for 6, 8.6 for 8, 11.5 for 11, 18.8 for 18.5 and 30.7 for 31, with the
            pages of the Ogg file; at 7.25 the file itself has 7.9.
    """
    rate = clip.rate if clip.rate in OPUS_RATES else SAMPLE_RATE
    compression = 1.0 - (kilobits - OPUS_LOWEST) / (OPUS_HIGHEST - OPUS_LOWEST)

    def line(samples: Samples) -> Samples:
        file = io.BytesIO()
        level = min(1.0, max(0.0, compression))
        soundfile.write(file, samples, rate, format="OGG", subtype="OPUS", compression_level=level)
        file.seek(0)
        return np.asarray(soundfile.read(file, dtype="float32")[0])

    return _over(clip, rate, line)


def quieter(clip: Clip, decibels: float) -> Clip:
    """Make a clip quieter."""
    return _within(clip.samples * np.float32(_gain(-decibels)), clip.rate)


def _over(clip: Clip, rate: int, line: Callable[[Samples], Samples]) -> Clip:
    """Apply a codec that works at its own rate; silent clips are returned as they are."""
    if not clip.samples.any():
        return clip
    sent = line(_at_rate(clip, rate))
    received = _at_rate(Clip(sent, rate), clip.rate)[: len(clip.samples)]
    return _within(np.pad(received, (0, len(clip.samples) - len(received))), clip.rate)


def _at_rate(clip: Clip, rate: int) -> Samples:
    return clip.samples if clip.rate == rate else np.asarray(soxr.resample(clip.samples, clip.rate, rate))


def _within(samples: npt.NDArray[np.floating[Any]], rate: int) -> Clip:
    """Return samples as a clip, clipped as a recorder would."""
    return Clip(np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False), rate)


def _rising(hertz: Float64Array, low: float, high: float) -> Float64Array:
    """Return half a cosine that rises from 0 at one frequency to 1 at another."""
    if high <= 0.0:
        return np.ones_like(hertz)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip((hertz - low) / (high - low), 0.0, 1.0)))


def _gain(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _fft_size(length: int) -> int:
    return 1 << (length - 1).bit_length()
