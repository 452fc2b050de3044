"""Integrated gradients add up, for every kind of network that we have."""

from __future__ import annotations

from pathlib import Path

import explained  # noqa: F401  # puts the small networks on the path
import numpy as np
import pytest
import torch
from exports import words
from networks import BANKS, LAYER_NORM, TEXT, bert, network, settle, voice, wav2vec2
from small_corpus import write_tone

from emofuse.data.preparation import AudioPreparation, Preparation
from emofuse.inference.explain.attributions import FEWEST, TOLERANCE, Subject, attribute
from emofuse.inference.explain.contributions import margin
from emofuse.inference.explain.explain import FEWEST_GRADIENTS, explain
from emofuse.inference.explain.moments import usual
from emofuse.inference.explain.word_spans import tokenize_text
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WaveformCNNConfig, WordCNNConfig
from emofuse.model.network import EmotionModel
from emofuse.sound.clips import Clip

WORDS = WordCNNConfig(vocab_size=60, hidden_size=16)
WAVE, NORMALISED = AudioPreparation(), AudioPreparation(normalise=True)
MEL = AudioPreparation("log-mel", bins=20)
LEVELLED = AudioPreparation("log-mel", bins=20, trim=True, level=0.05)
NETWORKS = {
    "wav2vec2 and bert": lambda: (network(wav2vec2(), bert()), NORMALISED),
    "wav2vec2 layer norm": lambda: (network(wav2vec2(**LAYER_NORM), bert()), NORMALISED),
    "waveform": lambda: (network(WaveformCNNConfig(hidden_size=16), WORDS), WAVE),
    "log-mel": lambda: (network(LogMelCNNConfig(bins=20, hidden_size=16), WORDS), MEL),
    "voice": lambda: (settle(network(voice(), WORDS)), LEVELLED),
    "voice, late fusion": lambda: (settle(network(voice(), WORDS, fusion="late")), MEL),
    "whisper and roberta": lambda: (
        network(BANKS["whisper"], TEXT["roberta"]),
        AudioPreparation("whisper-log-mel", bins=20),
    ),
    "w2v-bert and deberta": lambda: (
        network(BANKS["w2v-bert"], TEXT["deberta-v3"]),
        AudioPreparation("stacked-filterbank", bins=80),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_attributions_add_up_to_the_difference_of_the_logits(name: str, tmp_path: Path) -> None:
    model, audio = NETWORKS[name]()
    save_checkpoint(Checkpoint(model, Preparation(audio, words())), tmp_path / "model")
    recording = write_tone(tmp_path / "a.wav", 300.0, 1.0, 0)
    explanation = explain(tmp_path / "model", recording, "I said no, the wonderful furious table")
    found = explanation.completeness
    assert found.held
    assert found.gap is not None
    assert found.gap <= TOLERANCE
    assert abs(found.difference) > 0.005
    added = sum(explanation.moments) + sum(word.attribution for word in explanation.words)
    assert added == pytest.approx(found.total, rel=1e-6)
    assert abs(added - found.difference) <= 0.05 * abs(found.difference)


def subject(model: EmotionModel, audio: AudioPreparation, text: str = "the table", label: int = 0) -> Subject:
    samples = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    preparation = Preparation(audio, words())
    item = preparation(Clip(samples, 16_000), text)
    assert item.values is not None
    reading = tokenize_text(words(), text)
    return Subject(model, preparation.collate([item]), label, usual(audio, item.values), None, reading.special)


def test_the_difference_is_that_of_the_network_itself() -> None:
    one = subject(network(LogMelCNNConfig(bins=20, hidden_size=16), WORDS), MEL)
    arrays = {name: torch.from_numpy(values) for name, values in one.batch.arrays().items()}
    embedding = one.model.text_encoder.backbone.embeddings
    with torch.no_grad():
        said = margin(one.model(**arrays).logits, 0, multi_label=False)
        embedding.weight[arrays["input_ids"][0, 1:-1]] = 0.0
        arrays["input_values"] = torch.from_numpy(one.usual).expand_as(arrays["input_values"])
        empty = margin(one.model(**arrays).logits, 0, multi_label=False)
    one = subject(network(LogMelCNNConfig(bins=20, hidden_size=16), WORDS), MEL)
    assert attribute(one, 1024).completeness.difference == pytest.approx(float(said - empty), rel=1e-3, abs=1e-5)


def test_what_does_not_add_up_says_so() -> None:
    one = subject(network(LogMelCNNConfig(bins=20, hidden_size=16), WORDS), MEL)
    torch.manual_seed(0)
    steep = one.model.text_encoder.backbone.embeddings
    with torch.no_grad():
        steep.weight.mul_(1e4)  # what is steep at the very beginning takes more gradients
    found = attribute(one, FEWEST).completeness
    assert found.gradients == FEWEST
    more = attribute(one, 1024).completeness
    assert more.gradients > FEWEST
    assert not found.held
    assert more.gap is not None
    assert found.gap is not None
    assert more.gap < found.gap


def test_the_network_is_left_as_it_was() -> None:
    one = subject(settle(network(voice(), WORDS)), MEL)
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    attribute(one, FEWEST)
    assert all(torch.equal(before[name], value) for name, value in one.model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in one.model.parameters())
    assert not any(module._forward_hooks for module in one.model.modules())


def test_the_target_is_the_logit_before_the_mean_of_the_others() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0]])
    assert margin(logits, 0, multi_label=False).tolist() == [1.5]
    assert margin(logits, 0, multi_label=True).tolist() == [3.0]
    assert margin(logits[:, :1], 0, multi_label=False).tolist() == [3.0]


def test_the_fewest_gradients_are_those_of_the_first_stretches() -> None:
    assert FEWEST_GRADIENTS == FEWEST
