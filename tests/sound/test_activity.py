from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
import onnxruntime
import pytest

from emofuse.errors import AudioError, MissingExtraError
from emofuse.sound import activity, speech_turns
from emofuse.sound.activity import (
    DETECTORS,
    FRAME,
    Detector,
    DetectorName,
    Energy,
    FrameScores,
    Silero,
    default_detector,
    periodicity_of,
)
from emofuse.sound.clips import SAMPLE_RATE, read_clip
from emofuse.sound.features import root_mean_square, to_level, trim_silence
from emofuse.sound.speech_turns import SpeechSpan, find_speech, to_turns
from emofuse.types import Turn
from emofuse.types.arrays import Samples

Spans = list[tuple[float, float]]

needs_silero = pytest.mark.skipif(find_spec("faster_whisper") is None, reason="the extra vad is not installed")
each_detector = pytest.mark.parametrize("name", [pytest.param("silero", marks=needs_silero), "energy"])


def blocks_of(samples: Samples, size: int) -> Iterator[Samples]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def syllables(seconds: float, rng: np.random.Generator) -> Samples:
    """Return noise in the band of a voice that swells four times a second, at a root mean square of 0.05."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.normal(size=count))
    hertz = np.fft.rfftfreq(count, 1.0 / SAMPLE_RATE)
    voice = np.fft.irfft(spectrum * ((hertz > 200) & (hertz < 3000)), count)
    swell = 0.6 - 0.4 * np.cos(2 * np.pi * 4.0 * np.arange(count) / SAMPLE_RATE)
    return to_level((voice * swell).astype(np.float32), 0.05)


def laid_out(clips: list[Samples], rng: np.random.Generator, decibels: float = 20.0) -> tuple[Samples, Spans]:
    """Put clips one after another, with pauses of 0.5 to 3 s and white noise so far below them."""
    parts, truth, time = list[Samples](), Spans(), 0
    for clip in clips:
        pause = round(rng.uniform(0.5, 3.0) * SAMPLE_RATE)
        parts += [np.zeros(pause, dtype=np.float32), clip]
        truth.append(((time + pause) / SAMPLE_RATE, (time + pause + len(clip)) / SAMPLE_RATE))
        time += pause + len(clip)
    samples = np.concatenate([*parts, np.zeros(SAMPLE_RATE, dtype=np.float32)])
    loudness = np.mean([root_mean_square(clip) for clip in clips]) * 10 ** (-decibels / 20)
    return (samples + rng.normal(0.0, loudness, len(samples))).astype(np.float32), truth


def share_found(turns: list[Turn], truth: Spans, tolerance: float = 0.3) -> float:
    """Return the share of the true turns with a start and an end near theirs."""
    starts, ends = (np.array([[getattr(turn, key) for turn in turns]]) for key in ("start", "end"))
    near = [
        np.abs(found - true[:, None]).min(axis=1)
        for found, true in zip((starts, ends), np.array(truth).T, strict=True)
    ]
    return float(np.mean((near[0] <= tolerance) & (near[1] <= tolerance)))


def outside(turns: list[Turn], truth: Spans) -> list[Turn]:
    return [turn for turn in turns if not any(turn.start < end and turn.end > start for start, end in truth)]


def demo_speech() -> Samples:
    """Return two sentences of the demo's synthetic voices, with a second of silence before, between and after."""
    folder = Path(activity.__file__).parents[1] / "demo" / "audio"
    pause = np.zeros(SAMPLE_RATE, dtype=np.float32)
    parts = [pause]
    for path in sorted(folder.rglob("*.opus"))[:2]:
        parts += [to_level(read_clip(path).samples, 0.05), pause]
    return np.concatenate(parts)


