"""Log-mel filter banks in numpy: what an encoder hears when it does not take the waveform itself."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.010
# Added to the power before the logarithm: about -100 dB below full scale.
FLOOR = 1e-10


def log_mel(samples: Floats, rate: int, bins: int) -> Floats:
    """Turn samples into log-mel frames, (frames, bins), one every 10 ms from windows of 25 ms.

    A clip shorter than one window is padded with zeros to one. Hann window, power spectrum, triangular
    filters on the HTK mel scale between 20 Hz and half the rate, natural logarithm.
    """
    window, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    size = 1 << (window - 1).bit_length()
    spectrum = np.fft.rfft(frames * np.hanning(window).astype(np.float32), n=size).astype(np.complex64)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(power @ mel_filters(rate, size, bins) + np.float32(FLOOR), dtype=np.float32)


@lru_cache(maxsize=8)
def mel_filters(rate: int, size: int, bins: int, lowest: float = 20.0) -> Floats:
    """Return triangular filters, (size // 2 + 1, bins), of unit height, equally spaced in mel."""
    edges = _hertz(np.linspace(_mel(lowest), _mel(rate / 2), bins + 2))
    frequencies = np.linspace(0, rate / 2, size // 2 + 1)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    filters.setflags(write=False)
    return filters


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
