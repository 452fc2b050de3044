"""Damaged recordings: refused when strict, else used as far as they decode, with a note."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emofuse.errors import AudioError
from emofuse.sound.clips import read_clip
from emofuse.sound.ogg_pages import OggPages, examine_pages
from emofuse.sound.patched_file import PatchedFile
from emofuse.sound.recordings import DamagedError, Salvage, truncated
from emofuse.sound.streams import clips_of, mono_blocks
from emofuse.types.arrays import Samples

RATE = 16_000


def noise(seconds: float = 4.0) -> Samples:
    return (0.1 * np.random.default_rng(0).normal(size=round(RATE * seconds))).astype(np.float32)


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def blank(path: Path) -> Path:
    """Overwrite some bytes in the middle."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\x55" * 2000
    path.write_bytes(content)
    return path


def written(folder: Path, form: str) -> Path:
    path = folder / f"a.{form}"
    soundfile.write(path, noise(), RATE)
    return path


def test_the_note_says_how_much_was_read_of_how_much() -> None:
    salvage = Salvage()
    salvage.add_damage(truncated(Path("a.wav"), 4.0), 1.5)
    assert salvage.damaged == "is truncated, it ends before its header says; 1.50 of 4.00 s were decoded"
    salvage.add_damage(DamagedError(Path("a.wav"), "is damaged", promised=4.0, lost=0.5), 4.0)
    assert salvage.damaged == "is damaged; 3.50 of 4.00 s were decoded"
    salvage.add_damage(truncated(Path("a.wav")), 1.5)
    assert str(salvage.damaged).endswith("; 1.50 s were decoded, and how long it was meant to be is not known")


def test_a_note_is_made_once() -> None:
    salvage = Salvage()
    salvage.add_note("one")
    salvage.add_note("one")
    assert salvage.notes == ["one"]


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "w64", "aiff", "au", "rf64"])
def test_of_a_cut_recording_all_is_read_that_is_there(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form)
    whole = read_clip(path).samples
    cut(path, 0.5)
    with pytest.raises(AudioError):
        read_clip(path)
    clip = read_clip(path, strict=False)
    assert clip.damaged is not None
    assert "s were decoded" in clip.damaged
    assert 0.5 < clip.seconds < 2.5  # a page of an OGG may hold a second
    np.testing.assert_allclose(clip.samples[:8000], whole[:8000], atol=1e-3)


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "w64", "aiff", "au", "rf64"])
def test_a_header_that_declares_a_length_promises_it(tmp_path: Path, form: str) -> None:
    damaged = read_clip(cut(written(tmp_path, form), 0.5), strict=False).damaged
    assert damaged is not None
    assert float(damaged.split(" of ")[1].split()[0]) == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("with_pyav", [True, False])
