from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.fft import dct

from emofuse.data import functionals as module
from emofuse.data.functionals import NAMES, functionals, read_functionals
from emofuse.errors import AudioError, RunError
from emofuse.layout import cache_folder
from emofuse.sound import contours
from emofuse.sound.clips import Clip
from emofuse.sound.contours import deltas, energy, mfcc, pitch
from emofuse.sound.features import log_mel
from emofuse.types import Corpus, Utterance
from emofuse.types.arrays import Float32Array

RATE = 16_000


def noise(seconds: float, seed: int = 0, loudness: float = 0.1) -> Float32Array:
    size = round(seconds * RATE)
    return (loudness * np.random.default_rng(seed).normal(size=size)).astype(np.float32)


def sound(hertz: float, orders: tuple[int, ...] = (1,), seconds: float = 0.5) -> Float32Array:
    """Return harmonics of a pitch, weaker the higher, not in phase."""
    time = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * hertz * n * time + n) / n for n in orders]
    return (0.2 * np.sum(waves, axis=0)).astype(np.float32)


def described(samples: Float32Array) -> dict[str, float]:
    return dict(zip(NAMES, functionals(Clip(samples, RATE)).tolist(), strict=True))


def test_every_value_has_a_name_of_its_own() -> None:
    row = functionals(Clip(noise(1.0), RATE))
    assert row.shape == (len(NAMES),)
    assert row.dtype == np.float32
    assert len(set(NAMES)) == len(NAMES)


def test_mfcc_agree_with_the_cosine_transform_of_scipy() -> None:
    samples = noise(1.7) + sound(150, (1, 2, 3), 1.7)
    expected = dct(log_mel(samples, RATE, 26), type=2, axis=1, norm="ortho")[:, 1:14]
    np.testing.assert_allclose(mfcc(samples), expected, atol=1e-4)


def test_energy_agrees_with_one_frame_at_a_time() -> None:
    samples = noise(1.5)
    frames = [samples[first : first + 400] for first in range(0, len(samples) - 399, 160)]
    expected = [10 * np.log10(np.mean(np.float64(frame) ** 2) + 1e-9) for frame in frames]
    np.testing.assert_allclose(energy(samples), expected, atol=1e-3)


def test_deltas_are_the_slope_of_a_line_through_five_frames() -> None:
    contours = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    found = deltas(contours)
    for frame in range(2, 7):
        slopes = np.polyfit(range(-2, 3), contours[frame - 2 : frame + 3], 1)[0]
        np.testing.assert_allclose(found[frame], slopes, atol=1e-5)
    np.testing.assert_allclose(deltas(np.ones((1, 3), dtype=np.float32)), np.zeros((1, 3)))


@pytest.mark.parametrize("orders", [(1,), (1, 2, 3), tuple(range(1, 16)), (2, 3, 4, 5)])
@pytest.mark.parametrize("hertz", [70.0, 80.0, 101.3, 127.0, 160.0, 211.0, 250.0, 333.0, 400.0, 480.0])
def test_the_pitch_of_tones_and_harmonics_is_found(hertz: float, orders: tuple[int, ...]) -> None:
    found, periodicity, _ = pitch(sound(hertz, orders))
    assert (found > 0).mean() > 0.95
    np.testing.assert_allclose(found[found > 0], hertz, rtol=0.02)
    assert periodicity[found > 0].min() > 0.8


def test_pitch_stands_a_little_noise_and_an_offset() -> None:
    found, _, _ = pitch(sound(180, (1, 2, 3)) + noise(0.5, loudness=0.02) + np.float32(0.3))
    assert (found > 0).mean() > 0.9
    np.testing.assert_allclose(found[found > 0], 180, rtol=0.02)


def test_pitch_has_ten_milliseconds_a_frame_and_knows_where_it_is() -> None:
    found, _, _ = pitch(np.concatenate([noise(0.5, loudness=0.01), sound(200), noise(0.5, loudness=0.01)]))
    assert 140 <= len(found) <= 150
    assert np.flatnonzero(found)[0] == pytest.approx(48, abs=3)
    assert np.flatnonzero(found)[-1] == pytest.approx(97, abs=3)


@pytest.mark.parametrize("samples", [noise(2.0), np.zeros(RATE, dtype=np.float32)], ids=["noise", "silence"])
def test_what_does_not_repeat_itself_is_unvoiced(samples: Float32Array) -> None:
    found, _, _ = pitch(samples)
    assert not found.any()


def test_what_is_far_below_the_loudest_is_unvoiced() -> None:
    found, _, _ = pitch(np.concatenate([sound(200), 0.003 * sound(200)]))
    assert (found[:45] > 0).all()
    assert not found[55:].any()


def test_pitch_is_reported_in_semitones_from_150_hertz() -> None:
    row = described(sound(300, (1, 2)))
    assert row["f0_mean"] == pytest.approx(12.0, abs=0.2)
    assert row["f0_p50"] == pytest.approx(12.0, abs=0.2)
    assert row["f0_std"] == pytest.approx(0.0, abs=0.1)
    assert row["voiced_share"] > 0.95


def test_a_voice_that_rises_an_octave_a_second_has_12_semitones_a_second() -> None:
    time = np.arange(RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * 120 * (2**time - 1) / np.log(2))).astype(np.float32)
    row = described(samples)
    assert row["f0_rising"] > 0.95
    assert row["f0_slope_mean"] == pytest.approx(12.0, abs=1.0)
    assert row["f0_range"] == pytest.approx(0.9 * 12.0, abs=0.7)


