"""Windows of utterances: bounded, in order, prepared while the network computes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from exports import model_folder
from hypothesis import given
from hypothesis import strategies as st
from small_corpus import write_tone

from emofuse import EmotionRecognizer, Utterance, load
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.errors import AudioError
from emofuse.inference import utterance_stream
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.inference.utterance_stream import ahead, windows
from emofuse.types import Corpus, Prediction, Skip, Task

PATIENCE = 30.0  # seconds until a test gives up waiting for what should happen at once


@given(
    costs=st.lists(st.floats(0.0, 50.0), max_size=60),
    padded=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_windows_are_bounded_and_lose_nothing(costs: list[float], padded: float) -> None:
    cut = list(windows(costs, lambda cost: cost, padded))
    assert [cost for window in cut for cost in window] == costs
    enough = utterance_stream.PADDED_BATCHES * padded or utterance_stream.WINDOW_SECONDS
    for window in cut:
        assert 1 <= len(window) <= max(utterance_stream.WINDOW_UTTERANCES, enough)
        assert sum(window[:-1]) < enough  # the one that fills it is the last


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make windows small: four utterances, or four seconds."""
    monkeypatch.setattr(utterance_stream, "WINDOW_UTTERANCES", 4)
    monkeypatch.setattr(utterance_stream, "WINDOW_SECONDS", 4.0)


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 4), (0.5, 4), (1.5, 3), (4.0, 1), (99.0, 1)])
def test_windows_are_read_no_further_than_they_are_asked_for(seconds: float, count: int, small: None) -> None:
    taken = itertools.count()
    assert len(next(windows(taken, lambda _: seconds))) == count
    assert next(taken) == count


def test_windows_of_nothing_are_none() -> None:
    assert list(windows([], lambda _: 1.0)) == []


@given(st.lists(st.integers() | st.none()))
def test_what_is_made_ahead_comes_in_order(values: list[int | None]) -> None:
    assert list(ahead(iter(values))) == values


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("emofuse-decoding")]


def test_what_fails_ahead_is_raised_in_its_turn_and_leaves_no_thread() -> None:
    def stream() -> Iterator[int]:
        yield 1
        yield 2
        raise AudioError("the third is broken")

    coming = ahead(stream())
    assert [next(coming), next(coming)] == [1, 2]
    with pytest.raises(AudioError, match="the third"):
        next(coming)
    assert not decoders()


def test_the_next_is_made_while_this_one_is_used_and_no_more_than_that() -> None:
    made = [threading.Event() for _ in range(5)]

    def stream() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    coming = ahead(stream())
    assert next(coming) == 0
    assert made[1].wait(PATIENCE)
    assert not made[2].wait(0.05)  # it waits for its turn
    assert next(coming) == 1
    assert made[2].wait(PATIENCE)
    coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert not decoders()


def test_the_stream_runs_in_another_thread_one_step_at_a_time() -> None:
    where = set()

    def stream() -> Iterator[int]:
        for number in range(5):
            where.add(threading.current_thread())
            yield number

    list(ahead(stream()))
    assert len(where) == 1
    assert threading.current_thread() not in where


def test_who_stops_early_leaves_no_thread() -> None:
    for value in ahead(itertools.count()):
        if value == 3:
            break
    del value
    assert not decoders()


class Listening:
    """A runtime that keeps what it was given, and says of each row how long it is."""

    def __init__(self, padded_seconds: float = 0.0) -> None:
        self.padded_seconds = padded_seconds
        self.traits = Traits("listening", Task(("a", "b")), ("audio",), missing_modalities=False)
        self.batches: list[list[int]] = []

    def __call__(self, batch: Batch) -> Outputs:
        lengths = batch.audio_mask.sum(axis=1)
        self.batches.append(lengths.tolist())
        return Outputs(np.stack([lengths / 16_000, np.zeros(len(batch))], axis=1).astype(np.float32))


