"""Altered copies of recordings, for training: each a mixture of what `conditions` offers, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from emofuse.config import AlterRecipe
from emofuse.errors import RecipeError
from emofuse.sound.clips import AUDIO_SUFFIXES, SAMPLE_RATE, Clip, read_clip
from emofuse.sound.conditions import (
    TELEPHONE_BAND,
    companded,
    faster,
    in_room,
    limited,
    noisy,
    opus,
    quieter,
)
from emofuse.sound.features import root_mean_square, to_level, trim_silence

Range: TypeAlias = tuple[float, float]

# While it is altered a clip has this root mean square, 26 dB below full scale: peaks of speech are below it too.
WORKING_LEVEL = 0.05
# Noise recordings are often filled up with zeros: what is so far below their loudest frame is cut off.
NOISE_DECIBELS = 60.0


@dataclass(frozen=True)
class Alterations:
    """How often a copy is altered in which way, as shares of copies, and within which limits.

    Attributes:
        speed: played faster or slower, by a factor in `speeds`; the pitch moves with it.
        room: with the reverberation of one of `rooms`.
        noise: in noise `snrs` dB below the voice, one of `noises`; white noise for the share `white`, or where
            `noises` is empty.
        low_pass: nothing above a frequency within `cutoffs`, in Hz.
        telephone: nothing outside 300-3400 Hz.
        mu_law: companded to 8 bits at 8 kHz.
        opus: coded at a rate within `kilobits` (a second); of these four a copy has one at most.
        gain: made quieter by `gains` dB (louder would be clipped).
    """

    speed: float = 0.85
    room: float = 0.2
    noise: float = 0.4
    low_pass: float = 0.2
    telephone: float = 0.1
    mu_law: float = 0.1
    opus: float = 0.35
    gain: float = 0.5
    white: float = 0.4
    speeds: Range = (0.88, 1.13)
    snrs: Range = (5.0, 30.0)
    cutoffs: Range = (3200.0, 7200.0)
    kilobits: Range = (8.5, 31.0)
    gains: Range = (0.0, 20.0)
    noises: tuple[Clip, ...] = field(default=(), repr=False, compare=False)
    rooms: tuple[Clip, ...] = field(default=(), repr=False, compare=False)


def load_alterations(recipe: AlterRecipe, rate: int = SAMPLE_RATE) -> Alterations:
    """Return the augmentation of a recipe, with the noises and rooms of its folders read into memory.

    Raises:
        RecipeError: a folder has no recordings.
        AudioError: a recording cannot be used.
    """
    noises = _recordings(recipe.noises, "noises", rate)
    return Alterations(
        speed=recipe.speed,
        room=recipe.room,
        noise=recipe.noise,
        low_pass=recipe.low_pass,
        telephone=recipe.telephone,
        mu_law=recipe.mu_law,
        opus=recipe.opus,
        gain=recipe.gain,
        noises=tuple(Clip(trim_silence(n.samples, rate, NOISE_DECIBELS, 0.0), rate) for n in noises),
        rooms=_recordings(recipe.rooms, "rooms", rate),
    )


def alter(clip: Clip, how: Alterations, rng: np.random.Generator) -> Clip:
    """Return an altered copy of a clip, at its rate; it has the length of the clip unless its speed is changed."""
    loudness = root_mean_square(clip.samples)
    altered = Clip(to_level(clip.samples, WORKING_LEVEL), clip.rate)
    if rng.random() < how.speed:
        altered = faster(altered, rng.uniform(*how.speeds))
    if rng.random() < how.room and how.rooms:
        altered = in_room(altered, how.rooms[int(rng.integers(len(how.rooms)))])
    if rng.random() < how.noise:
        altered = noisy(altered, _some_noise(how, clip.rate, rng), rng.uniform(*how.snrs), rng)
    altered = _over_some_line(altered, how, rng)
    if rng.random() < how.gain:
        altered = quieter(altered, rng.uniform(*how.gains))
    samples = altered.samples.astype(np.float64) * (loudness / WORKING_LEVEL)
    return Clip(np.clip(samples, -1.0, 1.0).astype(np.float32), clip.rate)


def _over_some_line(clip: Clip, how: Alterations, rng: np.random.Generator) -> Clip:
    """Send a clip over one of the four lines, or none."""
    shares = np.cumsum([how.low_pass, how.telephone, how.mu_law, how.opus])
    match int(np.searchsorted(shares, rng.random(), side="right")):
        case 0:
            return limited(clip, 0.0, rng.uniform(*how.cutoffs))
        case 1:
            return limited(clip, *TELEPHONE_BAND)
        case 2:
            return companded(clip)
        case 3:
            return opus(clip, rng.uniform(*how.kilobits))
        case _:
            return clip


def _some_noise(how: Alterations, rate: int, rng: np.random.Generator) -> Clip:
    if how.noises and rng.random() >= how.white:
        return how.noises[int(rng.integers(len(how.noises)))]
    return Clip(rng.standard_normal(rate, dtype=np.float32), rate)


def _recordings(folder: str | None, key: str, rate: int) -> tuple[Clip, ...]:
    """Read the recordings below a folder, in the order of their paths."""
    if folder is None:
        return ()
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not paths:
        raise RecipeError(f"audio.alter.{key}: {folder} has no recordings; give a folder of audio files")
    return tuple(read_clip(path, rate=rate) for path in paths)
