from __future__ import annotations

import logging
import os
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded import ALL, ENCODINGS, Encoding, chirp, encode, video_without_sound

from emofuse.errors import AudioError, MissingExtraError
from emofuse.sound.clips import AUDIO_SUFFIXES, open_recording, read_clip, seconds_of
from emofuse.sound.containers import is_cut
from emofuse.sound.measures import measure_clip
from emofuse.sound.media import MEDIA_SUFFIXES, Media
from emofuse.sound.recordings import BLOCK_SECONDS
from emofuse.sound.soundfiles import SoundFile

ODD = Path(os.environ.get("EMOFUSE_DATA") or "nowhere") / "odd_audio"
M4A, MKV = ENCODINGS[0], ENCODINGS[8]
# What of the odd files is refused although PyAV is asked, and why.
REFUSED = {
    "01_-_changing_samplerate.flac": "changes at .* s from 2 channels at",
    "02_-_increasing_number_of_channels.flac": "changes at .* s from 1 channels",
    "03_-_decreasing_number_of_channels.flac": "changes at .* s from 4 channels",
    "04_-_changing_bitdepth.flac": "damaged",
    "06_-_missing_streaminfo_metadata_block.flac": "is not audio",
    "08_-_blocksize_65536.flac": "is not audio",
    "11_-_file_starting_with_unparsable_data.flac": "is not audio",
    "11_-_incorrect_metadata_block_length.flac": "is not audio",
}


def made(folder: Path, encoding: Encoding, seconds: float = 3.0) -> Path:
    return encode(folder, encoding, chirp(encoding.rate, seconds, encoding.channels))


def offset(heard: np.ndarray, said: np.ndarray, reach: int = 400) -> int:
    """Return by how many samples `heard` lies after `said`, found where they agree best."""
    middle = heard[reach:-reach]
    scores = [float(middle @ said[reach - lag : len(said) - reach - lag]) for lag in range(-reach, reach + 1)]
    return int(np.argmax(scores)) - reach


def test_titles_may_be_in_any_encoding_and_integers_of_any_width(tmp_path: Path) -> None:
    titled = made(tmp_path, M4A)
    import av

    again = tmp_path / "titled.m4a"
    with av.open(str(titled)) as source, av.open(str(again), "w", format="mp4") as target:
        target.metadata["title"] = "CAFEXX"
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert again.read_bytes().count(b"CAFEXX") == 1
    again.write_bytes(again.read_bytes().replace(b"CAFEXX", b"Caf\xe9 X"))
    assert np.array_equal(read_clip(again).samples, read_clip(titled).samples)
    samples = chirp(16_000, 0.5)[:, 0]
    wide = tmp_path / "wide.wav"
    whole = np.round(samples * 2.0**31).astype(np.int64) << 32
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 16_000 * 8, 8, 64)
    body = b"WAVE" + head + b"data" + struct.pack("<I", whole.nbytes) + whole.tobytes()
    wide.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert np.allclose(read_clip(wide).samples, samples, atol=1e-6)


def test_a_name_may_be_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    for subtype in ("PCM_16", "FLOAT"):
        soundfile.write(os.fsencode(path), chirp(16_000, 0.5), 16_000, subtype, format="WAV")
        assert read_clip(path).seconds == 0.5


@pytest.mark.parametrize("encoding", ALL)
def test_each_container_becomes_a_clip_of_its_sound(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding)
    clip = read_clip(path)
    assert (clip.rate, clip.samples.dtype, clip.samples.ndim) == (16_000, np.float32, 1)
    assert clip.seconds == pytest.approx(3.0, abs=encoding.lag)
    said = chirp(16_000, 3.0, encoding.channels).mean(axis=1)
    length = min(len(clip.samples), len(said))
    lag = offset(clip.samples[:length], said[:length], 1600)
    assert abs(lag) <= encoding.lag * 16_000
    heard = np.roll(clip.samples, -lag)[1600 : length - 1600]
    assert np.corrcoef(heard, said[1600 : length - 1600])[0, 1] > 0.97


@pytest.mark.parametrize("encoding", ALL)
def test_a_span_is_the_same_slice_of_the_whole_to_a_millisecond(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding, 6.0)
    whole, span = read_clip(path).samples, read_clip(path, 2.7, 4.2).samples
    assert len(span) == pytest.approx(1.5 * 16_000, abs=1)
    lag = offset(span, whole[43_200 : 43_200 + len(span)])
    assert abs(lag) <= 16
    heard = np.roll(span, -lag)[1000:22_000]
    assert np.corrcoef(heard, whole[44_200:65_200])[0, 1] > 0.98


