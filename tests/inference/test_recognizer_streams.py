"""The recogniser in a stream: whose thread takes what, how far it is, sound that is decoded, long recordings."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_corpus import write_tone

from emofuse import EmotionRecognizer, Prediction, Utterance
from emofuse.data.asr_engines import Transcript
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.errors import AudioError
from emofuse.inference import utterance_stream
from emofuse.inference.predictor import Predictor
from emofuse.inference.recognized_text import with_recognized_text
from emofuse.inference.runtime import Traits
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.utterance_stream import LONGEST_UTTERANCE_SECONDS
from emofuse.sound.clips import Clip, read_clip
from emofuse.types import Skip, Task


class Loudness:
    """Says `loud` the surer the louder a clip is; tells how many seconds it had as a dimension."""

    padded_seconds = 0.0

    def __init__(self) -> None:
        task = Task(("quiet", "loud"), ("seconds",), ((0.0, 100.0),))
        self.traits = Traits("loudness", task, ("audio",), missing_modalities=False)

    def __call__(self, batch: Batch) -> Outputs:
        lengths = batch.audio_mask.sum(axis=1)
        power = np.square(batch.input_values).sum(axis=1) / lengths
        logits = np.stack([np.zeros(len(batch)), 20 * np.sqrt(power) - 2], axis=1)
        return Outputs(logits.astype(np.float32), (lengths[:, None] / 16_000).astype(np.float32))

    def embed(self, batch: Batch) -> np.ndarray:
        return np.stack([batch.audio_mask.sum(axis=1), batch.input_values.max(axis=1)], axis=1).astype(np.float32)


@pytest.fixture
def recognizer() -> EmotionRecognizer:
    return EmotionRecognizer(Predictor(Loudness(), Preparation(AudioPreparation(), None)))


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    folder = tmp_path_factory.mktemp("tones")
    return [
        Utterance(f"u{n}", audio=write_tone(folder / f"{n}.wav", 300, 0.2 + 0.05 * (n % 7), n)) for n in range(40)
    ]


def test_utterances_are_taken_in_the_callers_thread(recognizer: EmotionRecognizer, tones: list[Utterance]) -> None:
    where = set()

    def stream() -> Iterator[Utterance]:
        for tone in tones:
            where.add(threading.current_thread())
            yield tone

    assert len(list(recognizer.predict_many(stream()))) == len(tones)
    assert where == {threading.current_thread()}


def test_utterances_may_come_from_a_cursor_that_belongs_to_a_thread(
    recognizer: EmotionRecognizer, tones: list[Utterance]
) -> None:
    base = sqlite3.connect(":memory:")  # it refuses any thread but the one that made it
    base.execute("create table said (id text, audio text)")
    base.executemany("insert into said values (?, ?)", [(tone.id, str(tone.audio)) for tone in tones])
    rows = base.execute("select id, audio from said")
    results = list(recognizer.predict_many(Utterance(name, audio=Path(audio)) for name, audio in rows))
    assert [result.id for result in results] == [tone.id for tone in tones]
    assert all(isinstance(result, Prediction) for result in results)


def test_recordings_are_decoded_in_another_thread(
    recognizer: EmotionRecognizer, tones: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    from emofuse.inference import utterance_stream as ready

    where = set()

    def listening(*arguments: object, strict: bool) -> Clip:
        where.add(threading.current_thread())
        return read_clip(*arguments, strict=strict)  # type: ignore[arg-type]

    monkeypatch.setattr(ready, "read_clip", listening)
    list(recognizer.predict_many(tones))
    assert len(where) == 1
    assert threading.current_thread() not in where


def test_what_came_before_the_callers_failure_is_predicted(
    recognizer: EmotionRecognizer, tones: list[Utterance]
) -> None:
    def broken() -> Iterator[Utterance]:
        yield from tones[:20]
        raise LookupError("no more")

    coming = recognizer.predict_many(broken())
    assert [next(coming).id for _ in range(20)] == [tone.id for tone in tones[:20]]
    with pytest.raises(LookupError, match="no more"):
        next(coming)


def test_a_failure_of_preparing_is_not_lost_in_a_window_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance_stream, "WINDOW_UTTERANCES", 4)

    def prepare(number: int) -> int:
        if number == 2:
            raise MemoryError
        return number

    coming = utterance_stream.prepared_windows(itertools.count(), prepare, lambda _: 0.0)
    assert next(coming) == [0, 1]
    with pytest.raises(MemoryError):
        next(coming)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9])
def test_windows_that_are_prepared_lose_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance_stream, "WINDOW_UTTERANCES", 4)
    monkeypatch.setattr(utterance_stream, "WINDOW_SECONDS", 3.0)
    found = list(utterance_stream.prepared_windows(range(count), lambda n: n, lambda n: n % 3))
    assert list(itertools.chain(*found)) == list(range(count))
    assert all(1 <= len(window) <= 4 for window in found)


def test_progress_is_reported_after_each_result(recognizer: EmotionRecognizer, tones: list[Utterance]) -> None:
    told: list[tuple[int, float]] = []
    mixed = [*tones[:3], Utterance("gone", audio=Path("gone.wav")), *tones[3:5]]
    for number, _ in enumerate(recognizer.predict_many(mixed, progress=lambda *so_far: told.append(so_far))):
        assert len(told) == number + 1
    assert [done for done, _ in told] == [1, 2, 3, 4, 5, 6]
    lengths = [0.2, 0.25, 0.3, 0.0, 0.35, 0.4]
    assert [seconds for _, seconds in told] == pytest.approx(list(itertools.accumulate(lengths)))


def test_sound_at_hand_is_not_read_again(recognizer: EmotionRecognizer, tones: list[Utterance]) -> None:
    audio = tones[0].audio
    assert audio is not None
    clip = read_clip(audio)
    here, there = recognizer.predict_clips(
        [(Utterance("here", audio=Path("nowhere.wav")), clip), (Utterance("there", audio=audio), None)]
    )
    assert isinstance(here, Prediction)
    assert isinstance(there, Prediction)
    assert here.probabilities == there.probabilities


def test_vectors_come_in_order_and_a_failure_in_its_turn(
    recognizer: EmotionRecognizer, tones: list[Utterance]
) -> None:
    vectors = list(recognizer.embed(tones))
    assert [int(vector[0]) for vector in vectors] == [round((0.2 + 0.05 * (n % 7)) * 16_000) for n in range(40)]
    coming = recognizer.embed([tones[0], Utterance("gone", audio=Path("gone.wav"))])
    next(coming)
    with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
        next(coming)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 36 s: 4 s that are loud, a pause, 8 s that are less so, and silence."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("long") / "long.wav"
    parts = [0.5 * rng.normal(size=64_000), np.zeros(64_000), 0.05 * rng.normal(size=128_000), np.zeros(320_000)]
    soundfile.write(path, np.clip(np.concatenate(parts), -1, 1).astype(np.float32) * 0.6, 16_000)
    return path


def in_windows(_: Utterance) -> TimelineOptions:
    return TimelineOptions(segmentation="windows")


def test_a_long_recording_is_the_mean_of_its_segments_weighed_by_their_seconds(
    recognizer: EmotionRecognizer, long: Path
) -> None:
    utterances = [Utterance("long", audio=long)]
    (whole,) = recognizer.predict_many(utterances, long=recognizer.long_recordings(in_windows))
    assert isinstance(whole, Prediction)
    spans = [Utterance("x", audio=long, start=4.0 * n, end=4.0 * n + 4) for n in (0, 2, 3)]  # the rest is silent
    parts = [one for one in recognizer.predict_many(spans) if isinstance(one, Prediction)]
    assert whole.probabilities["loud"] == pytest.approx(np.mean([one.probabilities["loud"] for one in parts]))
    assert whole.confidence == max(whole.probabilities.values())
    assert whole.dimensions == pytest.approx({"seconds": 4.0})
    assert whole.segments == {
        "n": 3,
        "speech_seconds": 12.0,
        "withheld_seconds": 0.0,
        "withheld_share": 0.0,
        "answer": "mean of the segments that are not withheld, weighted by their seconds",
    }
    assert whole.as_dict()["segments"] == whole.segments


def test_withheld_segments_are_left_out_of_a_long_recording(recognizer: EmotionRecognizer, long: Path) -> None:
    spans = [Utterance("x", audio=long, start=4.0 * n, end=4.0 * n + 4) for n in (0, 2)]
    sure, less = (one for one in recognizer.predict_many(spans) if isinstance(one, Prediction))
    assert sure.confidence > less.confidence

    def whole(threshold: float) -> Prediction:
        calibration = replace(recognizer.predictor.calibration, threshold=threshold)
        strict = EmotionRecognizer(replace(recognizer.predictor, calibration=calibration))
        long_recordings = strict.long_recordings(in_windows)
        (one,) = strict.predict_many([Utterance("long", audio=long)], long=long_recordings)
        assert isinstance(one, Prediction)
        return one

    kept = whole((sure.confidence + less.confidence) / 2)
    assert kept.probabilities == pytest.approx(sure.probabilities)
    assert not kept.abstained
    assert kept.segments is not None
    assert (kept.segments["withheld_seconds"], kept.segments["withheld_share"]) == (8.0, pytest.approx(2 / 3))
    none = whole(1.1)
    assert none.abstained
    assert none.segments is not None
    assert none.segments["withheld_share"] == 1.0


@pytest.mark.speech_gate
def test_words_are_recognised_in_speech_only(recognizer: EmotionRecognizer, tones: list[Utterance]) -> None:
    heard: list[float] = []

    class Listening:
        name, version, languages = "listening", "1", frozenset({"en"})

        def __call__(self, clip: Clip, language: str | None) -> Transcript:
            heard.append(clip.seconds)
            return Transcript("words", language)

    for any_sound, count in ((False, 0), (True, 1)):
        long = recognizer.long_recordings(any_sound=any_sound)
        ((utterance, _),) = with_recognized_text(tones[:1], Listening(), None, 16_000, long)
        assert len(heard) == count
        assert (utterance.text is None) == (count == 0)


def test_segments_of_other_lengths_weigh_otherwise(recognizer: EmotionRecognizer, long: Path) -> None:
    from emofuse.types import Turn

    def marked(_: Utterance) -> TimelineOptions:
        return TimelineOptions(turns=(Turn(0.0, 1.0), Turn(8.0, 11.0)))

    (whole,) = recognizer.predict_many([Utterance("long", audio=long)], long=recognizer.long_recordings(marked))
    one, other = recognizer.predict_many(
        [Utterance("a", audio=long, start=0.0, end=1.0), Utterance("b", audio=long, start=8.0, end=11.0)]
    )
    expected = (one.probabilities["loud"] + 3 * other.probabilities["loud"]) / 4  # type: ignore[union-attr]
    assert whole.probabilities["loud"] == pytest.approx(expected)  # type: ignore[union-attr]


def test_only_whole_recordings_that_are_too_long_are_cut_and_not_in_evaluations(
    recognizer: EmotionRecognizer, long: Path, tones: list[Utterance]
) -> None:
    many = [Utterance("span", audio=long, start=1.0, end=34.0), Utterance("whole", audio=long), tones[0]]
    uncut = recognizer.predictor.predict_many(many)
    assert all(one.segments is None for one in uncut)  # type: ignore[union-attr]
    assert [one.segments is not None for one in recognizer.predict_many(many)] == [  # type: ignore[union-attr]
        False,
        recognizer.predict(long).speech,
        False,
    ]
    cut = list(recognizer.predict_many(many, long=recognizer.long_recordings(in_windows)))
    assert [one.segments is not None for one in cut] == [False, True, False]  # type: ignore[union-attr]
    assert "segments" not in cut[2].as_dict()  # type: ignore[union-attr]
    kept = recognizer.long_recordings(seconds=36.0)
    assert LONGEST_UTTERANCE_SECONDS == 30.0
    assert kept.too_long(Utterance("whole", audio=long)) is None


def test_predict_cuts_without_being_asked(recognizer: EmotionRecognizer, long: Path) -> None:
    answer = recognizer.predict(long, any_sound=True)
    assert answer.segments is not None
    assert answer.segments["n"] == 3
    answer = recognizer.predict(long)
    assert answer.speech == (answer.segments is not None)  # a detector that knows speech finds none in noise


@pytest.mark.speech_gate
def test_sound_that_is_no_speech_has_no_label(recognizer: EmotionRecognizer, tones: list[Utterance]) -> None:
    audio = tones[0].audio
    answer = recognizer.predict(audio, text="some words")
    assert (answer.speech, answer.label, answer.confidence, answer.probabilities) == (False, None, None, {})
    assert answer.text_unused == "the sound is no speech"
    document = answer.as_dict()
    assert (document["speech"], document["label"], document["model"]) == (False, None, recognizer.predictor.name)
    assert Prediction.from_dict(document) == answer
    spoken = recognizer.predict(audio, any_sound=True)
    assert spoken.label is not None
    assert "speech" not in spoken.as_dict()
    # Evaluations do not ask.
    for many in (
        recognizer.predictor.predict_many(tones[:1]),
        recognizer.predict_many(tones[:1], long=recognizer.long_recordings(any_sound=True)),
    ):
        (one,) = many
        assert isinstance(one, Prediction)
        assert one.probabilities == spoken.probabilities
    clip = read_clip(tones[0].audio)
    for gated in (*recognizer.predict_many(tones[:1]), *recognizer.predict_clips([(tones[0], clip)])):
        assert isinstance(gated, Prediction)
        assert not gated.speech


def test_a_long_recording_that_fails_is_a_record_in_its_place(
    recognizer: EmotionRecognizer, long: Path, tones: list[Utterance], tmp_path: Path
) -> None:
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000 * 31, dtype=np.float32), 16_000)
    many = [tones[0], Utterance("silent", audio=silent), tones[1]]
    results = list(recognizer.predict_many(many, long=recognizer.long_recordings(in_windows)))
    assert [isinstance(one, Skip) for one in results] == [False, True, False]
    assert "no speech was found" in results[1].reason  # type: ignore[union-attr]


def shortened(path: Path, folder: Path, seconds: float) -> Path:
    """Copy a WAV of 16 bits without what follows so many seconds; its header still declares that."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes()[: 44 + round(seconds * 32_000)])
    return copy


