"""Regressors of valence, arousal and dominance, in the layout of a widely used one, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import call
from foreign_models import SPEECH, save_hearing
from safetensors.torch import save_file
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emofuse import load
from emofuse.errors import CheckpointError, RecipeError
from emofuse.sound.clips import read_clip
from emofuse.types import Corpus

SCALES = ("arousal", "dominance", "valence")


class Published(nn.Module):
    """The network as its card has it."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = nn.Module()
        self.classifier.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier.out_proj = nn.Linear(config.hidden_size, 3)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        pooled = torch.mean(self.wav2vec2(values)[0], dim=1)
        scores: torch.Tensor = self.classifier.out_proj(torch.tanh(self.classifier.dense(pooled)))
        return scores


def save_published(folder: Path, **settings: object) -> Published:
    torch.manual_seed(3)
    named = {"id2label": dict(enumerate(SCALES)), "label2id": {name: place for place, name in enumerate(SCALES)}}
    config = Wav2Vec2Config(**SPEECH, **named, problem_type="regression")
    network = Published(config).eval()
    folder.mkdir()
    written = config.to_dict() | {"architectures": ["Wav2Vec2ForSpeechClassification"], "pooling_mode": "mean"}
    (folder / "config.json").write_text(json.dumps(written | settings))
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)
    return network


def test_dimensions_are_those_of_the_published_code(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path
) -> None:
    network = save_published(tmp_path / "feels")
    model = load(tmp_path / "feels")
    assert model.labels == ()
    audio = corpus.utterances[0].audio
    assert audio is not None
    prediction = model.predict(audio, any_sound=True)
    samples = read_clip(audio).samples
    normal = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.inference_mode():
        expected = network(torch.from_numpy(normal)[None])[0].tolist()
    assert prediction.dimensions == pytest.approx(dict(zip(SCALES, expected, strict=True)), abs=1e-5)
    assert (prediction.label, prediction.confidence, prediction.speech) == (None, None, True)
    assert "its dimensions are on its own scale" in str(prediction.model_scope)
    code, out, _ = call(capsys, "predict", tmp_path / "feels", audio, "--any-sound")
    assert code == 0
    assert f"arousal {expected[0]:.2f}" in out
    (document,) = json.loads(
        call(capsys, "predict", tmp_path / "feels", audio, "--any-sound", "--format", "json")[1]
    )
    assert document["dimensions"] == pytest.approx(dict(prediction.dimensions or {}))
    with pytest.raises(RecipeError, match="predicts arousal and dominance and valence without a label"):
        model.timeline(audio)
    with pytest.raises(RecipeError, match="predicts no labels"):
        model.explain(audio)


def test_dimensions_of_a_plain_head_are_named_in_any_order(corpus: Corpus, tmp_path: Path) -> None:
    scales = {"id2label": {0: "Valence", 1: "activation"}, "label2id": {"Valence": 0, "activation": 1}}
    model = load(save_hearing(tmp_path / "feels", **scales))
    prediction = model.predict(corpus.utterances[0].audio, any_sound=True)
    assert list(prediction.dimensions or {}) == ["valence", "arousal"]


def test_a_head_that_is_pooled_in_another_way_is_refused(tmp_path: Path) -> None:
    save_published(tmp_path / "feels", pooling_mode="max")
    with pytest.raises(CheckpointError, match="of a kind that needs code of its own"):
        load(tmp_path / "feels")