def listener(padded_seconds: float = 0.0) -> tuple[EmotionRecognizer, Listening]:
    runtime = Listening(padded_seconds)
    return EmotionRecognizer(Predictor(runtime, Preparation(AudioPreparation(), None))), runtime


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    """Return tones of mixed lengths, some of them equal, and between them what cannot be heard."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "broken.wav").write_bytes(b"RIFF")
    lengths = [0.9, 0.3, 0.3, 0.0, 1.4, 0.3, 0.9, 0.0, 0.0, 0.2] * 5
    return [
        Utterance(
            f"u{number}",
            audio=write_tone(folder / f"{number}.wav", 300, seconds, number) if seconds else folder / "broken.wav",
        )
        for number, seconds in enumerate(lengths)
    ]


@pytest.mark.parametrize("padded", [0.0, 4.0])
def test_predictions_come_in_order_whatever_was_computed_together(padded: float, tones: list[Utterance]) -> None:
    recognizer, runtime = listener(padded)
    results = list(recognizer.predict_many(tones))
    assert [result.id for result in results] == [utterance.id for utterance in tones]
    for utterance, result in zip(tones, results, strict=True):
        broken = utterance.audio is not None and utterance.audio.name == "broken.wav"
        assert isinstance(result, Skip) == broken
        if isinstance(result, Prediction):  # each has what was said of itself
            assert recognizer.predict(utterance.audio).probabilities == result.probabilities
    assert max(len(batch) for batch in runtime.batches) > 1
    if not padded:
        assert all(len(set(batch)) == 1 for batch in runtime.batches)


def test_strict_raises_a_failure_in_its_turn(tones: list[Utterance]) -> None:
    recognizer, _ = listener()
    coming = recognizer.predict_many(tones, strict=True)
    assert [next(coming).id for _ in range(3)] == ["u0", "u1", "u2"]
    with pytest.raises(AudioError, match=r"broken\.wav"):
        next(coming)
    assert not decoders()


def test_what_the_caller_raises_while_utterances_are_read_reaches_the_caller(tones: list[Utterance]) -> None:
    def broken() -> Iterator[Utterance]:
        yield tones[0]
        raise LookupError("no more")

    recognizer, _ = listener()
    with pytest.raises(LookupError, match="no more"):
        list(recognizer.predict_many(broken()))
    assert not decoders()


def test_nothing_to_predict_gives_nothing() -> None:
    recognizer, _ = listener()
    assert list(recognizer.predict_many([])) == []


def test_one_who_takes_only_the_first_leaves_no_thread(tones: list[Utterance]) -> None:
    recognizer, _ = listener()
    stream = recognizer.predict_many(itertools.cycle(tones))
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert not decoders()


def test_a_failure_of_the_runtime_leaves_no_thread(tones: list[Utterance]) -> None:
    class Failing(Listening):
        def __call__(self, batch: Batch) -> Outputs:
            raise MemoryError

    recognizer = EmotionRecognizer(Predictor(Failing(), Preparation(AudioPreparation(), None)))
    reasons = [one.reason for one in recognizer.predict_many(tones) if isinstance(one, Skip)]
    assert len(reasons) == len(tones)
    assert sum("does not fit into memory" in reason for reason in reasons) == 35  # the others cannot be read
    assert not decoders()


def test_the_next_window_is_decoded_while_the_network_computes(small: None, tones: list[Utterance]) -> None:
    """The runtime does not answer before all recordings of the next window were asked for."""
    asked = threading.Event()
    waited = []
    heard = tones[1]

    class Waiting(Listening):
        def __call__(self, batch: Batch) -> Outputs:
            waited.append(asked.wait(PATIENCE))
            return super().__call__(batch)

    def utterances() -> Iterator[Utterance]:
        for number in range(9):
            if number == 7:
                asked.set()
            yield heard

    recognizer = EmotionRecognizer(Predictor(Waiting(), Preparation(AudioPreparation(), None)))
    coming = recognizer.predict_many(utterances())
    next(coming)
    assert waited == [True]
    assert len(list(coming)) == 8


def test_no_more_than_the_next_window_is_read_ahead(small: None, tones: list[Utterance]) -> None:
    taken = itertools.count()
    recognizer, _ = listener()
    coming = recognizer.predict_many(tones[1] for _ in taken)
    for _ in range(4):
        next(coming)
    coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert next(taken) <= 8


def test_two_streams_of_one_recogniser_do_not_meet(tones: list[Utterance]) -> None:
    recognizer, _ = listener()
    both = list(zip(recognizer.predict_many(tones), recognizer.predict_many(reversed(tones)), strict=True))
    assert [one.id for one, _ in both] == [utterance.id for utterance in tones]
    assert [other.id for _, other in both] == [utterance.id for utterance in reversed(tones)]


def test_a_padded_batch_says_what_each_says_alone(corpus: Corpus) -> None:
    recognizer = load(model_folder(), device="cpu")
    mixed = [*corpus.utterances, Utterance("t", text="so lonely"), replace(corpus.utterances[3], text=None)]
    assert recognizer.predictor.runtime.padded_seconds == 0.0
    alone = list(recognizer.predict_many(mixed))
    recognizer.predictor.runtime.padded_seconds = 4.0  # as on a GPU
    for single, together in zip(alone, recognizer.predict_many(mixed), strict=True):
        assert isinstance(single, Prediction)
        assert isinstance(together, Prediction)
        assert (single.id, single.modalities) == (together.id, together.modalities)
        assert together.probabilities == pytest.approx(single.probabilities, abs=1e-4)
