"""An utterance gives the same numbers alone and in any batch, through the whole network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from networks import (
    BANKS,
    BINS,
    LABELS,
    SPEECH,
    TEXT,
    bert,
    difference_from_single,
    inputs,
    logits,
    network,
    pad,
    roberta,
    wav2vec2,
)
from transformers import AutoModel, WhisperConfig, WhisperFeatureExtractor

from emofuse.data.preparation import AudioPreparation
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WaveformCNNConfig, WordCNNConfig
from emofuse.sound.clips import Clip

# Odd lengths, the longest three times another, one shorter than the receptive field, one absent.
SAMPLES = [5431, 16293, 300, 0, 9001]
PIECES = [7, 30, 1, 5, 0]
TOLERANCE = 1e-4


@pytest.mark.parametrize("family", SPEECH)
def test_batch_equals_single_through_the_whole_network(family: str) -> None:
    model = network(SPEECH[family], bert())
    rows = inputs(SAMPLES, PIECES)
    assert logits(model, rows).std() > 0.3  # the figures compared are of unit size
    assert difference_from_single(model, rows) < TOLERANCE


@pytest.mark.parametrize("family", SPEECH)
def test_encoder_in_a_batch_equals_plain_transformers_alone(family: str) -> None:
    model = network(SPEECH[family], None)
    rows = inputs(SAMPLES[:2], PIECES[:2])
    with torch.no_grad():
        stream = model.audio_encoder(*pad([audio for audio, _ in rows]))
        for row, (audio, _) in enumerate(rows):
            alone = model.audio_encoder.backbone(audio[None]).last_hidden_state[0]
            assert int(stream.mask[row].sum()) == len(alone)
            torch.testing.assert_close(stream.frames[row, : len(alone)], alone, atol=TOLERANCE, rtol=0)


def expected_layers(states: Sequence[torch.Tensor], layers: str | int | tuple[int, ...]) -> torch.Tensor:
    """Return the hidden states that are to be given out, of those that `transformers` gives."""
    if isinstance(layers, int):
        return states[layers]
    return torch.stack(
        [states[index] for index in (range(len(states)) if layers == "weighted" else layers)], dim=1
    )


@pytest.mark.parametrize("layers", ["weighted", 0, 2, (0, 1)])
@pytest.mark.parametrize("family", ["wav2vec2 layer norm", "wavlm"])
def test_every_layer_is_the_one_that_transformers_counts(family: str, layers: str | int | tuple[int, ...]) -> None:
    model = network(SPEECH[family], bert(), audio_layers=layers, text_layers=layers)
    assert difference_from_single(model, inputs(SAMPLES, PIECES)) < TOLERANCE
    (audio, text), *_ = inputs([5431], [7])
    with torch.no_grad():
        encoded = model.encode(*pad([audio]), *pad([text]))
        heard = model.audio_encoder.backbone(audio[None], output_hidden_states=True).hidden_states
        read = model.text_encoder.backbone(text[None], output_hidden_states=True).hidden_states
    assert encoded.audio is not None
    assert encoded.text is not None
    for stream, states in ((encoded.audio, heard), (encoded.text, read)):
        expected = expected_layers(states, layers)
        torch.testing.assert_close(stream.frames, expected, atol=TOLERANCE, rtol=0)


# Whisper takes windows of 200 frames here: the longest row has two.
FRAMES = [31, 103, 1, 0, 350]


@pytest.mark.parametrize("layers", ["last", "weighted", 1])
@pytest.mark.parametrize("family", BANKS)
def test_encoders_of_filter_banks_batch_exactly(family: str, layers: str | int) -> None:
    model = network(BANKS[family], bert(), audio_layers=layers)
    rows = inputs(FRAMES, PIECES, bins=BINS[family])
    assert logits(model, rows).std() > 0.3
    assert difference_from_single(model, rows) < TOLERANCE


@pytest.mark.parametrize("layers", ["last", "weighted", 1])
@pytest.mark.parametrize("window", [1, "clip"])
def test_whisper_batches_exactly_in_windows_of_every_length(window: int | str, layers: str | int) -> None:
    model = network(BANKS["whisper"], bert(), audio_layers=layers, audio_window=window)
    rows = inputs(FRAMES, PIECES, bins=BINS["whisper"])
    assert logits(model, rows).std() > 0.3
    assert difference_from_single(model, rows) < TOLERANCE


@pytest.mark.parametrize("layers", ["weighted", 0, 1, 2, (0, 1), (1, 2)])
def test_layers_of_whisper_are_those_that_transformers_counts(layers: str | int | tuple[int, ...]) -> None:
    model = network(BANKS["whisper"], None, audio_layers=layers)
    (audio, _), *_ = inputs([200], [1], bins=BINS["whisper"])  # a whole window: nothing is filled up
    with torch.no_grad():
        stream = model.audio_encoder(*pad([audio]))
        states = model.audio_encoder.backbone(audio[None].transpose(1, 2), output_hidden_states=True).hidden_states
    expected = expected_layers(states, layers)
    torch.testing.assert_close(stream.frames, expected, atol=TOLERANCE, rtol=0)


def test_a_window_of_the_clip_ends_half_a_second_after_it() -> None:
    """Whisper's own forward, built for just that window, gives the same frames."""
    model = network(BANKS["whisper"], None, audio_window="clip")
    (audio, _), *_ = inputs([61], [1], bins=BINS["whisper"])
    silence = max(float(audio.max()) - 2.0, -1.5)
    window = torch.cat([audio, torch.full((51, audio.shape[1]), silence)])  # 112 frames: an even number
    settings = model.config.audio_encoder.to_dict() | {"max_source_positions": 56}
    whole = network(WhisperConfig(**settings), None).audio_encoder.backbone
    weights = dict(model.audio_encoder.backbone.state_dict())
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:56]
    whole.load_state_dict(weights)
    with torch.no_grad():
        stream = model.audio_encoder(*pad([audio]))
        expected = whole(window[None].transpose(1, 2)).last_hidden_state[:, :31]
    torch.testing.assert_close(stream.frames, expected, atol=TOLERANCE, rtol=0)