class Scripted:
    """A detector that takes whatever is not zero for speech."""

    name: ClassVar[DetectorName] = "energy"
    on, off = 1.0, 0.5

    def __call__(self, chunks: Iterator[Samples]) -> Iterator[FrameScores]:
        for chunk in chunks:
            frames = np.pad(chunk, (0, -len(chunk) % FRAME)).reshape(-1, FRAME)
            peaks = np.abs(frames).max(axis=1)
            yield FrameScores(peaks, peaks, len(chunk))


def test_the_detectors_are_those_that_the_type_names() -> None:
    assert set(DETECTORS) == set(get_args(DetectorName))
    assert {Silero.name, Energy.name} == set(DETECTORS)


@pytest.mark.parametrize("seed", range(3))
def test_the_energy_detector_finds_turns_in_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples, truth = laid_out([syllables(rng.uniform(0.6, 4.0), rng) for _ in range(30)], rng)
    turns = list(to_turns(find_speech([samples], Energy()), len(samples) / SAMPLE_RATE))
    assert share_found(turns, truth) == 1.0
    assert len(turns) == 30


def test_the_energy_detector_follows_noise_that_grows() -> None:
    rng = np.random.default_rng(0)
    samples, truth = laid_out([syllables(2.0, rng) for _ in range(40)], rng, decibels=40.0)
    growing = np.linspace(0.0, 0.008, len(samples)) * rng.normal(size=len(samples))
    turns = list(to_turns(find_speech([(samples + growing).astype(np.float32)], Energy())))
    assert share_found(turns, truth) >= 0.95
    assert not outside(turns, truth)


@each_detector
@pytest.mark.parametrize("loudness", [0.0, 1e-4, 0.01, 0.1])
def test_noise_alone_and_silence_hold_no_speech(name: DetectorName, loudness: float) -> None:
    noise = np.random.default_rng(0).normal(0.0, loudness, 30 * SAMPLE_RATE).astype(np.float32)
    assert list(find_speech([noise], DETECTORS[name]())) == []


@each_detector
@pytest.mark.parametrize("size", [100, FRAME, 16_001, 10**7])
def test_how_the_stream_is_cut_into_blocks_changes_nothing(name: DetectorName, size: int) -> None:
    samples, detector = demo_speech(), DETECTORS[name]()
    whole = list(find_speech([samples], detector))
    assert len(whole) >= 2
    found = list(find_speech(blocks_of(samples, size), detector))
    assert found == whole
    assert [stretch.levels for stretch in found] == [stretch.levels for stretch in whole]


@each_detector
def test_a_stretch_comes_before_the_stream_ends(name: DetectorName) -> None:
    samples, read = np.tile(demo_speech(), 20), 0

    def stream() -> Iterator[Samples]:
        nonlocal read
        for block in blocks_of(samples, 8000):
            read += len(block)
            yield block

    first = next(find_speech(stream(), DETECTORS[name]()))
    assert read <= (first.end + 6.0) * SAMPLE_RATE


@needs_silero
def test_silero_scores_a_stream_as_frame_by_frame() -> None:
    """The network, fed one frame after another by hand, says the same."""
    samples = demo_speech()[: 100 * FRAME + 77]
    path = Path(str(find_spec("faster_whisper").submodule_search_locations[0]))  # type: ignore[union-attr, index]
    session = onnxruntime.InferenceSession(str(path / "assets" / "silero_vad_v6.onnx"))
    padded = np.concatenate([np.zeros(64, dtype=np.float32), samples, np.zeros(FRAME - 77, dtype=np.float32)])
    state = {"h": np.zeros((1, 1, 128), dtype=np.float32), "c": np.zeros((1, 1, 128), dtype=np.float32)}
    expected = []
    for number in range(101):
        frame = padded[number * FRAME : number * FRAME + 64 + FRAME]
        score, state["h"], state["c"] = session.run(None, {"input": frame[None], **state})
        expected.append(float(score.item()))
    scored = list(Silero()._probabilities(activity.chunks_of(blocks_of(samples, 777))))
    np.testing.assert_allclose(np.concatenate([part.scores for part in scored]), expected, atol=1e-5)
    assert max(expected) > 0.9
    assert sum(part.samples for part in scored) == len(samples)


