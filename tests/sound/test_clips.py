from __future__ import annotations

import csv
import math
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from emofuse.errors import AudioError
from emofuse.sound.clips import AUDIO_SUFFIXES, Clip, read_clip, seconds_of
from emofuse.sound.measures import measure_clip
from emofuse.sound.media import MEDIA_SUFFIXES
from emofuse.types.arrays import Samples

ODD = Path(os.environ.get("EMOFUSE_DATA") or "nowhere") / "odd_audio"


@dataclass(frozen=True)
class Format:
    """One way to store sound; `onset` is how long a decoder that enters in the middle needs to be exact."""

    suffix: str
    container: str
    subtype: str
    rates: tuple[int, ...] = (8000, 16_000, 22_050, 44_100, 48_000)
    onset: float = 0.0


FORMATS = (
    Format("wav", "WAV", "PCM_16"),
    Format("wav", "WAV", "FLOAT"),
    Format("flac", "FLAC", "PCM_16"),
    Format("ogg", "OGG", "VORBIS"),
    Format("opus", "OGG", "OPUS", rates=(8000, 16_000, 48_000)),
    Format("mp3", "MP3", "MPEG_LAYER_III", onset=0.1),
)
ALL = [pytest.param(form, rate, id=f"{form.subtype}-{rate}") for form in FORMATS for rate in form.rates]
AT_16K = [pytest.param(form, id=form.subtype) for form in FORMATS]


def chirp(rate: int, seconds: float = 1.0) -> Samples:
    """Return a rising tone with a little noise, the same each time."""
    time = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(0).normal(size=len(time))
    return (0.4 * np.sin(2 * np.pi * (200 + 80 * time) * time) + 0.02 * noise).astype(np.float32)


def write(folder: Path, form: Format, rate: int = 16_000, seconds: float = 1.0) -> Path:
    path = folder / f"a.{form.suffix}"
    soundfile.write(path, chirp(rate, seconds), rate, format=form.container, subtype=form.subtype)
    return path