def test_a_flac_with_damage_in_the_middle_is_read_up_to_there_and_with_pyav_behind_it(
    tmp_path: Path, with_pyav: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_pyav:
        pytest.importorskip("av", reason="the extra media is not installed")
    else:
        monkeypatch.setitem(sys.modules, "av", None)
    path = written(tmp_path, "flac")
    whole = read_clip(path).samples
    with pytest.raises(DamagedError):
        read_clip(blank(path))
    clip = read_clip(path, strict=False)
    assert clip.damaged is not None
    heard = float(clip.damaged.split("; ")[-1].split()[0])
    assert 1.5 < heard < 3.9
    assert clip.damaged.endswith(" of 4.00 s were decoded")
    np.testing.assert_array_equal(clip.samples[:24_000], whole[:24_000])
    if with_pyav:
        assert heard > 3.0
        assert clip.seconds == 4.0
        np.testing.assert_array_equal(clip.samples[-16_000:], whole[-16_000:])


def test_of_an_mp3_with_a_hole_what_is_behind_it_is_read(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the extra media is not installed")
    path = tmp_path / "a.mp3"
    soundfile.write(path, noise(12.0), RATE)
    whole = read_clip(path).samples
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 1500] = bytes(1500)
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        read_clip(path)
    clip = read_clip(path, strict=False)
    assert clip.damaged is not None
    assert 10.0 < clip.seconds < 12.0
    end = clip.samples[-24_000:-8000]
    lags = np.correlate(whole[-40_000:], end)  # the same sound, wherever it begins
    assert lags.max() > 0.9 * float(np.square(end).sum())


def test_a_whole_recording_has_no_note_and_the_same_sound(tmp_path: Path) -> None:
    path = written(tmp_path, "wav")
    strict, lenient = read_clip(path), read_clip(path, strict=False)
    np.testing.assert_array_equal(strict.samples, lenient.samples)
    assert (lenient.damaged, lenient.notes) == (None, ())


def test_what_does_not_decode_at_all_is_refused_all_the_same(tmp_path: Path) -> None:
    for content in (b"This is text, not sound.\n", b"RIFF" + bytes(40), bytes(4096), b"fLaC" + bytes(100)):
        (tmp_path / "a.wav").write_bytes(content)
        with pytest.raises(AudioError, match=r"a\.wav: "):
            read_clip(tmp_path / "a.wav", strict=False)


def unfinished(path: Path, riff: int, data: int = 0) -> Path:
    """Give a WAV the header that a recorder leaves which never came to write the sizes."""
    content = bytearray(path.read_bytes())
    content[4:8], content[40:44] = struct.pack("<I", riff), struct.pack("<I", data)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
def test_a_wav_whose_header_was_never_finished_is_read_to_its_end(tmp_path: Path, riff: int) -> None:
    pytest.importorskip("av", reason="the extra media is not installed")
    path = written(tmp_path, "wav")
    whole = read_clip(path).samples
    with pytest.raises(DamagedError, match="its recorder never finished its header"):
        read_clip(unfinished(path, riff))
    clip = read_clip(path, strict=False)
    np.testing.assert_array_equal(clip.samples, whole)
    assert clip.damaged is not None
    assert clip.damaged.startswith("its recorder never finished its header; 4.00 s were decoded")


def test_a_wav_that_says_rightly_that_it_is_empty_holds_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise()[:0], RATE)
    with pytest.raises(AudioError, match="holds no samples"):
        read_clip(tmp_path / "a.wav", strict=False)