@pytest.mark.parametrize("encoding", ALL)
def test_its_facts_are_told(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding)
    recording = open_recording(path)
    assert isinstance(recording, Media)
    assert (recording.rate, recording.channels) == (encoding.rate, encoding.channels)
    if encoding.told:
        assert seconds_of(path) == pytest.approx(3.0, abs=encoding.lag)
    else:
        assert seconds_of(path) is None


@pytest.mark.parametrize("encoding", ALL)
def test_it_is_measured_like_any_other(tmp_path: Path, encoding: Encoding) -> None:
    measures = measure_clip(made(tmp_path, encoding), 1.0, 2.0)
    assert (measures.rate, measures.channels, measures.seconds) == (encoding.rate, encoding.channels, 1.0)
    mono = 0.4 if encoding.channels == 1 else 0.3
    assert measures.loudness == pytest.approx(20 * np.log10(mono / np.sqrt(2)), abs=1.5)


@pytest.mark.parametrize("encoding", ALL)
def test_a_file_of_which_half_is_missing_is_refused(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 40])
    if not encoding.half_tells:
        pytest.skip("a stream without a length may end anywhere")
    with pytest.raises(AudioError, match=rf"^{path}: (is truncated|breaks off|is not audio)[^\n]*$"):
        read_clip(path)


@pytest.mark.parametrize("encoding", ALL)
def test_a_file_whose_last_bytes_are_missing_is_refused(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding)
    path.write_bytes(path.read_bytes()[:-20])
    if not encoding.cut_tells:
        pytest.skip("a stream without a length may end anywhere")
    with pytest.raises(AudioError, match=rf"^{path}: (is truncated|breaks off|is not audio)[^\n]*$"):
        read_clip(path)


@pytest.mark.parametrize(
    "encoding", [e for e in ALL if str(e.id).startswith(("m4a", "mp4-aac-mpeg4", "mkv", "webm"))]
)
def test_damage_in_the_middle_is_refused_and_nothing_is_lost_in_silence(
    tmp_path: Path, encoding: Encoding
) -> None:
    path = made(tmp_path, encoding)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = bytes(1500)
    path.write_bytes(content)
    if not encoding.half_tells:
        pytest.skip("a stream without a length may end anywhere")
    with pytest.raises(AudioError, match=rf"^{path}: [^\n]*(damaged|truncated)[^\n]*$"):
        read_clip(path)


def test_a_recording_that_was_interrupted_before_its_index_was_written_is_called_truncated(tmp_path: Path) -> None:
    path = made(tmp_path, M4A)
    content = path.read_bytes()
    index = content.index(b"moov") - 4
    sound = content.index(b"mdat") - 4
    path.write_bytes(content[:sound] + bytes(4) + content[sound + 4 : index])  # a size of 0: to the end
    with pytest.raises(AudioError, match=r"a\.m4a: is truncated"):
        read_clip(path)


def test_a_span_before_the_damage_is_read(tmp_path: Path) -> None:
    path = made(tmp_path, MKV, 6.0)
    content = bytearray(path.read_bytes())
    content[-3000:-1500] = bytes(1500)
    path.write_bytes(content)
    assert read_clip(path, 1.0, 2.0).seconds == 1.0


def test_a_gap_in_the_clock_is_silence_of_the_same_length_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = encode(tmp_path, MKV, chirp(16_000, 6.0), pause=(2.0, 4.0))
    with caplog.at_level(logging.WARNING):
        clip = read_clip(path)
    assert clip.seconds == pytest.approx(6.0, abs=0.01)
    assert not clip.samples[33_000:63_000].any()
    np.testing.assert_allclose(clip.samples[66_000:96_000], chirp(16_000, 6.0)[66_000:96_000, 0], atol=1e-3)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: no sound from 2.02 to 4.03 s; this gap and any other are filled with silence"
    ]
    np.testing.assert_array_equal(read_clip(path, 4.5, 5.5).samples, clip.samples[72_000:88_000])


def test_a_jump_of_the_clock_beyond_any_pause_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emofuse.sound.media.MAXIMUM_GAP_SECONDS", 1.0)
    path = encode(tmp_path, MKV, chirp(16_000, 6.0), pause=(2.0, 4.0))
    with pytest.raises(AudioError, match=r"its clock jumps from 2\.02 to 4\.03 s; export it again"):
        read_clip(path)


