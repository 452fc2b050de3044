"""Files of floating-point samples outside [-1, 1]: scaled where they hold integers, clipped with a note else."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from emofuse.sound.clips import read_clip
from emofuse.sound.float_range import FloatRange, float_range
from emofuse.sound.measures import measure_clip
from emofuse.types.arrays import Samples


def integers(bits: int = 16, share: float = 0.2) -> Samples:
    """Return noise as integers of so many bits, its peak at a share of full scale."""
    sound = np.random.default_rng(0).normal(size=16_000)
    return np.round(sound / np.abs(sound).max() * share * 2 ** (bits - 1)).astype(np.float32)


def written(folder: Path, samples: Samples, subtype: str = "FLOAT", name: str = "a.wav") -> Path:
    soundfile.write(folder / name, samples, 16_000, subtype=subtype)
    return folder / name


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_stored_as_floats_sound_as_themselves(tmp_path: Path, bits: int, subtype: str) -> None:
    samples = integers(bits)
    clip = read_clip(written(tmp_path, samples, subtype), strict=False)
    np.testing.assert_array_equal(clip.samples, samples / np.float32(2 ** (bits - 1)))
    (note,) = clip.notes
    assert f"as {bits}-bit integers do" in note


def test_integers_stored_as_floats_in_a_container_sound_as_themselves(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the extra media is not installed")
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_f32le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(integers()[None], format="flt", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*track.encode(frame), *track.encode(None)]:
            container.mux(packet)
    clip = read_clip(path, strict=False)
    np.testing.assert_array_equal(clip.samples, integers() / np.float32(32768))
    assert "as 16-bit integers do" in clip.notes[0]


def test_integers_in_a_file_that_its_recorder_did_not_finish_sound_as_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.au"
    soundfile.write(path, integers(), 16_000, "FLOAT", format="AU")
    content = path.read_bytes()
    path.write_bytes(content[:8] + bytes(4) + content[12:])
    clip = read_clip(path, strict=False)
    np.testing.assert_array_equal(clip.samples, integers() / np.float32(32768))
    assert "as 16-bit integers do" in clip.notes[0]


def test_quiet_integers_and_the_means_of_two_channels_are_scaled_too(tmp_path: Path) -> None:
    assert float_range(written(tmp_path, integers(share=0.0002))).scale == 32768
    halves = written(tmp_path, (integers() + np.roll(integers(), 1)) / 2, name="b.wav")
    assert float_range(halves).scale == 32768


def test_integers_that_were_resampled_are_scaled(tmp_path: Path) -> None:
    samples = soxr.resample(integers(), 16_000, 11_025).astype(np.float32)
    assert float_range(written(tmp_path, samples)).scale == 32768


def test_their_measures_are_those_of_the_16_bit_file(tmp_path: Path) -> None:
    floats = written(tmp_path, integers() + 0.0)  # no negative zeros
    whole = written(tmp_path, integers().astype(np.int16), "PCM_16", "b.wav")
    assert measure_clip(floats) == measure_clip(whole)


def test_sound_that_is_too_loud_is_clipped_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    samples = integers().astype(np.float32) / 32768 * 7  # up to 1.4
    path = written(tmp_path, samples)
    clip = read_clip(path, strict=False)
    np.testing.assert_array_equal(clip.samples, np.clip(samples, -1, 1))
    (note,) = clip.notes
    assert "of its samples are outside [-1, 1], up to 1.4, and were clipped" in note
    with caplog.at_level(logging.WARNING):
        read_clip(path)
    assert [record.getMessage() for record in caplog.records] == [f"{path}: {note}"]


@pytest.mark.parametrize("value", [1.0, 0.5, np.nan, np.inf])
def test_sound_in_its_range_and_what_is_no_sound_is_left_as_it_is(tmp_path: Path, value: float) -> None:
    samples = np.full(100, 0.25, dtype=np.float32)
    samples[3] = value
    assert float_range(written(tmp_path, samples)) == FloatRange()


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, integers())
    assert float_range(path).scale == 32768
    written(tmp_path, integers() / 32768)
    os.utime(path, ns=(1, 1))
    assert float_range(path).scale == 1.0
