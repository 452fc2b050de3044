"""Explanations: what was planted comes first, what is taken away shows, what cannot be explained is refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from explained import TELLING, learn, sentence, write
from exports import exported_folder, model_folder
from networks import network, voice
from small_corpus import write_tone

from emofuse import layout
from emofuse.box import Box, boxes
from emofuse.data.preparation import AudioPreparation
from emofuse.errors import AudioError, CheckpointError, MissingExtraError, ModalityError, RecipeError
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.explain.explain import explain
from emofuse.inference.explain.explained_input import prepare_input
from emofuse.inference.explain.explained_model import open_model
from emofuse.inference.explain.explanation import Explanation
from emofuse.inference.explain.occlusion import occlude
from emofuse.inference.recognizer import load
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WordCNNConfig

WORDS = WordCNNConfig(vocab_size=40, hidden_size=16, dropout=0.0)
SETTINGS = {
    "width": 16, "missing_modalities": True, "recurrent": False,
    "head_dropout": 0.0, "recurrent_dropout": 0.0, "attention_dropout": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a network that knows one word and one tone for each label but neutral."""
    ears = LogMelCNNConfig(bins=20, hidden_size=24, dropout=0.0)
    audio = AudioPreparation("log-mel", bins=20)
    return learn(network(ears, WORDS, **SETTINGS), audio, tmp_path_factory.mktemp("planted") / layout.MODEL)


def telling_word(explanation: Explanation) -> str:
    return max(explanation.words, key=lambda word: word.attribution).text


@pytest.mark.parametrize(("label", "moment", "place"), [("angry", 3, 1), ("happy", 8, 4), ("sad", 6, 2)])
def test_the_planted_word_and_the_planted_moment_come_first(
    learnt: Path, tmp_path: Path, label: str, moment: int, place: int
) -> None:
    explanation = explain(learnt, write(tmp_path, label, moment), sentence(label, place, moment))
    assert explanation.label == explanation.predicted == label
    assert telling_word(explanation) == TELLING[label]
    assert int(np.argmax(explanation.moments)) == moment
    assert explanation.completeness.held
    others = [abs(word.attribution) for word in explanation.words if word.text != TELLING[label]]
    assert max(word.attribution for word in explanation.words) > 3 * max(others)


def test_moments_count_from_the_beginning_of_the_recording_not_of_what_is_left_of_it(
    learnt: Path, tmp_path: Path
) -> None:
    whole = load_checkpoint(learnt)
    trimmed = replace(whole.preparation, audio=AudioPreparation("log-mel", bins=20, trim=True))
    save_checkpoint(Checkpoint(whole.model, trimmed), tmp_path / "trims")
    explanation = explain(tmp_path / "trims", write(tmp_path, "sad", 6, silent=0.5), sentence("sad", 2, 6))
    assert explanation.seconds == pytest.approx(1.7)
    assert len(explanation.moments) == 17
    assert [value == 0.0 for value in explanation.moments[:6]] == [True] * 4 + [False] * 2
    attention = explanation.attention.text_asks
    assert attention is not None
    assert [sum(column) > 0 for column in list(zip(*attention, strict=True))[:6]] == [False] * 4 + [True] * 2


def test_a_word_that_speaks_against_a_label_has_a_number_below_zero(learnt: Path) -> None:
    explanation = explain(learnt, text=sentence("happy", 2, 3), label="angry")
    assert (explanation.label, explanation.predicted) == ("angry", "happy")
    lowest = min(explanation.words, key=lambda word: word.attribution)
    assert lowest.text == TELLING["happy"]
    assert lowest.attribution < 0.0


def test_what_is_said_without_the_modality_that_tells_is_another_thing(learnt: Path, tmp_path: Path) -> None:
    explanation = explain(learnt, write(tmp_path, "neutral", 3), sentence("happy", 2, 3), label="happy")
    without = {one.modality: one.probabilities["happy"] for one in explanation.removals}
    assert explanation.probabilities["happy"] > 0.5
    assert without["audio"] > 0.5 > without["text"]
    assert all(one.trained for one in explanation.removals)
    assert explanation.notes == ()


def test_the_probabilities_are_those_of_a_prediction(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "a.wav", 300.0, 0.5, 0)
    explanation = explain(model_folder(), audio, "the table")
    prediction = load(model_folder(), device="cpu").predict(audio, text="the table")
    assert explanation.probabilities == pytest.approx(prediction.probabilities)
    assert explanation.predicted == prediction.label


