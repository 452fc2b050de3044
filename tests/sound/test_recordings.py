"""Rates and sizes that only a damaged or hostile header has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emofuse.errors import AudioError
from emofuse.sound.clips import read_clip, seconds_of
from emofuse.sound.recordings import MOST_BLOCK_SAMPLES, block_frames
from emofuse.sound.streams import mono_blocks

TONE = (0.5 * np.sin(0.7 * np.arange(1_800))).astype(np.float32)


@pytest.mark.parametrize("rate", [1, 999, 3_000_001, 2_000_000_000])
def test_a_rate_that_no_sound_has_is_refused_before_it_is_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, rate)
    for read in (read_clip, seconds_of, lambda path: list(mono_blocks(path))):
        with pytest.raises(
            AudioError, match=rf"a\.wav: has a rate of {rate} Hz, where sound has 1,000 to 3,000,000"
        ):
            read(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [1_000, 3_000_000])
def test_the_rates_at_both_ends_are_read(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile(TONE, 10), rate)
    assert read_clip(tmp_path / "a.wav").seconds == pytest.approx(18_000 / rate, abs=1e-4)


def test_blocks_are_half_a_minute_or_what_fits_into_memory() -> None:
    assert block_frames(8_000, 1) == 240_000
    assert block_frames(48_000, 2) == 1_440_000
    assert block_frames(655_350, 8) * 8 <= MOST_BLOCK_SAMPLES
    assert block_frames(48_000, 1 << 24) == 1


def test_many_channels_at_a_high_rate_are_the_same_sound_in_smaller_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (50_000, 8)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 192_000, subtype="PCM_16")
    whole = read_clip(tmp_path / "a.wav").samples
    monkeypatch.setattr("emofuse.sound.recordings.MOST_BLOCK_SAMPLES", 20_000)
    np.testing.assert_allclose(read_clip(tmp_path / "a.wav").samples, whole, atol=1e-6)


def test_a_small_file_that_is_very_long_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = np.zeros(60 * 58 * 1_000, dtype=np.float32)
    sound[0] = 0.5
    soundfile.write(tmp_path / "a.flac", sound, 1_000)
    assert (tmp_path / "a.flac").stat().st_size < 100_000
    monkeypatch.setattr("emofuse.sound.soundfiles.SoundFile.blocks", None)
    with pytest.raises(AudioError, match="is longer than 2400 s; cut it"):
        read_clip(tmp_path / "a.flac")