def write_wav(folder: Path, samples: Samples, rate: int = 16_000, subtype: str = "FLOAT") -> Path:
    path = folder / "a.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def cut(path: Path, missing: int | None = None) -> Path:
    """Leave out the last bytes of a file, half of them by default, as a copy that broke off does."""
    content = path.read_bytes()
    path.write_bytes(content[: -missing if missing else len(content) // 2])
    return path


@pytest.mark.parametrize(("form", "rate"), ALL)
def test_each_format_and_rate_becomes_a_mono_clip_at_16_khz_of_the_same_length(
    tmp_path: Path, form: Format, rate: int
) -> None:
    clip = read_clip(write(tmp_path, form, rate))
    assert clip.rate == 16_000
    assert clip.samples.dtype == np.float32
    assert clip.samples.ndim == 1
    assert clip.seconds == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(("form", "rate"), ALL)
def test_each_format_and_rate_sounds_as_decoded_and_resampled_at_once(
    tmp_path: Path, form: Format, rate: int
) -> None:
    path = write(tmp_path, form, rate)
    decoded, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(read_clip(path).samples, soxr.resample(decoded, rate, 16_000), atol=1e-4)


@pytest.mark.parametrize(("form", "rate"), ALL)
def test_a_span_sounds_like_the_same_slice_of_the_whole(tmp_path: Path, form: Format, rate: int) -> None:
    path = write(tmp_path, form, rate, seconds=2.0)
    whole, span = read_clip(path).samples, read_clip(path, 0.5, 1.2).samples
    edge = 400 + round(form.onset * 16_000)  # a resampler does not know what stood before the span
    assert len(span) == pytest.approx(0.7 * 16_000, abs=1)
    np.testing.assert_allclose(span[edge:10_800], whole[8000 + edge : 18_800], atol=2e-3)


@pytest.mark.parametrize("form", AT_16K)
def test_without_resampling_a_span_is_the_same_slice_of_the_whole_to_the_sample(
    tmp_path: Path, form: Format
) -> None:
    path = write(tmp_path, form, seconds=2.0)
    whole, span = read_clip(path).samples, read_clip(path, 0.5, 1.25).samples
    np.testing.assert_allclose(span, whole[8000:20_000], atol=2e-3)


def test_a_span_without_a_start_or_an_end_reaches_to_that_side(tmp_path: Path) -> None:
    path = write_wav(tmp_path, chirp(16_000))
    whole = read_clip(path).samples
    np.testing.assert_array_equal(read_clip(path, end=0.25).samples, whole[:4000])
    np.testing.assert_array_equal(read_clip(path, start=0.25).samples, whole[4000:])


def test_long_recordings_are_joined_without_a_seam(tmp_path: Path) -> None:
    sound = chirp(8000, 65.0)  # two blocks and a bit
    path = write_wav(tmp_path, sound, rate=8000)
    np.testing.assert_allclose(read_clip(path).samples, soxr.resample(sound, 8000, 16_000), atol=1e-4)


def test_another_rate_can_be_asked_for(tmp_path: Path) -> None:
    clip = read_clip(write_wav(tmp_path, chirp(16_000)), rate=8000)
    assert (clip.rate, len(clip.samples)) == (8000, 8000)


def test_channels_are_averaged(tmp_path: Path) -> None:
    channels = np.stack([np.full(1600, 0.1 * (n + 1), dtype=np.float32) for n in range(8)], axis=1)
    path = write_wav(tmp_path, channels)
    np.testing.assert_allclose(read_clip(path).samples, np.full(1600, 0.45), rtol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "ULAW", "ALAW", "DOUBLE"])
def test_each_sample_format_of_wav_is_read(tmp_path: Path, subtype: str) -> None:
    path = write_wav(tmp_path, chirp(16_000), subtype=subtype)
    np.testing.assert_allclose(read_clip(path).samples, chirp(16_000), atol=0.03)


def test_what_is_too_loud_is_clipped_to_the_range_of_a_clip(tmp_path: Path) -> None:
    samples = read_clip(write_wav(tmp_path, 4 * chirp(16_000))).samples
    assert (samples.min(), samples.max()) == (-1.0, 1.0)


def test_a_path_may_hold_spaces_and_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "Größe ✓ 你好.wav"
    soundfile.write(path, chirp(16_000), 16_000)
    assert read_clip(path).seconds == 1.0


def test_the_suffix_does_not_decide_what_a_file_is(tmp_path: Path) -> None:
    write_wav(tmp_path, chirp(16_000)).rename(tmp_path / "a.txt")
    assert read_clip(tmp_path / "a.txt").seconds == 1.0


@pytest.mark.parametrize("form", AT_16K)
def test_a_file_of_which_half_is_missing_is_refused(tmp_path: Path, form: Format) -> None:
    path = cut(write(tmp_path, form, seconds=4.0))
    with pytest.raises(AudioError, match=f"a\\.{form.suffix}: "):
        read_clip(path)


@pytest.mark.parametrize(
    "form",
    [form for form in FORMATS if form.suffix != "mp3"],  # an MP3's length is known to 1152 samples only
    ids=lambda form: form.subtype,
)
def test_a_file_whose_last_bytes_are_missing_is_refused(tmp_path: Path, form: Format) -> None:
    path = cut(write(tmp_path, form, seconds=2.0), missing=20)
    with pytest.raises(AudioError, match=f"a\\.{form.suffix}: "):
        read_clip(path)


def test_a_span_that_lies_before_the_break_of_a_truncated_wav_is_read(tmp_path: Path) -> None:
    path = cut(write_wav(tmp_path, chirp(16_000, 2.0)))
    np.testing.assert_array_equal(read_clip(path, 0.25, 0.75).samples, chirp(16_000, 2.0)[4000:12_000])


@pytest.mark.parametrize(
    "size",
    [
        0xFFFFFFFF,
        0x7FFFFFFF,
        0x7FFFF000,
    ],
    ids=hex,
)
def test_a_wav_from_a_pipe_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    path = write_wav(tmp_path, chirp(16_000), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    content[40:44] = struct.pack("<I", size)
    path.write_bytes(content)
    assert read_clip(path).seconds == 1.0


def forget_length(path: Path) -> Path:
    """Set the number of samples in a FLAC header to 0, unknown, as an encoder that writes to a pipe does."""
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    return path


def test_a_flac_without_a_length_is_refused_with_a_way_out_where_pyav_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = forget_length(write(tmp_path, FORMATS[2]))
    for read in (read_clip, measure_clip):
        with pytest.raises(
            AudioError, match=r"does not say how long it is; convert it once more.*emofuse\[media\]"
        ):
            read(path)


@pytest.mark.parametrize("with_pyav", [True, False])
def test_a_span_of_a_flac_from_a_pipe_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_pyav: bool
) -> None:
    if not with_pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    path = write(tmp_path, FORMATS[2])
    expected = read_clip(path, 0.25, 0.75).samples
    np.testing.assert_array_equal(read_clip(forget_length(path), 0.25, 0.75).samples, expected)


def test_a_missing_file_is_refused_with_its_path_and_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav: no such file; check the path or the corpus root"):
        read_clip(tmp_path / "nowhere.wav")


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(AudioError, match=r"a\.wav: is a link to a file that is not there"):
        read_clip(tmp_path / "a.wav")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder, not a recording"):
        read_clip(tmp_path)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="xxx"):
        read_clip(tmp_path / ("x" * 300 + ".wav"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = write_wav(tmp_path, chirp(16_000))
    path.chmod(0)
    with pytest.raises(AudioError, match=r"a\.wav: cannot be opened; check its permissions"):
        read_clip(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"This is text, not sound.\n", "is not audio"),
        (bytes(4096), "is not audio"),
    ],
    ids=["0 bytes", "text", "zeros"],
)
def test_what_is_no_sound_is_refused_with_its_path(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=rf"a\.wav: {reason}"):
        read_clip(path)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_text_with_the_name_of_a_recording_is_refused(tmp_path: Path, suffix: str) -> None:
    if suffix in MEDIA_SUFFIXES:
        pytest.importorskip("av")
    path = tmp_path / f"a{suffix}"
    path.write_text("This is text, not sound.\n" * 100)
    with pytest.raises(AudioError, match=r"is not audio that can be read here; convert it to WAV"):
        read_clip(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 71234\n",
            "is a Git LFS pointer.*lfs pull",
        ),
        ("/annex/objects/SHA256E-s71234--4d7a.wav\n", "is a git-annex pointer.*annex get"),
        ("\n<!DOCTYPE html>\n<html>\n", "is a web page"),
    ],
    ids=["LFS", "annex", "page"],
)
def test_what_lies_in_the_place_of_a_recording_is_named(tmp_path: Path, content: str, reason: str) -> None:
    for name in ("a.wav", "a.m4a"):
        (tmp_path / name).write_text(content)
        with pytest.raises(AudioError, match=rf"{name}: {reason}"):
            read_clip(tmp_path / name)