@pytest.fixture
def lenient(recognizer: EmotionRecognizer) -> EmotionRecognizer:
    """Return it as `load` does: damaged recordings are used as far as they decode."""
    return EmotionRecognizer(replace(recognizer.predictor, strict=False))


def test_a_damaged_recording_is_used_as_far_as_it_decodes_and_that_is_noted(
    lenient: EmotionRecognizer, tones: list[Utterance], tmp_path: Path
) -> None:
    whole = tones[6].audio
    assert whole is not None
    path = shortened(whole, tmp_path, 0.3)
    prediction = lenient.predict(path)
    assert prediction.damaged == "is truncated, it ends before its header says; 0.30 of 0.50 s were decoded"
    assert prediction.dimensions == pytest.approx({"seconds": 0.3})
    assert prediction.as_dict()["damaged"] == prediction.damaged
    assert Prediction.from_dict(prediction.as_dict()) == prediction
    assert lenient.predict(whole).damaged is None
    with pytest.raises(AudioError, match="is truncated"):
        lenient.predict(path, strict=True)
    (one,) = lenient.predict_many([Utterance("cut", audio=path)])
    assert isinstance(one, Prediction)
    assert one.damaged == prediction.damaged
    with pytest.raises(AudioError, match="is truncated"):
        list(lenient.predict_many([Utterance("cut", audio=path)], strict=True))


