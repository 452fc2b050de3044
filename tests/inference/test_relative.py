"""Predictions relative to a collection, a recording or a speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exports import exported_folder, model_folder, small_exported_folder
from relative_sound import level_recognizer, write_level

from emofuse import EmotionRecognizer, Prediction, Utterance, layout, load
from emofuse.data.preparation import Outputs
from emofuse.data.relative_parts import Affine, HeadWeights, RelativeParts
from emofuse.data.speaker_statistics import FEWEST, Moments
from emofuse.errors import CheckpointError, RecipeError
from emofuse.inference.relative import Collector
from emofuse.types import Corpus, RelativeTo

# Far louder than what the model was trained on: Ann's halves differ, and so do Bob's.
ANN, BOB = (0.14, 0.3), (0.34, 0.8)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> EmotionRecognizer:
    return level_recognizer(tmp_path_factory.mktemp("level"))


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    """Return ten utterances of each speaker, quieter and louder ones in turn, and two of somebody else."""
    folder = tmp_path_factory.mktemp("speech")
    levels = [("ann", ANN[n % 2]) for n in range(10)] + [("bob", BOB[n % 2]) for n in range(10)]
    levels += [("eve", 0.5), ("eve", 0.5)]
    return [
        Utterance(f"u{n}", audio=write_level(folder / f"{n}.wav", level), speaker=speaker)
        for n, (speaker, level) in enumerate(levels)
    ]


def labels(recognizer: EmotionRecognizer, speech: Sequence[Utterance], to: RelativeTo | None) -> list[Prediction]:
    long = None if to else recognizer.long_recordings(any_sound=True)
    found = recognizer.predict_many(speech, strict=True, long=long, relative_to=to)
    return [one for one in found if isinstance(one, Prediction)]


def test_levels_are_taken_against_those_of_their_speaker(
    recognizer: EmotionRecognizer, speech: list[Utterance]
) -> None:
    plain, relative = labels(recognizer, speech, None), labels(recognizer, speech, "speaker")
    assert {one.label for one in plain} == {"loud"}
    assert [one.label for one in relative[:20]] == ["quiet", "loud"] * 10
    assert {one.relative_to for one in relative[:20]} == {"speaker"}
    assert relative[20:] == plain[20:]  # two utterances are too few: the plain prediction, digit by digit
    assert {one.as_dict()["relative_to"] for one in relative[20:]} == {None}


def test_levels_are_taken_against_those_of_the_collection(
    recognizer: EmotionRecognizer, speech: list[Utterance]
) -> None:
    found = labels(recognizer, speech, "collection")
    assert [one.label for one in found] == ["quiet"] * 10 + ["loud"] * 12
    assert {one.relative_to for one in found} == {"collection"}


def test_spans_are_taken_against_those_of_their_recording(recognizer: EmotionRecognizer, tmp_path: Path) -> None:
    import soundfile

    steps = np.repeat(np.tile(ANN, 5), 4800)
    signs = np.sign(np.sin(2 * np.pi * 200 * (np.arange(len(steps)) + 0.5) / 16_000))
    soundfile.write(tmp_path / "a.wav", (steps * signs).astype(np.float32), 16_000, subtype="FLOAT")
    spans = [Utterance(str(n), audio=tmp_path / "a.wav", start=n * 0.3, end=(n + 1) * 0.3) for n in range(10)]
    assert [one.label for one in labels(recognizer, spans, "recording")] == ["quiet", "loud"] * 5


def test_seven_are_too_few(recognizer: EmotionRecognizer, speech: list[Utterance]) -> None:
    assert {one.relative_to for one in labels(recognizer, speech[: FEWEST - 1], "collection")} == {None}
    assert {one.relative_to for one in labels(recognizer, speech[:FEWEST], "collection")} == {"collection"}


def test_the_words_of_a_fusion_stay_as_they_are() -> None:
    head = HeadWeights(Affine(np.eye(4), np.zeros(4)))
    parts = RelativeParts(head, {"audio+text": Moments(np.zeros(2), np.ones(2))})
    vectors = np.random.default_rng(0).normal(5, 2, (300, 4)).astype(np.float32)
    collector = Collector("collection", parts)
    asked = [
        (Utterance(str(n), text="so"), ("audio", "text"), Outputs(v[None], None, v[None]))
        for n, v in enumerate(vectors)
    ]
    for utterance, modalities, outputs in asked:
        assert collector(utterance, modalities, outputs) == (outputs, None)
    decision = collector.decision()
    moved = np.concatenate([decision(*one)[0].logits for one in asked])
    np.testing.assert_array_equal(moved[:, 2:], vectors[:, 2:])
    assert np.abs(moved[:, :2].mean(axis=0)).max() < 0.2  # shrunken: nearly those of the training part
    only_text = (Utterance("t", text="so"), ("text",), asked[0][2])
    assert decision(*only_text) == (asked[0][2], None)


@pytest.mark.parametrize("made", [model_folder, exported_folder, small_exported_folder])
def test_the_head_alone_gives_the_logits_of_the_whole_network(made: object, corpus: Corpus) -> None:
    folder = made()  # type: ignore[operator]
    predictor = load(folder, device="cpu").predictor
    parts, items = RelativeParts.load(folder), []
    for utterance in corpus.utterances[:4]:
        items.append(predictor.preparation(None, utterance.text))
    outputs = predictor.runtime(predictor.preparation.collate(items))
    assert outputs.pooled is not None
    tolerance = 0.05 if made is small_exported_folder else 1e-5
    for vector, logits in zip(outputs.pooled, outputs.logits, strict=True):
        assert parts.head(vector).logits[0] == pytest.approx(logits, abs=tolerance)


def test_a_model_that_cannot_says_how_to_mend_it(
    recognizer: EmotionRecognizer, speech: list[Utterance], tmp_path: Path
) -> None:
    without = EmotionRecognizer(replace(recognizer.predictor, folder=tmp_path))
    with pytest.raises(CheckpointError, match="which emofuse train writes for a model with one head"):
        without.predict_many(speech, relative_to="collection")
    with pytest.raises(RecipeError, match="relative to sex: choose one of collection, recording, speaker"):
        recognizer.predict_many(speech, relative_to="sex")  # type: ignore[arg-type]
    traits = replace(recognizer.predictor.runtime.traits, modalities=("text",))
    recognizer = level_recognizer(tmp_path)
    recognizer.predictor.runtime.traits = traits
    with pytest.raises(RecipeError, match="takes no sound, and words have no room or voice"):
        recognizer.predict_many(speech, relative_to="collection")


def test_the_file_of_another_model_is_refused(speech: list[Utterance], tmp_path: Path) -> None:
    recognizer = level_recognizer(tmp_path)
    other = RelativeParts.load(tmp_path)
    turned = Affine(other.head.labels.weight[::-1], other.head.labels.bias[::-1])
    replace(other, head=replace(other.head, labels=turned)).save(tmp_path)
    with pytest.raises(CheckpointError, match=f"{layout.RELATIVE}: is that of another model"):
        recognizer.predict_many(speech, relative_to="collection")