def test_a_withheld_prediction_is_marked_with_and_without_a_modality(tmp_path: Path) -> None:
    strict = shutil.copytree(model_folder(), tmp_path / "strict")
    calibration = Calibration(threshold=1.0)
    layout.write_json(strict / layout.CALIBRATION, calibration.as_dict())
    layout.write_json(strict / layout.SCOPE, {"scope": "planted words"})
    explanation = explain(strict, write_tone(tmp_path / "a.wav", 300.0, 0.5, 0), "the table")
    assert (explanation.abstained, explanation.shown_prediction) == (True, f"unsure ({explanation.label})")
    assert all(one.abstained for one in explanation.removals)
    assert explanation.model_scope == "planted words"


@pytest.mark.speech_gate
def test_a_recording_without_speech_has_no_prediction(tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav", 440.0, 1.0, 0)
    explanation = explain(model_folder(), tone, "the table")
    assert (explanation.predicted, explanation.shown_prediction) == (None, "no speech")
    assert explanation.notes[0].startswith("no speech was found")
    assert explain(model_folder(), tone, "the table", any_sound=True).predicted == explanation.label


def test_the_same_call_gives_the_same_explanation(tmp_path: Path) -> None:
    audio = write_tone(tmp_path / "a.wav", 300.0, 0.5, 0)
    once, again = (explain(model_folder(), audio, "the table").as_dict() for _ in range(2))
    assert once == again
    assert json.loads(json.dumps(once, allow_nan=False))["text"] == "the table"


def test_one_modality_alone_is_explained_where_the_model_can_do_without_the_other(learnt: Path) -> None:
    explanation = explain(learnt, text=f"[LAUGHTER] {sentence('sad', 2, 0)}")
    assert telling_word(explanation) == "lonely"
    assert explanation.text == sentence("sad", 2, 0)
    assert (explanation.moments, explanation.removals, explanation.audio) == ((), (), None)
    assert "needs both" in explanation.attention.note


def card(folder: Path, tmp_path: Path, text: str | None) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / layout.CARD).unlink(missing_ok=True)
    if text is not None:
        (copy / layout.CARD).write_text(text)
    return copy


@pytest.mark.parametrize(
    ("said", "shown", "note"),
    [
        ("---\ntext_spoken: false\n---\n", False, "withheld"),
        ("---\ntext_spoken: true\n---\n", True, "texts that were spoken"),
        ("---\ntext_spoken: null\n---\n", True, "does not state"),
        ("# A card without a head\n", True, "does not state"),
        (None, True, "does not state"),
    ],
)
def test_attention_is_withheld_where_what_was_read_was_not_spoken(
    said: str | None, shown: bool, note: str, learnt: Path, tmp_path: Path
) -> None:
    folder = card(learnt, tmp_path, said)
    attention = explain(folder, write(tmp_path, "sad", 6), sentence("sad", 2, 6)).attention
    assert note in attention.note
    assert (attention.text_asks is not None, attention.audio_asks is not None) == (shown, shown)


def test_a_head_that_is_not_yaml_is_refused(learnt: Path, tmp_path: Path) -> None:
    folder = card(learnt, tmp_path, "---\ntext_spoken: [\n---\n")
    with pytest.raises(CheckpointError, match="is not YAML"):
        explain(folder, write(tmp_path, "sad", 6), sentence("sad", 2, 6))


def test_attention_both_ways_is_shared_out_in_full(learnt: Path, tmp_path: Path) -> None:
    attention = explain(learnt, write(tmp_path, "sad", 6), sentence("sad", 2, 6)).attention
    text_asks, audio_asks = np.array(attention.text_asks), np.array(attention.audio_asks)
    assert text_asks.shape == audio_asks.shape == (7, 12)  # five words, and what the tokenizer adds
    assert text_asks.sum(axis=1) == pytest.approx(1.0)
    heard = audio_asks.sum(axis=0)
    assert heard[heard > 0] == pytest.approx(1.0)
    assert heard[5] > 0


def test_a_fusion_without_attention_has_no_map(tmp_path: Path) -> None:
    whole = load_checkpoint(model_folder())
    late = network(whole.model.config.audio_encoder, whole.model.config.text_encoder, width=16, fusion="late")
    save_checkpoint(Checkpoint(late, whole.preparation), tmp_path / layout.MODEL)
    explanation = explain(tmp_path / layout.MODEL, write_tone(tmp_path / "a.wav", 300.0, 0.5, 0), "the table")
    assert explanation.attention.text_asks is None
    assert "no cross-modal attention" in explanation.attention.note
    assert not any(one.trained for one in explanation.removals)
    assert any("was not trained with sound or words missing" in note for note in explanation.notes)


