"""The recogniser: in order, whatever fails on the way, the same alone and together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_corpus import write_tone
from tiny import write_recipe

from emofuse import EmotionRecognizer, Prediction, Utterance, load, load_recipe, train
from emofuse.data.preparation import AudioPreparation, Batch, Outputs, Preparation
from emofuse.errors import AudioError, CheckpointError, ModalityError, RecipeError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.predictor import Predictor
from emofuse.inference.runtime import Traits
from emofuse.types import Corpus, Skip, Task


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
    assert prediction.model == "run"


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


def test_a_span_is_predicted_alone(recognizer: EmotionRecognizer, tmp_path: Path) -> None:
    whole = write_tone(tmp_path / "whole.wav", 300, 1.0, seed=1)
    results = list(
        recognizer.predict_many([Utterance("a", audio=whole), Utterance("b", audio=whole, start=0.2, end=0.6)])
    )
    assert results[0].probabilities != results[1].probabilities  # type: ignore[union-attr]


class Fixed:
    """A runtime that needs no network: it says what it was told."""

    padded_seconds = 0.0

    def __init__(self, modalities: tuple[str, ...], missing: bool) -> None:
        self.traits = Traits("fixed", Task(("a", "b")), modalities, missing)  # type: ignore[arg-type]

    def __call__(self, batch: Batch) -> Outputs:
        return Outputs(np.tile(np.array([0.0, np.log(3.0)], dtype=np.float32), (len(batch), 1)))


def test_the_recogniser_knows_a_runtime_and_no_torch(corpus: Corpus) -> None:
    recognizer = EmotionRecognizer(
        Predictor(Fixed(("audio",), missing=False), Preparation(AudioPreparation(), None))
    )
    prediction = recognizer.predict(corpus.utterances[0].audio, text="unused words")
    assert prediction.probabilities == pytest.approx({"a": 0.25, "b": 0.75})
    assert prediction.text_unused == "the model takes no text, or the text has no words"
    assert prediction.modalities == ("audio",)


def test_a_model_not_trained_for_it_refuses_a_missing_modality_unless_allowed(corpus: Corpus) -> None:
    runtime, preparation = Fixed(("audio", "text"), missing=False), Preparation(AudioPreparation(), None)
    with pytest.raises(ModalityError, match="has no text, and the model was not trained to do without"):
        EmotionRecognizer(Predictor(runtime, preparation)).predict(corpus.utterances[0].audio)
    allowed = EmotionRecognizer(Predictor(runtime, preparation, allow_missing=True))
    assert allowed.predict(corpus.utterances[0].audio).label == "b"


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: no such model folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="is not a model folder"):
        load(tmp_path)


def recogniser(**calibration: object) -> EmotionRecognizer:
    """Return one that says b with 0.75, before any calibration."""
    made = Calibration(**calibration)  # type: ignore[arg-type]
    settings = Preparation(AudioPreparation(), None)
    return EmotionRecognizer(Predictor(Fixed(("audio",), missing=False), settings, calibration=made))


def test_logits_are_divided_by_the_temperature_of_what_was_used(corpus: Corpus) -> None:
    audio = corpus.utterances[0].audio
    warm = recogniser(temperatures={"audio": 2.0, "text": 0.1, "audio+text": 0.1}).predict(audio, text="unused")
    assert warm.probabilities["b"] == pytest.approx(3**0.5 / (1 + 3**0.5))
    other = recogniser(temperatures={"text": 2.0}).predict(audio)
    assert other.probabilities["b"] == pytest.approx(0.75)


@pytest.mark.parametrize(("threshold", "abstained"), [(None, False), (0.0, False), (0.74, False), (0.76, True)])
def test_what_is_less_confident_than_the_threshold_is_withheld(
    corpus: Corpus, threshold: float | None, abstained: bool
) -> None:
    prediction = recogniser(threshold=threshold).predict(corpus.utterances[0].audio)
    assert prediction.abstained == abstained
    assert prediction.label == "b"  # it says so all the same
    assert prediction.as_dict()["abstained"] == abstained


def test_priors_of_use_take_the_place_of_those_of_training(corpus: Corpus) -> None:
    made = Calibration(priors={"a": 0.5, "b": 0.5})
    settings = Preparation(AudioPreparation(), None)
    runtime = Fixed(("audio",), missing=False)
    changed = EmotionRecognizer(
        Predictor(runtime, settings, calibration=made).adapted(priors={"b": 0.1, "a": 0.9})
    )
    prediction = changed.predict(corpus.utterances[0].audio)
    assert prediction.probabilities == pytest.approx({"a": 0.25 * 0.9 / 0.3, "b": 0.75 * 0.1 / 0.3})
    assert prediction.label == "a"
    assert prediction.confidence == pytest.approx(0.75)
    with pytest.raises(RecipeError, match="a share for each of a, b, and no others"):
        EmotionRecognizer(Predictor(runtime, settings, calibration=made).adapted(priors={"a": 1.0}))
    with pytest.raises(RecipeError, match="does not say how frequent labels were in training"):
        EmotionRecognizer(Predictor(runtime, settings).adapted(priors={"a": 0.5, "b": 0.5}))


class Telling(Fixed):
    """Tells a dimension beside the labels, and labels each for itself."""

    def __init__(self) -> None:
        self.traits = Traits("telling", Task(("a", "b"), ("valence",), ((1.0, 5.0),), True), ("audio",), False)

    def __call__(self, batch: Batch) -> Outputs:
        return Outputs(super().__call__(batch).logits, np.full((len(batch), 1), 4.5, dtype=np.float32))


def test_dimensions_and_labels_for_themselves_are_reported_where_a_model_tells_them(corpus: Corpus) -> None:
    settings = Preparation(AudioPreparation(), None)
    told = EmotionRecognizer(Predictor(Telling(), settings)).predict(corpus.utterances[0].audio)
    assert told.dimensions == {"valence": 4.5}
    assert list(told.as_dict())[-1] == "dimensions"
    assert told.probabilities == pytest.approx({"a": 0.5, "b": 0.75})  # sigmoids of 0 and log 3
    plain = recogniser().predict(corpus.utterances[0].audio)
    assert plain.dimensions is None
    assert "dimensions" not in plain.as_dict()
    with pytest.raises(RecipeError, match="priors are for models that predict one label"):
        EmotionRecognizer(Predictor(Telling(), settings).adapted(priors={"a": 0.5, "b": 0.5}))
