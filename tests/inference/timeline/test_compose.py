"""From a recording to a timeline: what is heard, when, by whom, with which words, in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from exports import words

from emofuse import EmotionRecognizer
from emofuse.data.asr_engines import Transcript
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation, TextPreparation
from emofuse.errors import ModalityError, RecipeError
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.inference.timeline.compose import compose
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.sound.clips import Clip
from emofuse.types import Modality, Task, Turn

RATE = 16_000


class Ear:
    """Says `loud` where a clip is louder than a tenth of full scale, and keeps the lengths that it was given."""

    padded_seconds = 0.0

    def __init__(self, modalities: tuple[Modality, ...] = ("audio",), missing: bool = True) -> None:
        self.traits = Traits("ear", Task(("quiet", "loud")), modalities, missing)
        self.seconds: list[float] = []

    def __call__(self, batch: Batch) -> Outputs:
        lengths = batch.audio_mask.sum(axis=1)
        self.seconds += (lengths / RATE).tolist()
        loud = np.abs(batch.input_values).max(axis=1) > 0.1
        return Outputs(np.where(loud[:, None], (-2.0, 2.0), (2.0, -2.0)).astype(np.float32))

    def embed(self, batch: Batch) -> np.ndarray:
        raise NotImplementedError


def ear(text: TextPreparation | None = None, missing: bool = True, allow: bool = False) -> Predictor:
    modalities: tuple[Modality, ...] = ("audio", "text") if text else ("audio",)
    return Predictor(Ear(modalities, missing), Preparation(AudioPreparation(), text), allow_missing=allow)


def write(path: Path, parts: Iterable[tuple[float, float]], channels: int = 1) -> Path:
    """Write stretches of noise, each of so many seconds and so loud."""
    rng = np.random.default_rng(0)
    samples = np.concatenate([level * rng.uniform(-1, 1, round(seconds * RATE)) for seconds, level in parts])
    sound = samples if channels == 1 else np.stack([samples, np.roll(samples, 2 * RATE)], axis=1)
    soundfile.write(path, sound.astype(np.float32), RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 12 s: four loud, four silent, four quiet."""
    return write(tmp_path_factory.mktemp("heard") / "heard.wav", ((4.0, 0.5), (4.0, 0.0), (4.0, 0.05)))


def test_windows_cover_the_recording_and_what_is_silent_is_passed_over(recording: Path) -> None:
    timeline = compose(ear(), recording, TimelineOptions(segmentation="windows"))
    assert [(s.start, s.end, s.label) for s in timeline.segments] == [(0, 4, "loud"), (8, 12, "quiet")]
    assert [(p.start, p.end, p.reason) for p in timeline.excluded] == [(4, 8, "it is silent")]
    assert (timeline.seconds, timeline.segmentation, timeline.id) == (12.0, "windows", "heard")
    assert timeline.model == "ear"
    assert timeline.notes == ()
    assert timeline.overall["loud"] == pytest.approx(0.5)


def test_given_turns_are_taken_with_their_speakers_and_long_ones_are_cut(recording: Path) -> None:
    predictor = ear()
    turns = (Turn(8.5, 9.0, "B"), Turn(0.0, 3.0, "A"))
    timeline = compose(predictor, recording, TimelineOptions(turns=turns, longest=2.0))
    assert [(s.start, s.end, s.speaker) for s in timeline.segments] == [
        (0.0, 1.5, "A"),
        (1.5, 3.0, "A"),
        (8.5, 9.0, "B"),
    ]
    assert timeline.segmentation == "given"
    assert [s.short for s in timeline.segments] == [False, False, True]
    assert sorted(predictor.runtime.seconds) == [0.5, 1.5, 1.5]  # type: ignore[attr-defined]