@pytest.mark.parametrize("without_pyav", [False, True])
def test_gsm_in_wav_is_read_whole_and_in_spans(
    tmp_path: Path, without_pyav: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without_pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    path = write_wav(tmp_path, chirp(8000, 3.2), 8000, "GSM610")
    whole = read_clip(path, rate=8000)
    assert whole.seconds == pytest.approx(3.2)
    assert np.corrcoef(whole.samples, chirp(8000, 3.2))[0, 1] > 0.9
    np.testing.assert_array_equal(read_clip(path, 1.0, 2.0, 8000).samples, whole.samples[8000:16_000])
    np.testing.assert_array_equal(read_clip(path, 1.0, rate=8000).samples, whole.samples[8000:])


def overstate(path: Path, frames: int) -> Path:
    """Let the header of an MP3 declare some frames more than there are."""
    content = bytearray(path.read_bytes())
    place = max(content.find(b"Xing"), content.find(b"Info")) + 8
    assert content[place - 1] & 1
    content[place : place + 4] = (int.from_bytes(content[place : place + 4], "big") + frames).to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("frames", [1, 3, 5])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_an_mp3_whose_header_declares_some_frames_too_many_is_read(tmp_path: Path, frames: int, rate: int) -> None:
    path = write(tmp_path, FORMATS[5], rate, seconds=2.0)
    clip = read_clip(overstate(path, frames), strict=False)
    assert clip.seconds == pytest.approx(2.0, abs=0.1)
    assert clip.damaged is None
    assert read_clip(path).seconds == clip.seconds


def test_an_mp3_that_lacks_more_than_some_frames_is_truncated(tmp_path: Path) -> None:
    path = overstate(write(tmp_path, FORMATS[5], 44_100, seconds=2.0), 60)
    with pytest.raises(AudioError, match="is truncated"):
        read_clip(path)
    assert "of 3.5" in str(read_clip(path, strict=False).damaged)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = chirp(16_000)
    samples[800] = value
    with pytest.raises(AudioError, match=r"a\.wav: holds samples that are not numbers"):
        read_clip(write_wav(tmp_path, samples))


@pytest.mark.parametrize("form", AT_16K)
def test_a_silent_file_is_refused(tmp_path: Path, form: Format) -> None:
    path = tmp_path / f"a.{form.suffix}"
    soundfile.write(path, np.zeros(16_000), 16_000, format=form.container, subtype=form.subtype)
    with pytest.raises(AudioError, match="is silent"):
        read_clip(path)


def test_the_quietest_step_of_16_bits_is_no_silence(tmp_path: Path) -> None:
    assert read_clip(write_wav(tmp_path, np.full(1600, 1 / 32768, dtype=np.float32))).seconds == 0.1


def test_channels_that_cancel_each_other_out_are_silence(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is silent"):
        read_clip(write_wav(tmp_path, np.stack([chirp(16_000), -chirp(16_000)], axis=1)))


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: holds no samples"):
        read_clip(write_wav(tmp_path, np.zeros(0, dtype=np.float32)))


@pytest.mark.parametrize("start", [1.0, 5.0])
def test_a_span_after_the_end_is_refused(tmp_path: Path, start: float) -> None:
    with pytest.raises(AudioError, match=rf"starts at {start} s, after the end of the recording"):
        read_clip(write_wav(tmp_path, chirp(16_000)), start)


def test_a_span_that_ends_after_the_recording_is_refused_with_both_ends(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"the span ends at 1\.2 s, but the recording ends at 1\.00 s"):
        read_clip(write_wav(tmp_path, chirp(16_000)), 0.5, 1.2)


def test_a_span_may_end_a_tenth_of_a_second_after_the_recording(tmp_path: Path) -> None:
    assert read_clip(write_wav(tmp_path, chirp(16_000)), 0.5, 1.09).seconds == 0.5


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.5), (0.75, 0.25), (-0.5, 0.5)])
def test_a_span_that_is_no_span_is_refused(tmp_path: Path, start: float, end: float) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: "):
        read_clip(write_wav(tmp_path, chirp(16_000)), start, end)