def test_a_predictor_by_itself_as_in_evaluations_refuses_damaged_recordings(
    recognizer: EmotionRecognizer, tones: list[Utterance], tmp_path: Path
) -> None:
    whole = tones[6].audio
    assert whole is not None
    (one,) = recognizer.predictor.predict_many([Utterance("cut", audio=shortened(whole, tmp_path, 0.3))])
    assert isinstance(one, Skip)
    assert "is truncated" in one.reason


def test_a_long_damaged_recording_and_its_timeline_say_what_was_decoded(
    lenient: EmotionRecognizer, long: Path, tmp_path: Path
) -> None:
    path = shortened(long, tmp_path, 33.0)
    cut = [Utterance("cut", audio=path)]
    (one,) = lenient.predict_many(cut, long=lenient.long_recordings(in_windows))
    assert isinstance(one, Prediction)
    assert str(one.damaged).endswith("33.00 of 36.00 s were decoded")
    assert one.segments is not None
    with pytest.raises(AudioError, match="is truncated"):
        list(lenient.predict_many(cut, strict=True, long=lenient.long_recordings(in_windows)))
    timeline = lenient.timeline(path, in_windows(cut[0]))
    assert timeline.damaged == one.damaged
    assert timeline.as_dict()["damaged"] == one.damaged
    assert timeline.notes[0] == f"damaged recording: {one.damaged}"
    with pytest.raises(AudioError, match="is truncated"):
        lenient.timeline(path, TimelineOptions(segmentation="windows", strict=True))