def test_a_run_folder_is_taken_as_its_model_is(learnt: Path) -> None:
    assert (
        explain(learnt.parent, text="the lonely thing").as_dict()
        == explain(learnt, text="the lonely thing").as_dict()
    )


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("a damaged export", CheckpointError, "is of format None"),
        ("no folder", CheckpointError, "no such model folder"),
        ("nothing", ModalityError, "there is nothing to explain"),
        ("no words", ModalityError, "text: has no audio, and the model needs it"),
        ("a long clip", AudioError, "cut it to 60 s"),
        ("an unknown label", RecipeError, "the labels of the model are angry, happy, neutral, sad"),
        ("too few steps", RecipeError, "at least 48"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    what: str, error: type[Exception], said: str, learnt: Path, tmp_path: Path
) -> None:
    layout.write_json(tmp_path / "exported" / layout.EXPORT, {})
    long = write_tone(tmp_path / "long.wav", 300.0, 61.0, 0)
    save_checkpoint(Checkpoint(network(voice(), None), load_checkpoint(learnt).preparation), tmp_path / "hears")
    calls = {
        "a damaged export": lambda: explain(tmp_path / "exported", text="yes"),
        "no folder": lambda: explain(tmp_path / "gone", text="yes"),
        "nothing": lambda: explain(learnt),
        "no words": lambda: explain(tmp_path / "hears", text="yes"),
        "a long clip": lambda: explain(learnt, long),
        "an unknown label": lambda: explain(learnt, text="yes", label="bored"),
        "too few steps": lambda: explain(learnt, text="yes", steps=10),
    }
    with pytest.raises(error, match=said):
        calls[what]()


def test_an_exported_model_is_explained_by_occlusion_as_its_network_would_be(tmp_path: Path) -> None:
    audio, label = write_tone(tmp_path / "a.wav", 300.0, 0.5, 0), "sad"
    found = explain(exported_folder(), audio, "the table", label)
    assert (found.method, found.step, found.completeness) == ("occlusion", 0.1, None)
    assert [word.text for word in found.words] == ["[CLS]", "the", "table", "[SEP]"]
    assert found.baselines["text"] == "no words, as of a recording without a transcript"
    assert "do not output their attention" in found.attention.note
    by_gradients = explain(model_folder(), audio, "the table", label)
    assert by_gradients.method == "integrated gradients"
    assert found.probabilities == pytest.approx(by_gradients.probabilities, abs=1e-4)
    assert [one.modality for one in found.removals] == ["audio", "text"]
    with_torch = open_model(model_folder(), "cpu")
    source = prepare_input(with_torch, audio, "the table")
    same = occlude(
        with_torch.runtime, with_torch.preparation, source, with_torch.runtime.traits.task.labels.index(label)
    )
    assert found.moments == pytest.approx(same.moments, abs=1e-4)
    assert [word.attribution for word in found.words][1:3] == pytest.approx(same.pieces[1:3], abs=1e-4)


@pytest.mark.parametrize(("label", "moment", "place"), [("angry", 3, 1), ("happy", 8, 4), ("sad", 6, 2)])
def test_occlusion_finds_the_planted_word_and_the_planted_moment_too(
    learnt: Path, tmp_path: Path, label: str, moment: int, place: int
) -> None:
    model = open_model(learnt, "cpu")
    audio, number = write(tmp_path, label, moment), model.runtime.traits.task.labels.index(label)
    source = prepare_input(model, audio, sentence(label, place, moment))
    found = occlude(model.runtime, model.preparation, source, number)
    assert int(np.argmax(found.moments)) == moment
    assert source.reading is not None
    words = source.reading.with_attributions(found.pieces)
    assert max(words, key=lambda word: word.attribution).text == TELLING[label]


def test_without_captum_the_extra_is_named_before_anything_is_read(
    learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError) as failure:
        explain(learnt, "no such recording.wav")
    assert str(failure.value) == (
        'an explanation by gradients needs an optional part: pip install "emofuse[train]"'
    )


@pytest.mark.parametrize("absent", ["gradients", "weights", "nothing"])
def test_a_box_is_explained_by_gradients_where_it_can_be(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if absent == "gradients":
        monkeypatch.setitem(sys.modules, "captum.attr", None)
    if absent == "weights":
        monkeypatch.setattr(Box, "has_weights", False)
    for given in ("box-open", boxes()["box-open"].exported):
        opened = open_model(given)
        assert (opened.network is None) == (absent != "nothing")
        assert opened.scope is not None