@needs_silero
def test_frames_that_silero_doubts_belong_to_a_run_where_they_are_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that the network believes in 10 frames late, after 20 loud frames in which it hears none."""
    rng = np.random.default_rng(0)
    levels = np.where(np.arange(96) < 40, -70.0, -20.0) + rng.normal(size=96)
    scores = np.concatenate([np.full(60, 0.05), np.full(10, 0.15), np.full(26, 0.9)])
    scored = FrameScores(scores.astype(np.float32), levels.astype(np.float32), 96 * FRAME)
    detector = Silero()
    monkeypatch.setattr(detector, "_probabilities", lambda chunks: iter([scored]))
    assert list(find_speech([], detector)) == [frames_of(60, 96)]
    quiet = FrameScores(scored.scores, np.full(96, -50.0, dtype=np.float32) + scored.levels / 100, 96 * FRAME)
    monkeypatch.setattr(detector, "_probabilities", lambda chunks: iter([quiet]))
    assert list(find_speech([], detector)) == [frames_of(70, 96)]


@needs_silero
def test_silero_finds_the_sentences_and_passes_over_a_tone() -> None:
    tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    samples = np.concatenate([tone, demo_speech()])
    turns = list(to_turns(find_speech([samples], Silero())))
    assert len(turns) == 2
    assert turns[0].start == pytest.approx(4.0, abs=0.3)
    assert turns[-1].end == pytest.approx(len(samples) / SAMPLE_RATE - 1.0, abs=0.3)


@needs_silero
def test_silero_is_taken_where_it_is_and_its_package_is_not_imported() -> None:
    code = (
        "import sys; from emofuse.sound.activity import default_detector; "
        "print(default_detector().name, 'faster_whisper' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["silero", "False"]


def test_without_the_network_the_energy_detector_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "SILERO_PACKAGE", "no_such_package")
    assert default_detector().name == "energy"
    with pytest.raises(MissingExtraError, match=r'voice activity with Silero .*"emofuse\[vad\]"'):
        Silero()


def test_a_package_that_carries_another_network_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "SILERO_FILE", Path("assets", "silero_vad_v9.onnx"))
    assert default_detector().name == "energy"


def pulses(*spans: tuple[int, int], length: int) -> Samples:
    samples = np.zeros(length, dtype=np.float32)
    for start, end in spans:
        samples[start * FRAME : end * FRAME] = 1.0
    return samples


def frames_of(start: int, end: int) -> SpeechSpan:
    return SpeechSpan(start * FRAME / SAMPLE_RATE, end * FRAME / SAMPLE_RATE)


def test_a_run_of_frames_is_a_stretch_and_a_click_is_none() -> None:
    samples = pulses((3, 9), (20, 22), length=40 * FRAME)
    assert list(find_speech([samples], Scripted())) == [frames_of(3, 9)]


def test_a_run_must_reach_the_upper_threshold_and_lasts_to_the_lower_one() -> None:
    samples = pulses((10, 20), length=60 * FRAME)
    samples[8 * FRAME : 10 * FRAME] = samples[20 * FRAME : 25 * FRAME] = 0.6
    samples[40 * FRAME : 50 * FRAME] = 0.9
    assert list(find_speech([samples], Scripted())) == [frames_of(8, 25)]


def test_speech_to_the_end_ends_with_the_last_sample() -> None:
    samples = pulses((2, 11), length=10 * FRAME + 100)
    (stretch,) = find_speech([samples], Scripted())
    assert stretch.end == len(samples) / SAMPLE_RATE


def test_endless_speech_is_handed_on_in_stretches_that_touch() -> None:
    count = 2 * speech_turns.LONGEST_FRAMES + 10
    found = list(find_speech(blocks_of(np.ones(count * FRAME, dtype=np.float32), 30 * SAMPLE_RATE), Scripted()))
    assert [len(stretch.levels) for stretch in found] == [
        speech_turns.LONGEST_FRAMES,
        speech_turns.LONGEST_FRAMES,
        10,
    ]
    assert found[0].end == found[1].start
    assert found[1].end == found[2].start


def test_what_follows_a_full_stretch_must_be_speech_by_itself() -> None:
    full = speech_turns.LONGEST_FRAMES
    samples = pulses((0, full), length=(full + 40) * FRAME)
    samples[(full + 10) * FRAME : (full + 20) * FRAME] = 0.6
    assert len(list(find_speech([samples], Scripted()))) == 1


def test_levels_are_decibels_of_full_scale() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    (stretch,) = find_speech([10.0 * tone], ScriptedLoud())
    assert len(stretch.levels) == int(np.ceil(SAMPLE_RATE / FRAME))
    np.testing.assert_allclose(stretch.levels[:-1], 20 * np.log10(1 / np.sqrt(2)), atol=0.1)


class ScriptedLoud(Energy):
    """The energy detector's levels, all taken for speech."""

    on = off = -100.0