@pytest.mark.parametrize(("start", "end"), [(None, None), (0.25, None), (0.0, 0.75)])
def test_what_is_longer_than_allowed_is_refused_with_a_way_out(
    tmp_path: Path, start: float | None, end: float | None
) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: is longer than 0\.5 s; cut it, or give start and end"):
        read_clip(write_wav(tmp_path, chirp(16_000)), start, end, max_seconds=0.5)


def test_a_short_span_of_a_recording_that_is_longer_than_allowed_is_read(tmp_path: Path) -> None:
    assert read_clip(write_wav(tmp_path, chirp(16_000)), 0.25, 0.5, max_seconds=0.5).seconds == 0.25


def test_what_is_exactly_as_long_as_allowed_is_read(tmp_path: Path) -> None:
    assert read_clip(write_wav(tmp_path, chirp(16_000)), max_seconds=1.0).seconds == 1.0


@pytest.mark.parametrize(("form", "rate"), ALL)
def test_the_length_is_reported_without_decoding(tmp_path: Path, form: Format, rate: int) -> None:
    assert seconds_of(write(tmp_path, form, rate)) == pytest.approx(1.0, abs=0.001)


def test_a_length_that_the_header_does_not_know_is_none(tmp_path: Path) -> None:
    assert seconds_of(forget_length(write(tmp_path, FORMATS[2]))) is None


def test_the_length_of_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        seconds_of(tmp_path / "nowhere.wav")


def test_the_seconds_of_a_clip_follow_from_its_samples_and_rate() -> None:
    assert Clip(np.zeros(4000, dtype=np.float32), 8000).seconds == 0.5


def sine(amplitude: float = 1.0, rate: int = 16_000, seconds: float = 1.0) -> Samples:
    """Return whole periods of 440 Hz."""
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("amplitude", "decibels"), [(1.0, -3.0103), (0.5, -9.0309), (0.001, -63.0103)])
def test_the_loudness_of_a_sine_is_its_effective_value(tmp_path: Path, amplitude: float, decibels: float) -> None:
    assert measure_clip(write_wav(tmp_path, sine(amplitude))).loudness == pytest.approx(decibels, abs=0.01)


def test_digital_silence_is_measured_and_has_no_loudness(tmp_path: Path) -> None:
    measures = measure_clip(write_wav(tmp_path, np.zeros(8000, dtype=np.float32)))
    assert (measures.loudness, measures.seconds, measures.clipped) == (-math.inf, 0.5, 0.0)


def test_a_recording_is_measured_as_the_file_has_it(tmp_path: Path) -> None:
    measures = measure_clip(write_wav(tmp_path, np.stack([sine(0.5)] * 2, axis=1), rate=44_100, subtype="PCM_16"))
    assert (measures.rate, measures.channels) == (44_100, 2)
    assert measures.seconds == pytest.approx(16_000 / 44_100)
    assert measures.loudness == pytest.approx(-9.03, abs=0.01)


def test_channels_that_cancel_each_other_out_are_measured_as_silence(tmp_path: Path) -> None:
    assert measure_clip(write_wav(tmp_path, np.stack([sine(), -sine()], axis=1))).loudness == -math.inf


