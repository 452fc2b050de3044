"""The samples of a clip as an encoder takes them: silence trimmed, brought to a level, turned into filter banks.

Silence and level carry no emotion. There are three kinds of filter banks: our own log-mel, Whisper's, and the
stacked Kaldi-like banks of w2v-BERT 2.0. The latter two follow the feature extractors of `transformers`, and the
tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from emofuse.types.arrays import Float32Array, Float64Array, Samples

AudioFeatures = Literal["waveform", "log-mel", "whisper-log-mel", "stacked-filterbank"]
FilterBank = Callable[[Float32Array, int, int], Float32Array]

WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.010
# Added to the power before the logarithm, so that digital silence is not far below a quiet room.
FLOOR = 1e-6
WHISPER_FLOOR = 1e-10
# Whisper takes windows of 30 s, floored 8 (log10 of power) below the loudest value in each.
WHISPER_SECONDS = 30
WHISPER_RANGE = 8.0
# Kaldi's sample values are 16-bit integers; its floor is the smallest step of a float beside 1.
KALDI_SCALE = 2.0**15
KALDI_FLOOR = float(np.finfo(np.float32).eps)
KALDI_PREEMPHASIS = 0.97
STACKED_FRAMES = 2


@dataclass(frozen=True)
class Bank:
    """A filter bank, and how many of its frames, of 10 ms, are put side by side into one."""

    compute: FilterBank
    stacked: int = 1


def trim_silence(samples: Samples, rate: int, decibels: float = 35.0, margin: float = 0.05) -> Samples:
    """Cut the silence before and after speech; a silent or very short clip stays whole.

    See `spoken_span` for the arguments.
    """
    first, last = spoken_span(samples, rate, decibels, margin)
    return samples[first:last]


def spoken_span(samples: Samples, rate: int, decibels: float = 35.0, margin: float = 0.05) -> tuple[int, int]:
    """Return where speech begins and ends, in samples; the whole clip where it is silent.

    Args:
        samples: (samples,).
        rate: samples per second.
        decibels: a frame of 25 ms is silent where its power is more than this below that of the loudest frame.
        margin: seconds of the silence that stay at either end.
    """
    window, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    starts = np.arange(0, max(1, len(samples) - window + hop), hop)
    # The energy of each frame, the last of which may be shorter: the difference of two running sums.
    running = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    energies = running[np.minimum(starts + window, len(samples))] - running[starts]
    if not energies.any():
        return 0, len(samples)
    loud = np.flatnonzero(energies >= energies.max() * 10.0 ** (-decibels / 10.0))
    kept = round(margin * rate)
    first, last = int(starts[loud[0]]), int(starts[loud[-1]])
    return max(0, first - kept), min(len(samples), last + window + kept)


def to_level(samples: Samples, rms: float) -> Samples:
    """Bring samples to a root mean square, 1 being full scale; digital silence stays as it is."""
    loudness = root_mean_square(samples)
    if not loudness:
        return samples
    return np.asarray(samples.astype(np.float64) * (rms / loudness), dtype=np.float32)


def root_mean_square(samples: Samples) -> float:
    """Return how loud samples are, 1 being full scale; 0 for none at all."""
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if len(samples) else 0.0


def log_mel(samples: Float32Array, rate: int, bins: int) -> Float32Array:
    """Turn samples into log-mel frames, (frames, bins), one every 10 ms from windows of 25 ms.

    A clip shorter than one window is padded with zeros to one. Hann window, power spectrum, triangular
    filters on the HTK mel scale between 20 Hz and half the rate, natural logarithm.
    """
    frames = _frames(samples, rate)
    window = np.hanning(frames.shape[1]).astype(np.float32)
    power = _power(frames * window, _fft_size(frames.shape[1]))
    return np.log(
        power @ mel_filters(rate, _fft_size(frames.shape[1]), bins) + np.float32(FLOOR), dtype=np.float32
    )


def whisper_log_mel(
    samples: Float32Array, rate: int, bins: int, window_seconds: int = WHISPER_SECONDS
) -> Float32Array:
    """Turn samples into Whisper's log-mel frames, (frames, bins), one every 10 ms, each window by itself.

    What follows the last frame of a window is silence, which the encoder puts back: it is a constant below the
    loudest value. Source: Radford et al. (2022), section 2.2, and `WhisperFeatureExtractor`.
    """
    longest = window_seconds * rate
    windows = [samples[start : start + longest] for start in range(0, max(1, len(samples)), longest)]
    return np.concatenate([_whisper_window(window, rate, bins, longest) for window in windows])


def stacked_filterbank(samples: Float32Array, rate: int, bins: int) -> Float32Array:
    """Turn samples into pairs of Kaldi-like frames, (frames, 2 * bins), one every 20 ms, for w2v-BERT 2.0.

    Each bin has mean 0 and variance 1 over the utterance. Source: `SeamlessM4TFeatureExtractor`.
    """
    shortest = round((WINDOW_SECONDS + (STACKED_FRAMES - 1) * HOP_SECONDS) * rate)
    padded = np.pad(samples, (0, max(0, shortest - len(samples))))
    frames = _frames(padded, rate).astype(np.float64) * KALDI_SCALE
    frames = frames - frames.mean(axis=1, keepdims=True)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = np.hanning(frames.shape[1]) ** 0.85  # Povey's window
    power = _power((frames - KALDI_PREEMPHASIS * previous) * window, _fft_size(frames.shape[1]))
    banks = np.log(np.maximum(power @ kaldi_filters(rate, _fft_size(frames.shape[1]), bins), KALDI_FLOOR))
    banks = (banks - banks.mean(axis=0)) / np.sqrt(banks.var(axis=0, ddof=1) + 1e-7)
    pairs = len(banks) // STACKED_FRAMES
    return np.asarray(banks[: pairs * STACKED_FRAMES].reshape(pairs, STACKED_FRAMES * bins), dtype=np.float32)


@lru_cache(maxsize=8)
def mel_filters(rate: int, size: int, bins: int, lowest: float = 20.0) -> Float32Array:
    """Return triangular filters, (size // 2 + 1, bins), of unit height, equally spaced on the HTK mel scale."""
    edges = _htk_hertz(np.linspace(_htk_mel(lowest), _htk_mel(rate / 2), bins + 2))
    return _frozen(_triangles(np.linspace(0, rate / 2, size // 2 + 1), edges))


@lru_cache(maxsize=8)
def slaney_filters(rate: int, size: int, bins: int) -> Float32Array:
    """Return triangular filters, (size // 2 + 1, bins), of equal area, on Slaney's mel scale from 0 Hz."""
    edges = _slaney_hertz(np.linspace(0.0, _slaney_mel(rate / 2), bins + 2))
    triangles = _triangles(np.linspace(0, rate / 2, size // 2 + 1), edges)
    return _frozen(triangles * (2.0 / (edges[2:] - edges[:-2])))


@lru_cache(maxsize=8)
def kaldi_filters(rate: int, size: int, bins: int, lowest: float = 20.0) -> Float64Array:
    """Return Kaldi's filters, (size // 2 + 1, bins): triangles on the mel scale itself, not in hertz."""
    first, last = _kaldi_mel(np.array([lowest, rate / 2]))
    edges = np.linspace(float(first), float(last), bins + 2)
    filters = _triangles(_kaldi_mel(np.linspace(0, rate / 2, size // 2 + 1)), edges)
    filters.setflags(write=False)
    return filters


FILTER_BANKS: dict[AudioFeatures, Bank] = {
    "log-mel": Bank(log_mel),
    "whisper-log-mel": Bank(whisper_log_mel),
    "stacked-filterbank": Bank(stacked_filterbank, STACKED_FRAMES),
}


def _whisper_window(samples: Float32Array, rate: int, bins: int, longest: int) -> Float32Array:
    """Return the frames of one window that hold any of its sound; windows are centred on their frame."""
    hop, size = round(HOP_SECONDS * rate), round(WINDOW_SECONDS * rate)
    count = min(longest // hop, -(-(len(samples) + size // 2) // hop))
    # Padded with silence to the whole window, and mirrored at both ends as a centred transform is.
    padded = np.pad(samples, (0, longest - len(samples)))
    mirrored = np.pad(padded, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, size)[::hop][:count]
    window = np.hanning(size + 1)[:-1].astype(np.float32)  # periodic
    power = _power(frames * window, size) @ slaney_filters(rate, size, bins)
    banks = np.log10(np.maximum(power, WHISPER_FLOOR))
    return np.asarray((np.maximum(banks, banks.max() - WHISPER_RANGE) + 4.0) / 4.0, dtype=np.float32)


def _frames(samples: Float32Array, rate: int) -> Float32Array:
    """Cut samples into overlapping windows, (frames, window); at least one."""
    window, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]


def _fft_size(window: int) -> int:
    return 1 << (window - 1).bit_length()


def _power(frames: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.floating]:
    """Return the power spectrum, (frames, size // 2 + 1), in the precision of the frames."""
    spectrum = np.fft.rfft(frames, n=size)
    return (spectrum.real**2 + spectrum.imag**2).astype(frames.dtype)


def _triangles(points: Float64Array, edges: Float64Array) -> Float64Array:
    rising = (points[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - points[:, None]) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def _frozen(filters: Float64Array) -> Float32Array:
    single = filters.astype(np.float32)
    single.setflags(write=False)
    return single


def _htk_mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _htk_hertz(mel: Float64Array) -> Float64Array:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def _kaldi_mel(hertz: Float64Array) -> Float64Array:
    return 1127.0 * np.log(1.0 + hertz / 700.0)


# Slaney's scale is linear up to 1000 Hz (15 mel) and logarithmic above.
_SLANEY_BREAK, _SLANEY_STEP = 1000.0, 27.0 / np.log(6.4)


def _slaney_mel(hertz: float) -> float:
    return float(3.0 * hertz / 200.0 if hertz < _SLANEY_BREAK else 15.0 + np.log(hertz / 1000.0) * _SLANEY_STEP)


def _slaney_hertz(mel: Float64Array) -> Float64Array:
    return np.where(mel < 15.0, 200.0 * mel / 3.0, 1000.0 * np.exp((mel - 15.0) / _SLANEY_STEP))