@each_detector
def test_no_sound_gives_no_stretch_and_what_is_no_number_is_refused(name: DetectorName) -> None:
    detector: Detector = DETECTORS[name]()
    assert list(find_speech([], detector)) == []
    assert list(find_speech([np.zeros(0, dtype=np.float32), np.zeros(10, dtype=np.float32)], detector)) == []
    samples = np.zeros(4 * SAMPLE_RATE, dtype=np.float32)
    samples[50_000] = np.nan
    with pytest.raises(AudioError, match="not numbers"):
        list(find_speech([samples], detector))


@pytest.mark.data
@each_detector
def test_turns_of_real_speech_are_found_in_noise(name: DetectorName, data: Path) -> None:
    rng = np.random.default_rng(0)
    clips: list[Samples] = []
    for corpus in ("emodb", "nemo"):
        with (data / corpus / "manifest.csv").open(encoding="utf-8") as file:
            paths = [row["path"] for row in csv.DictReader(file)]
        for number in rng.permutation(len(paths))[:50]:
            said = trim_silence(read_clip(data / corpus / paths[int(number)]).samples, SAMPLE_RATE)
            clips.append(to_level(said, 0.05))
    samples, truth = laid_out(clips, rng)
    turns = list(to_turns(find_speech(blocks_of(samples, 30 * SAMPLE_RATE), DETECTORS[name]())))
    # The quiet beginnings and ends of some clips drown in the noise for the energy detector.
    assert share_found(turns, truth) >= {"silero": 0.95, "energy": 0.85}[name]
    assert not outside(turns, truth)


def test_how_well_frames_repeat_themselves() -> None:
    time = np.arange(12 * FRAME) / 16_000
    hum = np.sign(np.sin(2 * np.pi * 140 * time)).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=12 * FRAME).astype(np.float32)
    assert periodicity_of(hum).shape == (11,)
    assert periodicity_of(hum).min() > 0.9
    assert periodicity_of(noise).max() < 0.8
    assert periodicity_of(np.zeros(3 * FRAME, dtype=np.float32)).tolist() == [0.0, 0.0]


def test_silero_gives_evidence_that_does_not_depend_on_the_blocks() -> None:
    pytest.importorskip("faster_whisper")
    sound = (0.1 * np.random.default_rng(0).normal(size=70 * FRAME)).astype(np.float32)
    (whole,) = [np.concatenate([one.evidence for one in Silero()(iter([sound]))])]  # type: ignore[misc]
    parts = [one.evidence for one in Silero()(iter([sound[: 32 * FRAME], sound[32 * FRAME :]]))]
    assert whole.shape == (70, 2)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)  # type: ignore[arg-type]
