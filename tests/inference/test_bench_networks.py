"""What of the benchmark needs torch: the rival in plain `transformers` is right, operations are counted whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import BertConfig, PreTrainedConfig, Wav2Vec2BertConfig, Wav2Vec2Config, WhisperConfig

from emofuse.data.preparation import AudioPreparation, Item, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError
from emofuse.inference.bench.bench_networks import PlainTransformers, count_flops, describe
from emofuse.inference.bench.bench_utterances import make_items
from emofuse.inference.bench.peak import MatrixProducts
from emofuse.model.checkpoint import Checkpoint, save_checkpoint
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WordCNNConfig
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
BANK = AudioPreparation("stacked-filterbank", bins=80)
TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
WHISPER = WhisperConfig(
    d_model=32,
    encoder_layers=2,
    encoder_attention_heads=4,
    encoder_ffn_dim=64,
    decoder_layers=1,
    decoder_attention_heads=4,
    decoder_ffn_dim=64,
    max_source_positions=100,
    num_mel_bins=20,
    vocab_size=50,
    **dict.fromkeys(TOKENS, 0),
)


def wav2vec2() -> PreTrainedConfig:
    return Wav2Vec2Config(**SMALL, conv_dim=(32,) * 7, num_conv_pos_embedding_groups=4, num_conv_pos_embeddings=16)


def bert() -> PreTrainedConfig:
    return BertConfig(vocab_size=100, **SMALL, max_position_embeddings=90)


def make(audio: PreTrainedConfig | None, text: PreTrainedConfig | None, **settings: Any) -> Checkpoint:
    """Build a small network; its sound is the waveform unless `bank` says otherwise."""
    bank = settings.pop("bank", AudioPreparation(normalise=True))
    tokenizer = learn_vocabulary(["yes yes no no"], "words", 90)
    preparation = Preparation(bank if audio else None, TextPreparation(tokenizer) if text else None)
    torch.manual_seed(0)
    labels = settings.pop("labels", {0: "no", 1: "yes"})
    named = {"id2label": labels, "label2id": {label: index for index, label in labels.items()}}
    config = EmotionConfig(audio_encoder=audio, text_encoder=text, width=32, heads=4, **named, **settings)
    return Checkpoint(EmotionModel(config).eval(), preparation)


def utterances(checkpoint: Checkpoint) -> list[Item]:
    return make_items(checkpoint.preparation, [0.7, 1.3, 2.1], longest_text=40, seed=0)


@torch.no_grad()
def logits(checkpoint: Checkpoint, items: Sequence[Item]) -> torch.Tensor:
    batches = [as_tensors(checkpoint.preparation.collate([item]).arrays()) for item in items]
    return torch.cat([checkpoint.model(**batch).logits for batch in batches])


NETWORKS = {
    "the paper's kind": make(wav2vec2(), bert()),
    "sound only": make(wav2vec2(), None),
    "words only": make(None, bert()),
    "layers mixed": make(wav2vec2(), bert(), audio_layers="weighted", text_layers=1),
    "w2v-bert": make(
        Wav2Vec2BertConfig(**SMALL, feature_projection_input_dim=160, output_hidden_size=32), bert(), bank=BANK
    ),
    "whisper": make(WHISPER, bert(), bank=AudioPreparation("whisper-log-mel", bins=20)),
    "our own encoders": make(
        LogMelCNNConfig(hidden_size=32, bins=20),
        WordCNNConfig(vocab_size=100, hidden_size=32),
        bank=AudioPreparation("log-mel", bins=20),
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_plain_transformers_one_by_one_gives_the_logits_of_our_network(kind: str, tmp_path: Path) -> None:
    checkpoint = NETWORKS[kind]
    items = utterances(checkpoint)
    save_checkpoint(checkpoint, tmp_path / "model")
    said = torch.from_numpy(PlainTransformers(tmp_path / "model", rows=1)(items))
    torch.testing.assert_close(said, logits(checkpoint, items), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", NETWORKS)
def test_plain_transformers_takes_batches_and_a_rest(kind: str, tmp_path: Path) -> None:
    checkpoint = NETWORKS[kind]
    items = utterances(checkpoint)
    save_checkpoint(checkpoint, tmp_path / "model")
    said = torch.from_numpy(PlainTransformers(tmp_path / "model", rows=2)(items))
    # Padding moves what `transformers` says of wav2vec 2.0 with group norm, so only the unpadded rest is the same.
    torch.testing.assert_close(said[2:], logits(checkpoint, items)[2:], atol=1e-5, rtol=0)
    assert said.shape == (3, 2)


def test_every_product_is_counted_whatever_computes_it() -> None:
    """Attention and LSTMs have kernels of their own on processors; without them all is plain products."""
    checkpoint = NETWORKS["the paper's kind"]
    items = utterances(checkpoint)
    with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
        plain = count_flops(checkpoint, items)
    assert count_flops(checkpoint, items) == plain
    assert plain == sum(count_flops(checkpoint, [item]) for item in items)


def test_a_layer_more_is_counted_as_what_it_multiplies() -> None:
    items = [Item(None, torch.arange(10).numpy())]
    one, two = (make(None, BertConfig(vocab_size=100, **(SMALL | {"num_hidden_layers": n}))) for n in (1, 2))
    projections, feed_forward, attention = 4 * 32 * 32, 2 * 32 * 64, 2 * 10 * 32
    layer = 2 * 10 * (projections + feed_forward + attention)
    assert count_flops(two, items) - count_flops(one, items) == layer


def test_the_machine_multiplies_at_some_speed() -> None:
    assert MatrixProducts(threads=1)(1) > 1e6


def test_a_description_names_what_is_compared() -> None:
    words = describe(NETWORKS["the paper's kind"].model, "here")
    assert words == "here: wav2vec2 + bert, cross-attention, width 32, 4 heads, 2 labels"
    assert describe(NETWORKS["words only"].model, "here") == "here: bert, 2 labels"


def test_a_model_without_labels_is_refused() -> None:
    checkpoint = make(None, bert(), labels={}, dimensions=["valence"], ranges=[[1.0, 5.0]])
    with pytest.raises(CheckpointError, match="here: predicts dimensions only"):
        describe(checkpoint.model, "here")
