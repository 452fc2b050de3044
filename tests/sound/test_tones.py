from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emofuse.sound.clips import read_clip
from emofuse.sound.tones import MUSIC, TONE, find_tones_and_music, is_voice
from emofuse.types import ExcludedSpan
from emofuse.types.arrays import Samples

RATE = 8000
DATA = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")


def noise(seconds: float, level: float = 0.001) -> Samples:
    return (level * np.random.default_rng(0).normal(size=round(seconds * RATE))).astype(np.float32)


def signal(hertz: tuple[float, ...], on: float, off: float, seconds: float = 20.0) -> Samples:
    """Return tones that go on and off, with a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * frequency * time) for frequency in hertz)
    return (0.1 * tones * (time % (on + off) < on)).astype(np.float32) + noise(seconds)


def note(hertz: float, seconds: float, decay: float) -> Samples:
    """Return a note of up to eight partials."""
    time = np.arange(round(seconds * RATE)) / RATE
    partials = [np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 9) if k * hertz < 3800]
    shape = np.exp(-decay * time) * np.minimum(1.0, np.minimum(time, seconds - time) / 0.03)
    return (sum(partials) * shape).astype(np.float32)


def tune(seconds: float, beat: float, decay: float = 0.0, seed: int = 0) -> Samples:
    """Return chords of three notes and a melody above them."""
    rng = np.random.default_rng(seed)
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    chords = []
    for _ in range(round(seconds / beat)):
        root = int(rng.integers(0, 4))
        pitches = [scale[root], scale[root + 2], scale[root + 4], 2 * rng.choice(scale)]
        chords.append(sum(note(float(pitch), beat, decay) for pitch in pitches))
    music = np.concatenate(chords)
    return (0.1 * music / music.std()).astype(np.float32)


def voice(seconds: float, seed: int = 0) -> Samples:
    """Return a buzz that glides as a voice does, in syllables of a fifth of a second with pauses between."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 150 * 2 ** (
        0.4 * np.interp(time, np.arange(0, seconds + 1, 0.25), rng.normal(size=int(4 * seconds) + 4))
    )
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.1 * buzz * np.maximum(0.02, np.sin(2 * np.pi * 2.5 * time))).astype(np.float32)


def seconds(found: list[ExcludedSpan], reason: str) -> float:
    return sum(stretch.end - stretch.start for stretch in found if stretch.reason == reason)


CADENCES = {
    "dial, United States": ((350.0, 440.0), 1.0, 0.0),
    "dial, Europe": ((425.0,), 1.0, 0.0),
    "busy, United States": ((480.0, 620.0), 0.5, 0.5),
    "busy, Europe": ((425.0,), 0.5, 0.5),
    "ringing, United States": ((440.0, 480.0), 2.0, 4.0),
    "ringing, Europe": ((425.0,), 1.0, 4.0),
    "ringing, United Kingdom": ((400.0, 450.0), 0.4, 0.2),
    "fax": ((1100.0,), 0.5, 3.0),
    "beep": ((1000.0,), 0.4, 4.0),
}


@pytest.mark.parametrize("name", CADENCES)
def test_each_tone_of_the_telephone_is_found_and_nothing_between(name: str) -> None:
    hertz, on, off = CADENCES[name]
    time = np.arange(20 * RATE) / RATE
    found = find_tones_and_music([signal(hertz, on, off)], RATE)
    assert {stretch.reason for stretch in found} == {TONE}
    assert seconds(found, TONE) == pytest.approx(20.0 * np.mean(time % (on + off) < on), rel=0.15)


@pytest.mark.parametrize("on", [0.08, 0.1, 0.2])
def test_keys_of_the_telephone_are_found(on: float) -> None:
    rows, columns = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
    keys = [signal((row, column), on, 1.0, 0.4) for row in rows for column in columns]
    found = find_tones_and_music([np.concatenate(keys)], RATE)
    assert {stretch.reason for stretch in found} == {TONE}
    np.testing.assert_allclose([stretch.start for stretch in found], 0.4 * np.arange(16), atol=0.04)