def test_a_video_without_sound_is_refused_as_that(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.mp4: is a video without sound; give the recording"):
        read_clip(video_without_sound(tmp_path))


def test_a_silent_track_is_refused_and_measured(tmp_path: Path) -> None:
    path = encode(tmp_path, MKV, np.zeros((16_000, 1), dtype=np.float32))
    with pytest.raises(AudioError, match="is silent"):
        read_clip(path)
    assert measure_clip(path).loudness == -np.inf


def test_a_track_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"is longer than 2 s; cut it"):
        read_clip(made(tmp_path, M4A), max_seconds=2.0)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (5.0, None, r"starts at 5\.0 s, after the end"),
        (5.0, 6.0, r"starts at 5\.0 s, after the end"),
        (2.0, 4.0, r"ends at 4\.0 s, but the recording ends at 3\.0"),
        (1.0, 1.0, "is empty"),
        (-1.0, 1.0, "before the recording"),
    ],
)
@pytest.mark.parametrize("encoding", [M4A, MKV], ids=str)
def test_a_span_outside_is_refused(
    tmp_path: Path, encoding: Encoding, start: float, end: float | None, reason: str
) -> None:
    with pytest.raises(AudioError, match=reason):
        read_clip(made(tmp_path, encoding), start, end)


def test_what_libsndfile_reads_it_reads_and_the_content_decides(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", chirp(16_000, 1.0), 16_000)
    (tmp_path / "a.wav").rename(tmp_path / "a.mp4")
    assert isinstance(open_recording(tmp_path / "a.mp4"), SoundFile)
    made(tmp_path, M4A).rename(tmp_path / "b.wav")
    assert isinstance(open_recording(tmp_path / "b.wav"), Media)
    assert read_clip(tmp_path / "b.wav").seconds == pytest.approx(3.0, abs=0.03)


def test_a_file_may_not_lead_to_another(tmp_path: Path) -> None:
    made(tmp_path, M4A)
    for name, content in (("list.m4a", "ffconcat version 1.0\nfile a.m4a\n"), ("list.aac", "#EXTM3U\na.m4a\n")):
        (tmp_path / name).write_text(content)
        with pytest.raises(AudioError, match="is not audio"):
            read_clip(tmp_path / name)


def test_a_flac_from_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, chirp(16_000, 2.0), 16_000)
    expected = read_clip(path).samples
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_clip(path).samples, expected)
    content[len(content) // 2] ^= 0x5A
    path.write_bytes(content)
    with pytest.raises(AudioError, match="damaged"):
        read_clip(path)


def test_a_long_recording_comes_in_blocks_that_are_bounded(tmp_path: Path) -> None:
    recording = open_recording(made(tmp_path, MKV, 70.0))
    lengths = [len(block) for block in recording.blocks(None, None)]
    assert lengths == [BLOCK_SECONDS * 16_000] * 2 + [10 * 16_000]


def test_without_pyav_a_file_is_refused_with_the_extra_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path, M4A)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(
        AudioError, match=r'^.*a\.m4a: reading \.m4a needs.*pip install "emofuse\[media\]"$'
    ) as caught:
        read_clip(path)
    assert isinstance(caught.value, MissingExtraError)


@pytest.mark.parametrize("encoding", ALL)
def test_of_a_file_of_which_half_is_missing_what_is_there_is_heard(tmp_path: Path, encoding: Encoding) -> None:
    path = made(tmp_path, encoding)
    whole = read_clip(path).samples
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 40])
    if encoding.suffix in ("m4a", "mov", "3gp", "caf") or (encoding.suffix == "mp4" and not encoding.options):
        with pytest.raises(AudioError, match=r"is (truncated|not audio)"):  # its index stood at its end
            read_clip(path, strict=False)
        return
    clip = read_clip(path, strict=False)
    assert clip.damaged is not None or not encoding.half_tells
    assert 0.5 < clip.seconds < 2.5
    if encoding.rate == 16_000:
        np.testing.assert_allclose(clip.samples[:4000], whole[:4000], atol=1e-2)


@pytest.mark.parametrize("encoding", [MKV, M4A], ids=str)
def test_what_follows_damage_in_the_middle_is_heard_and_the_loss_is_noted(
    tmp_path: Path, encoding: Encoding
) -> None:
    path = made(tmp_path, encoding, 6.0)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = bytes(1500)
    path.write_bytes(content)
    clip = read_clip(path, strict=False)
    assert clip.damaged is not None
    assert "of 6.0" in clip.damaged
    assert clip.seconds > 5.0