def test_stretches_of_voice_are_counted_per_second() -> None:
    pause = noise(0.2, loudness=0.001)
    row = described(np.concatenate([sound(200, seconds=0.3), pause, sound(200, seconds=0.3), pause]))
    assert row["voiced_runs_per_second"] == pytest.approx(2.0, rel=0.1)
    assert row["voiced_share"] == pytest.approx(0.6, abs=0.1)


def test_a_louder_voice_differs_in_energy_alone() -> None:
    quiet = described(sound(200, (1, 2, 3)) + noise(0.5, loudness=0.05))
    loud = described(2 * (sound(200, (1, 2, 3)) + noise(0.5, loudness=0.05)))
    for name in NAMES:
        louder = name in ("energy_mean", "voiced_energy_mean") or name.startswith("energy_p")
        assert loud[name] - quiet[name] == pytest.approx(6.02 if louder else 0.0, abs=0.02), name


def test_a_longer_clip_of_the_same_sound_is_described_alike() -> None:
    short, long = described(sound(200, (1, 2, 3), 1.0)), described(sound(200, (1, 2, 3), 4.0))
    for name in NAMES:
        if name != "voiced_runs_per_second":  # one stretch in 1 s, and in 4 s
            assert long[name] == pytest.approx(short[name], abs=0.1), name


@pytest.mark.parametrize("size", [1, 10, 320, 399, 400, 401, 767, 768, 5000])
def test_short_silent_and_constant_clips_have_finite_numbers(size: int) -> None:
    for samples in (np.zeros(size), np.full(size, 0.5), np.full(size, 1e-5), noise(1.0)[:size], sound(200)[:size]):
        assert np.isfinite(functionals(Clip(samples.astype(np.float32), RATE))).all()


def test_twenty_milliseconds_of_a_voice_are_one_frame() -> None:
    row = described(sound(200, (1, 2), seconds=0.02))
    assert row["mfcc1_std"] == row["energy_range"] == row["f0_slope_mean"] == 0.0


def test_how_many_frames_are_looked_at_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sound(200, (1, 2, 3), 1.0) + noise(1.0, loudness=0.05)
    expected = functionals(Clip(samples, RATE))
    monkeypatch.setattr(contours, "BLOCK", 7)
    np.testing.assert_allclose(functionals(Clip(samples, RATE)), expected, rtol=1e-3, atol=1e-3)


def test_another_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="16000 Hz, not 8000 Hz"):
        functionals(Clip(noise(1.0), 8000))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Return two recordings, a copy of the first, a span of it, a broken file, a missing one and a text."""
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    for name, hertz in (("a", 120.0), ("copy", 120.0), ("b", 240.0)):
        soundfile.write(tmp_path / f"{name}.wav", sound(hertz, (1, 2), 1.0), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    names = ("a", "b", "copy", "broken", "missing")
    utterances = [Utterance(name, audio=tmp_path / f"{name}.wav") for name in names]
    span = Utterance("span", audio=tmp_path / "a.wav", start=0.2, end=0.5)
    return Corpus((*utterances, span, Utterance("written", text="yes")))


def refuse(*_: object, **__: object) -> Clip:
    raise AssertionError("something was decoded")


def test_a_corpus_is_described_by_id_and_what_cannot_be_read_is_reported(made: Corpus) -> None:
    found, skipped = read_functionals(made)
    assert set(found) == {"a", "b", "copy", "span"}
    assert [skip.id for skip in skipped] == ["broken", "missing"]
    assert "broken.wav" in skipped[0].reason
    assert "no such file" in skipped[1].reason
    np.testing.assert_array_equal(found["a"], found["copy"])
    assert not np.array_equal(found["a"], found["span"])
    index = NAMES.index("f0_mean")
    assert found["b"][index] - found["a"][index] == pytest.approx(12.0, abs=0.3)


def test_what_is_kept_is_not_decoded_again(made: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    good = made.select({"a", "b", "copy", "span", "written"})
    found, _ = read_functionals(good)
    monkeypatch.setattr(module, "read_clip", refuse)
    again, skipped = read_functionals(good)
    assert skipped == []
    assert again.keys() == found.keys()
    for identity in found:
        np.testing.assert_array_equal(again[identity], found[identity])


def test_another_version_of_the_formulas_is_computed_again(made: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    read_functionals(made)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    monkeypatch.setattr(module, "read_clip", refuse)
    with pytest.raises(AssertionError, match="decoded"):
        read_functionals(made)


@pytest.mark.parametrize("damage", [b"", b"not an entry"])
def test_a_damaged_entry_is_computed_again(made: Corpus, damage: bytes) -> None:
    found, _ = read_functionals(made)
    entries = sorted(cache_folder().rglob("*.safetensors"))
    assert len(entries) == 3  # the copy has none of its own
    for entry in entries:
        entry.write_bytes(damage)
    again, _ = read_functionals(made)
    for identity in found:
        np.testing.assert_array_equal(again[identity], found[identity])
    assert all(entry.stat().st_size > 100 for entry in entries)


def test_many_recordings_that_are_the_same_share_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    for number in range(40):
        soundfile.write(tmp_path / f"{number}.wav", sound(120, seconds=0.1), RATE)
    corpus = Corpus(tuple(Utterance(str(n), audio=tmp_path / f"{n}.wav") for n in range(40)))
    found, skipped = read_functionals(corpus)
    assert (len(found), skipped) == (40, [])
    assert len(list(cache_folder().rglob("*"))) == 3  # two folders and an entry


def test_a_cache_that_cannot_be_written_is_reported(made: Corpus) -> None:
    cache_folder().write_text("a file, where a folder should be")
    with pytest.raises(RunError, match="cannot be written"):
        read_functionals(made)
