"""The recogniser: in order, whatever fails on the way, the same alone and together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conftest import write_tone
from emofuse import EmotionRecognizer, Prediction, Utterance, load, load_recipe, train
from emofuse.data.prepare import AudioPreparation, Batch, Outputs, Preparation
from emofuse.errors import AudioError, CheckpointError, ModalityError
from emofuse.inference.runtime import Traits
from emofuse.types import Corpus, Skip, Task
from tiny import write_recipe


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(load_recipe(write_recipe(folder / "tiny.yaml")), corpus, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def recognizer(run: Path) -> EmotionRecognizer:
    return load(run)


def test_a_run_folder_and_its_model_folder_load_alike(run: Path, corpus: Corpus) -> None:
    audio = corpus.utterances[0].audio
    assert load(run).predict(audio, text="lonely") == load(run / "model").predict(audio, text="lonely")


def test_a_prediction_is_a_distribution_over_the_labels(recognizer: EmotionRecognizer, corpus: Corpus) -> None:
    utterance = corpus.utterances[0]
    prediction = recognizer.predict(utterance.audio, text=utterance.text)
    assert tuple(prediction.probabilities) == recognizer.labels == ("angry", "happy", "neutral", "sad")
    assert sum(prediction.probabilities.values()) == pytest.approx(1.0)
    assert (
        prediction.confidence
        == max(prediction.probabilities.values())
        == prediction.probabilities[prediction.label]
    )
    assert prediction.modalities == ("audio", "text")
    assert prediction.id == "s1F_0"
    assert prediction.model == "model"


def test_either_modality_may_be_missing(recognizer: EmotionRecognizer, corpus: Corpus) -> None:
    assert recognizer.predict(corpus.utterances[0].audio).modalities == ("audio",)
    assert recognizer.predict(text="a wonderful thing").modalities == ("text",)
    assert recognizer.predict(corpus.utterances[0].audio, text="  ").modalities == ("audio",)
    laughter = recognizer.predict(corpus.utterances[0].audio, text="[LAUGHTER]")
    assert laughter.modalities == ("audio",)
    assert laughter.text_unused is not None
    with pytest.raises(ModalityError, match="nothing to predict"):
        recognizer.predict()
    with pytest.raises(ModalityError, match="takes audio and text"):
        recognizer.predict(text=" ")


def test_many_are_the_same_as_one_by_one_and_in_order(recognizer: EmotionRecognizer, corpus: Corpus) -> None:
    many = list(recognizer.predict_many(corpus))
    assert [result.id for result in many] == [utterance.id for utterance in corpus]
    for utterance, together in zip(corpus, many, strict=True):
        assert isinstance(together, Prediction)
        alone = recognizer.predict(utterance.audio, text=utterance.text)
        assert alone.probabilities == pytest.approx(together.probabilities, abs=1e-5)


def test_what_fails_is_a_record_in_its_place(
    recognizer: EmotionRecognizer, corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    mixed = [
        corpus.utterances[0],
        Utterance("gone", audio=tmp_path / "gone.wav"),
        corpus.utterances[1],
        Utterance("broken", audio=tmp_path / "broken.wav"),
    ]
    results = list(recognizer.predict_many(mixed))
    assert [isinstance(result, Skip) for result in results] == [False, True, False, True]
    assert "no such file" in results[1].reason  # type: ignore[union-attr]
    with pytest.raises(AudioError, match=r"gone\.wav"):
        list(recognizer.predict_many(mixed, strict=True))


def test_a_stream_is_not_read_to_its_end_before_the_first_result(
    recognizer: EmotionRecognizer, corpus: Corpus
) -> None:
    taken = 0

    def endless() -> Iterator[Utterance]:
        nonlocal taken
        while True:
            taken += 1
            yield Utterance(f"u{taken}", text="a lonely thing")

    assert isinstance(next(recognizer.predict_many(endless())), Prediction)
    assert taken <= 64


def test_a_span_is_heard_alone(recognizer: EmotionRecognizer, tmp_path: Path) -> None:
    whole = write_tone(tmp_path / "whole.wav", 300, 1.0, seed=1)
    results = list(
        recognizer.predict_many([Utterance("a", audio=whole), Utterance("b", audio=whole, start=0.2, end=0.6)])
    )
    assert results[0].probabilities != results[1].probabilities  # type: ignore[union-attr]


class Fixed:
    """A runtime that needs no network: it says what it was told."""

    def __init__(self, modalities: tuple[str, ...], missing: bool) -> None:
        self.traits = Traits("fixed", Task(("a", "b")), modalities, missing)  # type: ignore[arg-type]

    def __call__(self, batch: Batch) -> Outputs:
        return Outputs(np.tile(np.array([0.0, np.log(3.0)], dtype=np.float32), (len(batch), 1)))


def test_the_recogniser_knows_a_runtime_and_no_torch(corpus: Corpus) -> None:
    recognizer = EmotionRecognizer(Fixed(("audio",), missing=False), Preparation(AudioPreparation(), None))
    prediction = recognizer.predict(corpus.utterances[0].audio, text="unused words")
    assert prediction.probabilities == pytest.approx({"a": 0.25, "b": 0.75})
    assert prediction.text_unused == "the model takes no text, or the text has no words"
    assert prediction.modalities == ("audio",)


def test_a_model_not_trained_for_it_refuses_a_missing_modality_unless_allowed(corpus: Corpus) -> None:
    runtime, preparation = Fixed(("audio", "text"), missing=False), Preparation(AudioPreparation(), None)
    with pytest.raises(ModalityError, match="has no text, and the model was not trained to do without"):
        EmotionRecognizer(runtime, preparation).predict(corpus.utterances[0].audio)
    allowed = EmotionRecognizer(runtime, preparation, allow_missing=True)
    assert allowed.predict(corpus.utterances[0].audio).label == "b"


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: no such model folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="is not a model folder"):
        load(tmp_path)