def test_turns_behind_the_damage_are_left_out(lenient: EmotionRecognizer, long: Path, tmp_path: Path) -> None:
    from emofuse.types import Turn

    turns = (Turn(0.0, 2.0), Turn(8.5, 9.5), Turn(10.0, 11.0))
    timeline = lenient.timeline(shortened(long, tmp_path, 9.0), TimelineOptions(turns=turns))
    assert [(one.start, one.end) for one in timeline.segments] == [(0.0, 2.0), (8.5, 9.0)]


def test_what_was_done_to_the_sound_is_noted(lenient: EmotionRecognizer, tmp_path: Path) -> None:
    sound = 0.2 * np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([sound, -sound], axis=1), 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.round(sound * 32_768), 16_000, subtype="FLOAT")
    cancelled, integers = (lenient.predict(tmp_path / name) for name in ("a.wav", "b.wav"))
    assert "its channels cancel each other out" in cancelled.as_dict()["notes"][0]
    assert "as 16-bit integers do" in integers.notes[0]
    assert integers.probabilities["loud"] == pytest.approx(cancelled.probabilities["loud"], abs=1e-3)
    assert "notes" not in lenient.predict(write_tone(tmp_path / "c.wav", 300, 0.3, 0)).as_dict()


@pytest.mark.speech_gate
def test_a_damaged_recording_without_speech_says_that_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=16_000).astype(np.float32) * 0.1, 16_000)
    path.write_bytes(path.read_bytes()[:20_000])
    recognizer = EmotionRecognizer(Predictor(Loudness(), Preparation(AudioPreparation(), None), strict=False))
    prediction = recognizer.predict(path)
    assert (prediction.speech, prediction.label) == (False, None)
    assert str(prediction.damaged).startswith("is truncated, it ends before its header says; 0.62 of 1.00 s")