@pytest.mark.parametrize(("subtype", "channels"), [("PCM_16", 1), ("FLOAT", 1), ("PCM_16", 2)])
def test_the_share_of_samples_at_full_scale_is_reported_whatever_the_other_channel_does(
    tmp_path: Path, subtype: str, channels: int
) -> None:
    samples = np.tile(np.float32([0.5, -0.999, 1.0, -1.0]), 1000)
    if channels == 2:
        samples = np.stack([samples, np.zeros_like(samples)], axis=1)
    assert measure_clip(write_wav(tmp_path, samples, subtype=subtype)).clipped == 0.5


def test_a_span_is_measured_alone(tmp_path: Path) -> None:
    path = write_wav(tmp_path, np.concatenate([sine(0.1), sine(), sine(0.1)]))
    assert measure_clip(path, 1.0, 2.0) == measure_clip(write_wav(tmp_path, sine()))
    path = write_wav(tmp_path, np.concatenate([sine(0.1), sine(), sine(0.1)]))
    assert measure_clip(path, 1.0, 2.0).loudness == pytest.approx(-3.01, abs=0.01)
    assert measure_clip(path, 2.0).seconds == 1.0


def test_a_recording_of_several_blocks_is_measured_as_a_whole(tmp_path: Path) -> None:
    path = write_wav(tmp_path, np.concatenate([sine(seconds=40), np.zeros(40 * 16_000, dtype=np.float32)]))
    measures = measure_clip(path)
    assert measures.seconds == 80.0
    assert measures.loudness == pytest.approx(-3.01 - 3.01, abs=0.01)


def test_the_digest_is_that_of_the_sound_not_of_the_file(tmp_path: Path) -> None:
    sound = (32_000 * chirp(16_000)).astype(np.int16)  # whole steps: writers round others each in its way
    twice = np.stack([sound, sound], axis=1)
    for name, samples in (("a.wav", sound), ("b.flac", sound), ("c.wav", twice)):
        soundfile.write(tmp_path / name, samples, 16_000, subtype="PCM_16")
    for name, samples in (("d.wav", sound[:-1]), ("e.wav", sound + np.int16(1)), ("f.wav", sound[::-1])):
        soundfile.write(tmp_path / name, samples, 16_000, subtype="PCM_16")
    digests = {name: measure_clip(tmp_path / name).digest for name in sorted(os.listdir(tmp_path))}
    assert digests["a.wav"] == digests["b.flac"] == digests["c.wav"]
    assert len(set(digests.values())) == 4


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(np.zeros(0), "holds no samples"), (np.array([0.0, np.nan]), "not numbers"), (np.array([np.inf]), "not num")],
    ids=["empty", "nan", "infinite"],
)
def test_what_cannot_be_measured_is_refused_by_name(tmp_path: Path, samples: Samples, reason: str) -> None:
    with pytest.raises(AudioError, match=rf"a\.wav: .*{reason}"):
        measure_clip(write_wav(tmp_path, samples.astype(np.float32)))


def test_truncated_missing_and_foreign_files_are_refused_when_measured(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is truncated"):
        measure_clip(cut(write_wav(tmp_path, chirp(16_000))))
    with pytest.raises(AudioError, match="no such file"):
        measure_clip(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="after the end of the recording"):
        measure_clip(write_wav(tmp_path, chirp(16_000)), 2.0, 3.0)


def odd_files() -> list[tuple[str, str]]:
    """Return path and what libsndfile makes of it, for each file that is kept for being odd."""
    if not ODD.is_dir():
        return []
    with (ODD / "manifest.csv").open(encoding="utf-8") as file:
        return [(row["path"], row["libsndfile"]) for row in csv.DictReader(file)]


@pytest.mark.data
@pytest.mark.skipif(not ODD.is_dir(), reason="EMOFUSE_DATA does not name a folder with odd_audio")
@pytest.mark.parametrize(("name", "libsndfile"), odd_files())
def test_without_pyav_an_odd_file_gives_a_clip_or_one_line_that_names_it(
    name: str, libsndfile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    if libsndfile.startswith("ok"):
        seconds = float(libsndfile.rsplit(" ", 1)[1].removesuffix("s"))
        assert read_clip(ODD / name).seconds == pytest.approx(seconds, rel=0.01)
    else:
        with pytest.raises(AudioError) as caught:
            read_clip(ODD / name)
        assert str(caught.value).startswith(f"{ODD / name}: ")
        assert "\n" not in str(caught.value)