def test_w2v_bert_in_a_batch_equals_plain_transformers_alone() -> None:
    model = network(BANKS["w2v-bert"], None)
    rows = [audio for audio, _ in inputs([31, 103], [1, 1], bins=160)]
    with torch.no_grad():
        stream = model.audio_encoder(*pad(rows))
        for row, audio in enumerate(rows):
            alone = model.audio_encoder.backbone(input_features=audio[None]).last_hidden_state[0]
            torch.testing.assert_close(stream.frames[row, : len(alone)], alone, atol=TOLERANCE, rtol=0)


def test_whisper_in_a_batch_equals_plain_transformers_on_its_own_padding() -> None:
    """Real sound through the feature extractor and the encoder of transformers, against ours, at 30 s windows."""
    settings = BANKS["whisper"].to_dict() | {"max_source_positions": 1500}
    model = network(WhisperConfig(**settings), None)
    generator = np.random.default_rng(0)
    clips = [generator.normal(0, 0.1, size).astype(np.float32) for size in (16_057, 50_001)]
    ours = AudioPreparation("whisper-log-mel", bins=20)
    rows = [torch.from_numpy(ours(Clip(clip, 16_000))) for clip in clips]
    extractor = WhisperFeatureExtractor(feature_size=20)
    with torch.no_grad():
        stream = model.audio_encoder(*pad(rows))
        for row, clip in enumerate(clips):
            features = extractor(clip, sampling_rate=16_000, return_tensors="pt").input_features
            alone = model.audio_encoder.backbone(features).last_hidden_state[0]
            count = int(stream.mask[row].sum())
            assert count == -(-len(rows[row]) // 2)
            torch.testing.assert_close(stream.frames[row, :count], alone[:count], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("layers", ["last", "weighted"])
@pytest.mark.parametrize("family", TEXT)
def test_text_families_batch_exactly_short_and_in_windows(family: str, layers: str) -> None:
    model = network(wav2vec2(), TEXT[family], text_layers=layers)
    assert model.text_encoder.longest == 40
    rows = inputs([4000, 5000, 6000, 700], [50, 16, 3, 0])
    assert logits(model, rows).std() > 0.3
    assert difference_from_single(model, rows) < TOLERANCE


@pytest.mark.parametrize("family", TEXT)
def test_text_encoder_in_a_batch_equals_plain_transformers_alone(family: str) -> None:
    model = network(None, TEXT[family])
    rows = [text for _, text in inputs([1, 1], [9, 27])]
    with torch.no_grad():
        stream = model.text_encoder(*pad(rows))
        for row, text in enumerate(rows):
            alone = model.text_encoder.backbone(text[None]).last_hidden_state[0]
            torch.testing.assert_close(stream.frames[row, : len(alone)], alone, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("fusion", ["cross-attention", "concatenation", "late"])
@pytest.mark.parametrize("pooling", ["statistics", "mean"])
def test_our_own_encoders_batch_exactly_under_every_fusion(fusion: str, pooling: str) -> None:
    words = WordCNNConfig(vocab_size=100, hidden_size=32, layers=2)
    mel = network(LogMelCNNConfig(hidden_size=32), words, fusion=fusion, pooling=pooling)
    assert difference_from_single(mel, inputs([31, 103, 1, 0, 57], PIECES, bins=64)) < TOLERANCE
    wave = network(WaveformCNNConfig(hidden_size=32), words, fusion=fusion, pooling=pooling, residual=True)
    assert difference_from_single(wave, inputs(SAMPLES, PIECES)) < TOLERANCE


@pytest.mark.parametrize("text", [bert(positions=16), roberta(positions=18)], ids=["bert", "roberta"])
def test_texts_longer_than_the_encoder_takes_go_through_in_windows(text: object) -> None:
    model = network(wav2vec2(), text)
    assert model.text_encoder.longest == 16
    rows = inputs([4000, 5000, 6000], [50, 16, 3])
    assert difference_from_single(model, rows) < TOLERANCE


@pytest.mark.parametrize(("audio", "text"), [(wav2vec2(), None), (None, bert())], ids=["audio", "text"])
def test_unimodal_systems_batch_exactly_and_ignore_the_other_modality(audio: object, text: object) -> None:
    model = network(audio, text)
    rows = inputs(SAMPLES, [7, 30, 1, 5, 9])
    assert difference_from_single(model, rows) < TOLERANCE
    silenced = [(a if audio else a[:0], t if text else t[:0]) for a, t in rows]
    assert torch.equal(logits(model, rows), logits(model, silenced))
    assert model.config.task.labels == LABELS


def test_what_stands_in_an_absent_row_changes_nothing() -> None:
    model = network(wav2vec2(), bert())
    audio, audio_mask = pad([row for row, _ in inputs([5000, 4000], [4, 4])])
    ids, text_mask = pad([row for _, row in inputs([5000, 4000], [4, 4])])
    gone = text_mask.clone()
    gone[0] = False
    with torch.no_grad():
        before = model(audio, audio_mask, ids, gone).logits
        other = torch.where(gone, ids, 7)
        after = model(audio, audio_mask, other, gone).logits
        whole = model(audio, audio_mask, ids, text_mask).logits
    assert torch.equal(before, after)
    assert not torch.allclose(before[0], whole[0], atol=1e-3)
    torch.testing.assert_close(before[1], whole[1], atol=TOLERANCE, rtol=0)


def test_plain_padding_would_have_moved_the_group_norm_family() -> None:
    """The reason for all this: without it, the same utterance gives other frames in a padded batch."""
    torch.manual_seed(0)
    plain = AutoModel.from_config(SPEECH["wav2vec2 group norm"]).eval()
    (audio, _), *_ = inputs([5431], [1])
    with torch.no_grad():
        alone = plain(audio[None]).last_hidden_state
        padded = plain(torch.nn.functional.pad(audio, (0, 10_862))[None]).last_hidden_state
    assert (padded[:, : alone.shape[1]] - alone).abs().max() > 0.1