@pytest.mark.parametrize("beat", [0.5, 1.0])
@pytest.mark.parametrize("decay", [0.0, 2.0], ids=["held", "plucked"])
def test_music_is_found_from_end_to_end(beat: float, decay: float) -> None:
    found = find_tones_and_music([tune(30.0, beat, decay)], RATE)
    assert seconds(found, MUSIC) == pytest.approx(30.0, abs=1.0)
    assert seconds(found, TONE) < 2.0


def test_music_between_speech_has_its_own_place() -> None:
    found = find_tones_and_music([np.concatenate([voice(12.0), tune(15.0, 0.5), voice(12.0, 1)])], RATE)
    assert [stretch.reason for stretch in found] == [MUSIC]
    assert found[0].start == pytest.approx(12.0, abs=0.8)
    assert found[0].end == pytest.approx(27.0, abs=0.8)


@pytest.mark.parametrize(
    "sound", [voice(30.0), noise(30.0, 0.1), noise(30.0, 0.0), voice(30.0, 2) + noise(30.0, 0.02)]
)
def test_voices_noise_and_silence_are_neither(sound: Samples) -> None:
    assert find_tones_and_music([sound], RATE) == []


@pytest.mark.parametrize("beat", [0.5, 1.0])
def test_a_voice_over_quieter_music_is_kept(beat: float) -> None:
    assert find_tones_and_music([voice(30.0) + 0.3 * tune(30.0, beat)], RATE) == []


def test_what_is_too_quiet_to_be_audible_is_not_looked_at() -> None:
    assert find_tones_and_music([0.01 * signal((425.0,), 1.0, 0.0), 0.001 * tune(10.0, 0.5)], RATE) == []


def test_the_size_of_the_blocks_and_the_rate_change_nothing() -> None:
    sound = np.concatenate([voice(5.0), signal((425.0,), 1.0, 4.0, 10.0), tune(10.0, 0.5)])
    expected = find_tones_and_music([sound], RATE)
    assert len(expected) >= 3

    def pieces() -> Iterator[Samples]:
        for start in range(0, len(sound), 777):
            yield sound[start : start + 777]

    assert find_tones_and_music(pieces(), RATE) == expected


@pytest.mark.parametrize("blocks", [[], [np.zeros(0, dtype=np.float32)], [np.zeros(100, dtype=np.float32)]])
def test_next_to_nothing_holds_nothing(blocks: list[Samples]) -> None:
    assert find_tones_and_music(blocks, RATE) == []


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="EMOFUSE_DATA does not name a folder of real recordings")
@pytest.mark.parametrize("corpus", ["ravdess", "emodb", "nemo", "keywords"])
def test_real_emotional_speech_is_neither_alone_nor_joined(corpus: str) -> None:
    with (DATA / corpus / "manifest.csv").open(encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    clips = [read_clip(DATA / corpus / path, rate=RATE).samples for path in paths[:: len(paths) // 100][:100]]
    clips = [0.5 * clip / np.abs(clip).max() for clip in clips]
    loud = [clip[np.abs(clip).argmax() - 4000 :][:8000] for clip in clips if np.abs(clip).argmax() > 4000]
    assert sum(bool(find_tones_and_music([clip], RATE)) for clip in clips) <= 1
    assert find_tones_and_music(loud, RATE) == []


def test_a_turn_is_a_voice_if_it_is_surely_speech_or_has_a_pitch() -> None:
    quiet, sure = [-40.0] * 20, [(0.85, 0.0)] * 8 + [(0.1, 0.0)] * 12
    assert is_voice(quiet, sure)
    assert not is_voice(quiet, sure[1:] + sure[-1:])  # seven sure frames are too few
    doubtful = [(0.5, 0.9)] * 6 + [(0.5, 0.5)] * 14
    assert is_voice(quiet, doubtful)
    assert not is_voice(quiet, [(0.5, 0.5), *doubtful[1:]])
    assert not is_voice([-70.0] * 6 + [-40.0] * 14, doubtful)  # what repeats itself is far below the loudest
    assert is_voice([-40.0] * 4, [(0.9, 0.0)] * 4)