def dsf(path: Path, seconds: float = 1.0) -> Path:
    """Write a tone as DSD: one bit a sample, 2.8 million a second, in blocks of 4096 bytes."""
    rate = 2_822_400
    wave = 0.4 * np.sin(2 * np.pi * 300 * np.arange(round(rate * seconds)) / rate)
    sums = np.floor(np.cumsum((wave + 1) / 2))  # the density of ones follows the wave
    packed = np.packbits(np.diff(sums, prepend=0).astype(np.uint8), bitorder="little").tobytes()
    packed += b"\x69" * (-len(packed) % 4096)
    data = b"data" + (12 + len(packed)).to_bytes(8, "little") + packed
    numbers = (1, 0, 1, 1, rate, 1)  # version, format, type of channels, channels, rate, bits
    form = b"fmt " + (52).to_bytes(8, "little") + b"".join(number.to_bytes(4, "little") for number in numbers)
    form += len(wave).to_bytes(8, "little") + (4096).to_bytes(4, "little") + bytes(4)
    sizes = (28).to_bytes(8, "little") + (28 + len(form) + len(data)).to_bytes(8, "little") + bytes(8)
    path.write_bytes(b"DSD " + sizes + form + data)
    return path


def test_dsd_is_read(tmp_path: Path) -> None:
    clip = read_clip(dsf(tmp_path / "a.wav"))  # by its content, whatever its name
    assert clip.seconds == pytest.approx(1.0, abs=0.02)
    spectrum = np.abs(np.fft.rfft(clip.samples[:16_000]))
    assert int(spectrum[20:].argmax()) + 20 == pytest.approx(300, abs=2)


@pytest.mark.parametrize("suffix", ["ac3", "wv", "tta"])
def test_a_file_by_another_name_that_needs_pyav_is_refused_with_the_extra(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (encoding,) = [one for one in ENCODINGS if one.suffix == suffix]
    path = made(tmp_path, encoding).rename(tmp_path / "a.wav")
    assert read_clip(path).seconds == pytest.approx(3.0, abs=0.05)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match="emofuse\\[media\\]"):
        read_clip(path)


def test_folders_are_searched_for_every_format() -> None:
    assert set(MEDIA_SUFFIXES) < set(AUDIO_SUFFIXES)
    assert {f".{encoding.suffix}" for encoding in ENCODINGS} <= set(MEDIA_SUFFIXES)


def test_a_riff_of_unknown_size_is_not_called_cut(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1000))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    for size, cut in ((0xFFFFFFFF, False), (0, False), (len(content) - 8, False), (len(content), True)):
        content[4:8] = size.to_bytes(4, "little")
        (tmp_path / "a.wav").write_bytes(content)
        assert is_cut(tmp_path / "a.wav") is cut


@pytest.mark.data
@pytest.mark.skipif(not ODD.is_dir(), reason="EMOFUSE_DATA does not name a folder with odd_audio")
@pytest.mark.parametrize("path", sorted(ODD.glob("*/*")), ids=lambda path: path.name)
def test_with_pyav_an_odd_file_gives_a_clip_or_one_line_that_names_it(path: Path) -> None:
    if path.name not in REFUSED:
        assert 0.09 < read_clip(path).seconds < 61
        return
    with pytest.raises(AudioError, match=REFUSED[path.name]) as caught:
        read_clip(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_dsd_is_decoded(tmp_path: Path) -> None:
    rate, seconds = 2_822_400, 0.02
    wave = np.repeat(0.3 * np.sin(2 * np.pi * 500 * np.arange(round(44_100 * seconds)) / 44_100), 64).tolist()
    bits, error = [], 0.0
    for value in wave:  # delta-sigma modulation of the first order
        error += value
        bits.append(error >= 0)
        error -= 1.0 if bits[-1] else -1.0
    body = np.packbits(np.array(bits), bitorder="little").tobytes()
    body += b"\x69" * (-len(body) % 4096)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, rate, 1, len(bits), 4096, 0)
    data = struct.pack("<4sQ", b"data", 12 + len(body)) + body
    path = tmp_path / "a.dsf"
    path.write_bytes(struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(data), 0) + form + data)
    clip = read_clip(path)
    assert clip.seconds == pytest.approx(seconds, abs=0.005)
    assert np.abs(clip.samples).max() == pytest.approx(0.3, abs=0.1)
