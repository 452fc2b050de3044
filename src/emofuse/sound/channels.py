"""Recordings with a channel for each person: their names, whose may be analysed, and what is not their speech."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import soxr

from emofuse.errors import AudioError, RecipeError
from emofuse.sound.clips import decoded, open_recording
from emofuse.sound.recordings import Salvage
from emofuse.sound.streams import channels_of, mono_blocks
from emofuse.sound.tones import find_tones_and_music
from emofuse.types import ExcludedSpan
from emofuse.types.arrays import Float32Array, Samples

# Bleed is looked for in the band of the telephone, in windows that overlap by half.
RATE = 8000
WINDOW, HOP = 4000, 2000
# What bleeds is louder in its own channel by so many dB, and not quieter there than this (dB of full scale).
LOUDER, AUDIBLE = 9.0, -50.0
# Different voices correlate by 0.22 at most, over any delay that counts; a copy in silence by 0.6 or more.
ALIKE = 0.5
# How late or early a copy may be, in samples: 40 ms.
DELAY = 320
# How people at work are called in call centres.
EMPLOYEES = frozenset(
    {"adviser", "advisor", "agent", "assistant", "caseworker", "clerk", "colleague", "consultant", "employee"}
    | {"interviewer", "operator", "rep", "representative", "sales", "salesperson", "staff", "supervisor"}
    | {"support", "teller", "worker"}
)


def parse_channels(text: str) -> dict[str, int]:
    """Read "agent=0,customer=1": the name of each channel, and its number.

    Raises:
        RecipeError: it is written in another way, or a name or number stands there twice.
    """
    channels: dict[str, int] = {}
    for part in text.split(","):
        found = re.fullmatch(r"\s*([^=,]*[^=,\s])\s*=\s*([0-9]{1,4})\s*", part)
        if not found or not found[1].strip():
            raise RecipeError(
                f"--channels {text}: {part.strip()!r} is not NAME=NUMBER; write it like agent=0,customer=1"
            )
        name, number = found[1].strip(), int(found[2])
        if name in channels or number in channels.values():
            raise RecipeError(
                f"--channels {text}: {part.strip()!r} names a channel for the second time; name each once"
            )
        channels[name] = number
    return channels


def check_channels(path: Path, channels: Mapping[str, int]) -> None:
    """Refuse channels that a recording lacks.

    Raises:
        AudioError: it has fewer, or cannot be read.
    """
    count = channels_of(path)
    for name, number in channels.items():
        if not 0 <= number < count:
            last = "only channel 0" if count == 1 else f"channels 0 to {count - 1}"
            raise AudioError(f"{path}: there is no channel {number} for {name}, it has {last}; mend --channels")


def refuse_employee(name: str, allowed: bool) -> None:
    """Refuse to analyse a channel whose name is that of somebody at work, unless that was asked for.

    Args:
        name: of the channel.
        allowed: whether the user said that such a channel is to be analysed.

    Raises:
        RecipeError: it is an employee's channel, and its analysis was not allowed.
    """
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    if allowed or not any(word in EMPLOYEES or word.removesuffix("s") in EMPLOYEES for word in words):
        return
    raise RecipeError(
        f"channel {name}: in the EU, inferring emotions of people at their workplace is prohibited "
        "(Regulation (EU) 2024/1689, Article 5(1)(f)); leave this channel out, or say with --analyse-employee "
        "that it is lawful here"
    )


@dataclass(frozen=True)
class Call:
    """A recording with a channel for each person.

    Attributes:
        path: of the recording.
        channels: name -> number, from 0.
    """

    path: Path
    channels: Mapping[str, int] = field(hash=False)

    @cached_property
    def bleed(self) -> dict[str, list[ExcludedSpan]]:
        """The bleed of other channels into each channel; the recording is streamed for it once."""
        if len(self.channels) < 2:
            return {}
        check_channels(self.path, self.channels)
        return find_bleed(self.path, self.channels)

    def not_speech(self, name: str) -> list[ExcludedSpan]:
        """Find what in a channel is not the speech of its person: bleed of another channel, tones, music.

        Raises:
            AudioError: the recording cannot be read, or lacks a channel.
        """
        found = [*tones_and_music(self.path, self.channels[name]), *self.bleed.get(name, ())]
        return sorted(found, key=lambda span: (span.start, span.end))


def tones_and_music(path: Path, channel: int | None = None) -> list[ExcludedSpan]:
    """Find tones and music in a channel of a recording, in order; None takes the mean of all channels.

    A damaged recording is used as far as it decodes: whoever looks for speech in it refuses or reports that.

    Raises:
        AudioError: the recording cannot be read, or lacks the channel.
    """
    found = find_tones_and_music(mono_blocks(path, RATE, channel, Salvage()), RATE)
    return sorted(found, key=lambda span: (span.start, span.end))


def find_bleed(path: Path, channels: Mapping[str, int]) -> dict[str, list[ExcludedSpan]]:
    """Find, in each channel, where it is but a faint copy of a channel that is much louder then.

    A damaged recording is used as far as it decodes.

    Raises:
        AudioError: the recording cannot be read.
    """
    recording = open_recording(path, salvage=True)
    numbers = list(channels.values())
    blocks = (np.ascontiguousarray(block[:, numbers]) for block in decoded(recording, None, None, Salvage()))
    marks: dict[str, list[ExcludedSpan]] = {name: [] for name in channels}
    for place, window in enumerate(_windows(blocks, recording.rate, len(numbers))):
        start, end = place * HOP / RATE, (place * HOP + WINDOW) / RATE
        for name, source in _copies(window, list(channels)):
            _add(marks[name], ExcludedSpan(start, end, f"bleed from channel {source}, which is louder"))
    return marks


def _windows(blocks: Iterable[Samples], rate: int, channels: int) -> Iterator[Float32Array]:
    """Yield windows, (frames, channels), that overlap by half."""
    stream = soxr.ResampleStream(rate, RATE, channels, dtype="float32", quality="HQ")
    held = np.zeros((0, channels), dtype=np.float32)
    for block in blocks:
        held = np.concatenate([held, stream.resample_chunk(block).reshape(-1, channels)])
        while len(held) >= WINDOW:
            yield held[:WINDOW]
            held = held[HOP:]


def _copies(window: Float32Array, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the channels that are faint copies of another in a window, and which; digital silence is no copy."""
    levels = 10 * np.log10(np.mean(np.square(window), axis=0) + 1e-12)
    for place, name in enumerate(names):
        loudest = int(levels.argmax())
        bleeds = -100.0 < levels[place] <= levels[loudest] - LOUDER and levels[loudest] > AUDIBLE
        if bleeds and _likeness(window[:, place], window[:, loudest]) >= ALIKE:
            yield name, names[loudest]


def _likeness(one: Float32Array, other: Float32Array) -> float:
    """Return the largest correlation, in size, over all delays that count; high frequencies are raised before."""
    one, other = np.diff(one), np.diff(other)
    size = 2 * len(one)
    both = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    most = np.abs(np.concatenate([both[-DELAY:], both[: DELAY + 1]])).max()
    return float(most / np.sqrt(float(one @ one) * float(other @ other) + 1e-20))


def _add(stretches: list[ExcludedSpan], new: ExcludedSpan) -> None:
    """Append a stretch, or lengthen the last where it goes on for the same reason."""
    if stretches and stretches[-1].end >= new.start and stretches[-1].reason == new.reason:
        new = ExcludedSpan(stretches.pop().start, new.end, new.reason)
    stretches.append(new)