def test_energy_finds_where_somebody_speaks(tmp_path: Path) -> None:
    bursts = [(1.0, 0.0005), *[part for _ in range(4) for part in ((1.0, 0.5), (1.0, 0.0005))]]
    timeline = compose(ear(), write(tmp_path / "bursts.wav", bursts), TimelineOptions(segmentation="energy"))
    assert timeline.segmentation == "energy"
    assert [round(s.start) for s in timeline.segments] == [1, 3, 5, 7]
    assert all(0.8 < s.seconds < 1.6 for s in timeline.segments)
    assert timeline.segments[-1].end <= timeline.seconds == 9.0


def test_a_timeline_of_nothing_says_so(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.wav", ((5.0, 0.0),))
    timeline = compose(ear(), silent, TimelineOptions(segmentation="energy"))
    assert timeline.segments == ()
    assert timeline.notes == ("no speech was found",)
    assert timeline.as_dict()["label"] is None


def test_speakers_and_words_are_put_where_they_belong(recording: Path) -> None:
    options = TimelineOptions(
        turns=(Turn(0.0, 3.0), Turn(8.0, 11.0)),
        speakers=(Turn(0.0, 2.0, "A"), Turn(2.0, 3.0, "B"), Turn(8.0, 11.0, "B")),
        words=(Turn(0.5, 0.9, text="no"), Turn(1.0, 1.5, text="way"), Turn(9.0, 9.5, text="table")),
    )
    timeline = compose(ear(words()), recording, options)
    assert [(s.speaker, s.text, s.modalities) for s in timeline.segments] == [
        ("A", "no way", ("audio", "text")),
        ("B", "table", ("audio", "text")),
    ]
    assert timeline.notes == ()


def test_without_words_the_predictions_are_from_sound_and_the_notes_say_so(recording: Path) -> None:
    turns = (Turn(0.0, 3.0), Turn(8.0, 11.0))
    alone = compose(ear(words()), recording, TimelineOptions(turns=turns))
    assert alone.notes == ("there was no text: the predictions are from sound alone",)
    some = compose(ear(words()), recording, TimelineOptions(turns=turns, words=(Turn(1.0, 2.0, text="no"),)))
    assert some.notes == ("1 of 2 segments have no text: their predictions are from sound alone",)
    untimed = compose(ear(words()), recording, TimelineOptions(turns=turns, words="no way"))
    assert untimed.notes[0] == "the given text has no times, so it was not used"


def test_a_model_that_needs_words_refuses_and_names_the_way_out(recording: Path) -> None:
    options = TimelineOptions(turns=(Turn(0.0, 3.0),))
    with pytest.raises(ModalityError, match=r"no words with times.*--asr.*--allow-missing"):
        compose(ear(words(), missing=False), recording, options)
    assert len(compose(ear(words(), missing=False, allow=True), recording, options).segments) == 1
    reader = Predictor(Ear(("text",)), Preparation(None, words()))
    with pytest.raises(ModalityError, match="the model takes text only"):
        compose(reader, recording, options)


class Engine:
    """Hears how many seconds a clip has; fails on short ones; says that all is Dutch."""

    name, version, languages = "counter", "1", frozenset({"nl", "en"})

    def __init__(self) -> None:
        self.asked: list[tuple[float, int, str | None]] = []

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        self.asked.append((clip.seconds, clip.rate, language))
        if clip.seconds < 1:
            raise RuntimeError("too short")
        return Transcript(f"{clip.seconds:g} seconds", language or "nl")


def test_an_engine_gives_words_and_the_language_to_segments_without(recording: Path) -> None:
    engine = Engine()
    turns = (Turn(0.0, 3.0), Turn(3.0, 3.5), Turn(8.0, 10.0, text="no", language="en"))
    timeline = compose(ear(words()), recording, TimelineOptions(turns=turns, engine=engine))
    assert [(s.text, s.text_source, s.language) for s in timeline.segments] == [
        ("3 seconds", "asr:counter", "nl"),
        (None, None, None),
        ("no", None, "en"),
    ]
    assert engine.asked == [(3.0, RATE, None), (0.5, RATE, None)]
    assert timeline.notes == (
        "1 of 3 segments have no text: their predictions are from sound alone",
        "words were recognised by counter, and may be wrong",
    )
    told = compose(ear(words()), recording, TimelineOptions(turns=turns[:1], engine=engine, language="en"))
    assert told.segments[0].language == "en"
    with pytest.raises(RecipeError, match="language xx: counter does not know it"):
        TimelineOptions(engine=engine, language="xx")


def test_an_engine_of_one_language_is_noted(recording: Path) -> None:
    engine = Engine()
    engine.languages = frozenset({"nl"})
    note = "counter takes all speech for the language 'nl'"
    turns = (Turn(0.0, 3.0),)
    assert note in compose(ear(words()), recording, TimelineOptions(turns=turns, engine=engine)).notes
    told = TimelineOptions(turns=turns, engine=engine, language="nl")
    assert note not in compose(ear(words()), recording, told).notes


def test_words_are_recognised_at_16_khz_whatever_the_model_takes(recording: Path) -> None:
    engine = Engine()
    predictor = Predictor(Ear(("audio", "text")), Preparation(AudioPreparation(rate=8000), words()))
    options = TimelineOptions(turns=(Turn(0.0, 2.0), Turn(8.0, 10.0)), engine=engine)
    timeline = compose(predictor, recording, options)
    assert engine.asked == [(2.0, RATE, None), (2.0, RATE, None)]
    assert [s.text for s in timeline.segments] == ["2 seconds", "2 seconds"]


def test_channels_are_analysed_one_by_one(tmp_path: Path) -> None:
    call = write(tmp_path / "call.wav", ((2.0, 0.5), (6.0, 0.0)), channels=2)
    names = {"agent": 0, "customer": 1}
    agent, customer = (
        compose(ear(), call, TimelineOptions(segmentation="windows", longest=2.0, channel=number, name=name))
        for name, number in names.items()
    )
    assert [(s.start, s.speaker) for s in agent.segments] == [(0.0, "agent")]
    assert [(s.start, s.speaker) for s in customer.segments] == [(2.0, "customer")]
    assert (agent.id, agent.channel, customer.id) == ("call-agent", "agent", "call-customer")


def test_smoothing_and_baseline_are_applied_and_told(tmp_path: Path) -> None:
    parts = [(1.0, 0.5 if number % 2 else 0.05) for number in range(12)]
    path = write(tmp_path / "change.wav", parts)
    turns = tuple(Turn(float(n), n + 1.0, "A") for n in range(12))
    plain = compose(ear(), path, TimelineOptions(turns=turns))
    smooth = compose(ear(), path, TimelineOptions(turns=turns, smoothing=30.0))
    assert smooth.smoothing == 30.0
    spread = [max(s.probabilities["loud"] for s in t.segments) for t in (plain, smooth)]
    assert spread[1] < 0.6 < spread[0]
    assert compose(ear(), path, TimelineOptions(turns=turns, baseline=True)).baseline


@pytest.mark.parametrize(
    "wrong", [{"segmentation": "guess"}, {"smoothing": -1.0}, {"smoothing": float("nan")}, {"longest": 0.0}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        TimelineOptions(**wrong)  # type: ignore[arg-type]


def test_the_recogniser_is_the_door(recording: Path) -> None:
    options = TimelineOptions(segmentation="windows")
    assert EmotionRecognizer(ear()).timeline(str(recording), options) == compose(ear(), recording, options)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    peaks = []
    for minutes in (2, 8):
        path = write(tmp_path / f"{minutes}.wav", ((60.0 * minutes, 0.2),))
        tracemalloc.start()
        timeline = compose(ear(), path, TimelineOptions(segmentation="windows"))
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        assert len(timeline.segments) == 15 * minutes
    # Six more minutes are 23 MB of samples.
    assert peaks[1] - peaks[0] < 2.0