def stereo_against(folder: Path, factor: float) -> Path:
    path = folder / "a.wav"
    soundfile.write(path, np.stack([factor * noise(), noise()], axis=1), RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("factor", [-1.0, -0.8])
def test_of_channels_that_cancel_each_other_out_the_louder_is_used_and_that_is_noted(
    tmp_path: Path, factor: float
) -> None:
    clip = read_clip(stereo_against(tmp_path, factor), strict=False)
    loudest = 1 if factor > -1 else 0
    assert clip.notes == (f"its channels cancel each other out: channel {loudest}, the loudest, was used instead",)
    expected = noise() if loudest else -noise()
    np.testing.assert_array_equal(clip.samples, expected)


@pytest.mark.parametrize("factor", [1.0, 0.0, -0.3])
def test_other_channels_are_averaged(tmp_path: Path, factor: float) -> None:
    path = stereo_against(tmp_path, factor)
    clip = read_clip(path, strict=False)
    assert clip.notes == ()
    np.testing.assert_array_equal(clip.samples, read_clip(path).samples)


@pytest.mark.parametrize("damage", [lambda path: cut(path, 0.5), blank], ids=["cut", "blank"])
def test_a_stream_ends_where_the_recording_breaks_off(tmp_path: Path, damage: Callable[[Path], Path]) -> None:
    path = damage(written(tmp_path, "flac"))
    with pytest.raises(AudioError):
        list(mono_blocks(path))
    salvage = Salvage()
    samples = np.concatenate(list(mono_blocks(path, salvage=salvage)))
    assert salvage.damaged is not None
    np.testing.assert_array_equal(samples, read_clip(path, strict=False).samples)
    (first,) = clips_of(path, [(0.5, 1.5)], salvage=Salvage())
    np.testing.assert_array_equal(first.samples, samples[8000:24_000])


@pytest.mark.parametrize("form", ["NIST", "VOC", "CAF"])
def test_other_containers_that_are_cut_are_noticed(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE, format=form, subtype="PCM_16")
    assert read_clip(path).seconds == pytest.approx(4.0, abs=0.01)
    cut(path, 0.5)
    with pytest.raises(DamagedError, match="is truncated, it ends before its header says"):
        read_clip(path)
    clip = read_clip(path, strict=False)
    assert clip.seconds == pytest.approx(2.0, abs=0.1)
    assert str(clip.damaged).startswith("is truncated")


@pytest.mark.parametrize("form", ["AU", "RF64"])
def test_headers_that_were_never_finished_are_mended(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE, format=form, subtype="PCM_16")
    content, whole = path.read_bytes(), read_clip(path)
    place, length = (8, 4) if form == "AU" else (content.index(b"ds64") + 8, 24)
    path.write_bytes(content[:place] + bytes(length) + content[place + length :])
    with pytest.raises(DamagedError, match="its recorder never finished its header"):
        read_clip(path)
    clip = read_clip(path, strict=False)
    assert clip.damaged == (
        "its recorder never finished its header; 4.00 s were decoded, and how long it was meant to be is not known"
    )
    np.testing.assert_array_equal(clip.samples, whole.samples)
    span = read_clip(path, 1.0, 2.0)
    np.testing.assert_array_equal(span.samples, whole.samples[RATE : 2 * RATE])


@pytest.mark.parametrize("form", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("missing", [True, False])
def test_pages_that_are_missing_or_damaged_are_noticed(tmp_path: Path, form: str, missing: bool) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(6.0), RATE, format="OGG", subtype=form)
    content = path.read_bytes()
    assert examine_pages(path, RATE) == OggPages(closed=True, missing=0, lost=0.0)
    begin, end = [place for place in range(len(content)) if content.startswith(b"OggS", place)][3:5]
    path.write_bytes(content[:begin] + (b"" if missing else content[begin : end - 1] + b"\x55") + content[end:])
    with pytest.raises(DamagedError, match="is damaged, 1 of its pages are missing or cannot be read"):
        read_clip(path)
    clip = read_clip(path, strict=False)
    assert clip.seconds == pytest.approx(6.0, abs=0.01)
    pages = examine_pages(path, RATE)
    assert pages == OggPages(closed=True, missing=1, lost=pytest.approx(1.0, abs=0.2))
    assert str(clip.damaged).endswith(f"{clip.seconds - pages.lost:.2f} of 6.00 s were decoded")
    assert read_clip(path, 0.0, 1.0).damaged is None


def test_a_place_outside_of_a_file_is_no_exception(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with PatchedFile(tmp_path / "a", b"ab") as file:
        assert file.seek(-3, 2) == 7
        assert file.seek(-8, 1) == -1
        assert file.seek(-11, 2) == -1
        assert file.seek((1 << 63) - 1) == -1
        assert file.read(3) == b"789"
        assert file.seek(0) == 0
        assert file.read(3) == b"ab2"


def test_a_header_that_breaks_off_before_its_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0.1), RATE, format="RF64")
    content = path.read_bytes()
    content = content[: content.index(b"data") + 6]
    path.write_bytes(content.replace(content[20:44], bytes(24), 1))
    with pytest.raises(AudioError, match=r"a\.wav"):
        read_clip(path)


def test_pages_are_found_behind_beginnings_of_pages_that_are_none(tmp_path: Path) -> None:
    path = written(tmp_path, "ogg")
    content = path.read_bytes()
    second = content.index(b"OggS", 4)
    path.write_bytes(content[:second] + b"OggS" * 5_000 + b"-" * 70_000 + content[second:])
    assert examine_pages(path, RATE).closed
    assert examine_pages(path, RATE).missing == 0
