"""A classifier over a real Whisper, its head fitted here, through every door."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command_line import call
from real_models import real_model
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from transformers import WhisperFeatureExtractor, WhisperForAudioClassification

from emofuse import evaluate, save_corpus
from emofuse.sound.clips import read_clip
from emofuse.types import Corpus

THEIRS = ("anger", "joy", "neu", "sadness")


def fitted(whisper: Path, corpus: Corpus, folder: Path) -> Path:
    """Save a classifier whose head is a logistic regression on the mean of the layers 2 to 4."""
    named = {"id2label": dict(enumerate(THEIRS)), "label2id": {name: n for n, name in enumerate(THEIRS)}}
    network = WhisperForAudioClassification.from_pretrained(
        whisper, dtype=torch.float32, use_weighted_layer_sum=True, num_labels=4, **named
    ).eval()
    extractor = WhisperFeatureExtractor.from_pretrained(whisper)
    rows = []
    with torch.inference_mode():
        for one in corpus:
            assert one.audio is not None
            samples = read_clip(one.audio).samples
            features = extractor(samples, sampling_rate=16_000, return_tensors="pt").input_features
            layers = network.encoder(features, output_hidden_states=True).hidden_states
            rows.append(torch.stack(layers[2:5]).mean(dim=(0, 2))[0].numpy())
    scaler = StandardScaler().fit(rows)
    truth = [("angry", "happy", "neutral", "sad").index(str(one.label)) for one in corpus]
    head = LogisticRegression(C=0.1, max_iter=2000).fit(scaler.transform(rows), truth)
    weight = head.coef_ / scaler.scale_
    bias = head.intercept_ - weight @ scaler.mean_
    with torch.no_grad():
        network.layer_weights.copy_(torch.full((7,), -40.0).index_fill(0, torch.tensor([2, 3, 4]), 0.0))
        for value in (
            network.projector.weight,
            network.projector.bias,
            network.classifier.weight,
            network.classifier.bias,
        ):
            value.zero_()
        network.projector.weight[:4] = torch.from_numpy(weight).float()
        network.projector.bias[:4] = torch.from_numpy(bias).float()
        network.classifier.weight[:, :4] = torch.eye(4)
    network.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


@pytest.mark.slow  # a Whisper hears 30 s for each of some sixty clips
def test_a_classifier_over_whisper_goes_through_every_door(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path
) -> None:
    corpus = Corpus(corpus.utterances[:12], name="tones")
    model = fitted(real_model("whisper-base"), corpus, tmp_path / "hears")
    manifest = tmp_path / "tones.jsonl"
    save_corpus(corpus, manifest)
    found = evaluate(model, corpus)
    assert found["figures"]["ua"]["mean"] > 0.9  # it was fitted to these
    assert found["kind"] == "audio-classification"
    out = tmp_path / "out"
    for resumed in ((), ("--resume",)):
        assert call(capsys, "predict", model, manifest, "--any-sound", "--out", out, *resumed)[0] == 0
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert [row["label"] == one.label for row, one in zip(rows, corpus, strict=True)].count(True) >= 11
    samples = np.concatenate([read_clip(Path(str(one.audio))).samples for one in corpus])
    soundfile.write(tmp_path / "long.wav", np.tile(samples, 4), 16_000)  # longer than Whisper hears at once
    options = ("--timeline", "--segmentation", "windows", "--format", "json")
    code, printed, _ = call(capsys, "predict", model, tmp_path / "long.wav", *options)
    assert code == 0
    assert len(json.loads(printed)["segments"]) > 4
    code, printed, _ = call(capsys, "explain", model, corpus.utterances[0].audio, "--any-sound", "--json")
    assert code == 0
    assert json.loads(printed)["method"] == "occlusion"
