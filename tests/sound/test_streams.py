from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from emofuse.errors import AudioError
from emofuse.sound.clips import read_clip
from emofuse.sound.streams import channels_of, clips_of, mono_blocks
from emofuse.types.arrays import Samples


def sound(rate: int, seconds: float, channels: int = 1) -> Samples:
    """Return (frames, channels): noise that is the same each time, other noise in each channel."""
    noise = np.random.default_rng(0).normal(size=(round(rate * seconds), channels))
    return (0.1 * noise).astype(np.float32)


def write(folder: Path, samples: Samples, rate: int = 16_000, name: str = "a.wav") -> Path:
    soundfile.write(folder / name, samples, rate, subtype="FLOAT" if name.endswith("wav") else None)
    return folder / name


def whole(path: Path, rate: int = 16_000, channel: int | None = None) -> Samples:
    return np.concatenate(list(mono_blocks(path, rate, channel)))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_the_stream_is_the_recording_resampled_at_once(tmp_path: Path, rate: int) -> None:
    samples = sound(rate, 65.0)
    path = write(tmp_path, samples, rate)
    np.testing.assert_allclose(whole(path), soxr.resample(samples[:, 0], rate, 16_000), atol=1e-4)
    np.testing.assert_array_equal(whole(path), read_clip(path).samples)


def test_a_channel_is_taken_alone_or_all_are_averaged(tmp_path: Path) -> None:
    samples = sound(16_000, 1.0, channels=3)
    path = write(tmp_path, samples)
    assert channels_of(path) == 3
    for channel in range(3):
        np.testing.assert_array_equal(whole(path, channel=channel), samples[:, channel])
    np.testing.assert_allclose(whole(path), samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("channel", [-1, 2, 7])
def test_a_channel_that_is_not_there_is_refused_with_the_number_of_those_that_are(
    tmp_path: Path, channel: int
) -> None:
    path = write(tmp_path, sound(16_000, 1.0, channels=2))
    with pytest.raises(AudioError, match=rf"there is no channel {channel}, it has 2 and the first is 0; check"):
        next(mono_blocks(path, channel=channel))


def test_a_stream_has_no_limit_of_length_and_its_blocks_have(tmp_path: Path) -> None:
    hour = np.tile(sound(1000, 61.0), (61, 1))
    path = write(tmp_path, hour, 1000)
    with pytest.raises(AudioError, match="is longer than 2400 s"):
        read_clip(path, rate=1000)
    lengths = [len(block) for block in mono_blocks(path, 1000)]
    assert sum(lengths) == len(hour)
    assert max(lengths) <= 30_000


def test_silence_streams_and_what_is_no_number_or_nothing_does_not(tmp_path: Path) -> None:
    assert not whole(write(tmp_path, np.zeros((1600, 1), dtype=np.float32))).any()
    with pytest.raises(AudioError, match="not numbers"):
        whole(write(tmp_path, np.array([[0.0], [np.nan]], dtype=np.float32)))
    with pytest.raises(AudioError, match="holds no samples"):
        whole(write(tmp_path, np.zeros((0, 1), dtype=np.float32)))


def test_a_truncated_recording_is_refused_at_its_end(tmp_path: Path) -> None:
    path = write(tmp_path, sound(16_000, 40.0))
    path.write_bytes(path.read_bytes()[:-4000])
    blocks = mono_blocks(path)
    assert len(next(blocks)) == 30 * 16_000
    with pytest.raises(AudioError, match="is truncated"):
        list(blocks)


SPANS = [(0.0, 1.5), (0.25, 0.5), (0.25, 40.0), (29.9, 30.1), (31.0, 31.001), (58.0, 64.0), (63.0, 65.0)]


@pytest.mark.parametrize(("rate", "channel"), [(16_000, None), (44_100, None), (8000, 1)])
def test_clips_are_the_slices_of_the_whole_to_the_sample(tmp_path: Path, rate: int, channel: int | None) -> None:
    path = write(tmp_path, sound(rate, 65.0, channels=2), rate)
    samples = whole(path, channel=channel)
    clips = list(clips_of(path, iter(SPANS), channel=channel))
    assert len(clips) == len(SPANS)
    for clip, (start, end) in zip(clips, SPANS, strict=True):
        assert clip.rate == 16_000
        np.testing.assert_array_equal(clip.samples, samples[round(start * 16_000) : round(end * 16_000)])


def test_clips_at_random_are_the_slices_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = write(tmp_path, sound(8000, 95.0), 8000)
    samples = whole(path, 8000)
    starts = np.sort(rng.uniform(0, 94, 200))
    spans = [(float(start), float(min(95.0, start + rng.exponential(5) + 0.01))) for start in starts]
    for clip, (start, end) in zip(clips_of(path, spans, 8000), spans, strict=True):
        np.testing.assert_array_equal(clip.samples, samples[round(start * 8000) : round(end * 8000)])


def test_a_clip_may_be_changed_without_changing_the_next(tmp_path: Path) -> None:
    path = write(tmp_path, sound(16_000, 2.0))
    expected = whole(path)[8000:24_000]
    clips = clips_of(path, [(0.5, 1.5), (0.5, 1.5)])
    next(clips).samples[:] = 0.0
    np.testing.assert_array_equal(next(clips).samples, expected)


def test_a_silent_stretch_is_a_clip_too(tmp_path: Path) -> None:
    path = write(tmp_path, np.concatenate([np.zeros((16_000, 1), dtype=np.float32), sound(16_000, 1.0)]))
    assert [bool(clip.samples.any()) for clip in clips_of(path, [(0.0, 0.9), (1.0, 2.0)])] == [False, True]


def test_spans_are_asked_for_one_by_one_and_only_what_they_need_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, sound(16_000, 90.0))
    path.write_bytes(path.read_bytes()[:-400])  # who reads on to the end finds out
    asked = []

    def spans() -> Iterator[tuple[float, float]]:
        for start in (1.0, 2.0):
            asked.append(start)
            yield start, start + 1.0

    clips = clips_of(path, spans())
    next(clips)
    assert asked == [1.0]
    assert len(list(clips)) == 1


def test_an_end_a_little_after_the_recording_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path, sound(16_000, 2.0))
    assert [clip.seconds for clip in clips_of(path, [(1.0, 2.09)])] == [1.0]


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([(1.0, 1.0)], "is empty"),
        ([(-1.0, 1.0)], "begins before 0"),
        ([(1.0, 1.5), (0.5, 1.5)], "is out of order; sort the spans"),
        ([(1.0, 2.5)], r"from 1\.0 to 2\.5 s ends after the recording, at 2\.00 s"),
        ([(3.0, 3.05)], "ends after the recording"),
    ],
)
def test_spans_that_cannot_be_cut_are_refused(
    tmp_path: Path, spans: list[tuple[float, float]], reason: str
) -> None:
    with pytest.raises(AudioError, match=reason):
        list(clips_of(write(tmp_path, sound(16_000, 2.0)), spans))


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    peaks = []
    for minutes in (4, 16):
        path = write(tmp_path, np.tile(sound(16_000, 60.0), (minutes, 1)), name="a.flac")
        spans = [(float(start), start + 5.0) for start in range(0, 60 * minutes - 5, 20)]
        tracemalloc.start()
        for _ in clips_of(path, spans):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
