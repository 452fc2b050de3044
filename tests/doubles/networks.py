"""Small networks of the real classes, and batches to feed them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import (
    BertConfig,
    Data2VecAudioConfig,
    DebertaV2Config,
    DistilBertConfig,
    HubertConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedConfig,
    RobertaConfig,
    Wav2Vec2BertConfig,
    Wav2Vec2Config,
    WavLMConfig,
    WhisperConfig,
    XLMRobertaConfig,
)

from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoders.voice_cnn import VoiceCNNConfig
from emofuse.model.masked_streams import Stream, mask_of_lengths
from emofuse.model.network import EmotionModel

LABELS = ("angry", "happy", "neutral", "sad")
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    # Frames of 400 samples, one every 320, as the large ones have: by three convolutions where those take seven.
    "conv_dim": (32,) * 3,
    "conv_kernel": (10, 7, 10),
    "conv_stride": (5, 8, 8),
    "num_conv_pos_embedding_groups": 4,
}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}


def wav2vec2(**settings: Any) -> PreTrainedConfig:
    """Return a small wav2vec 2.0; group norm unless told otherwise."""
    return Wav2Vec2Config(**SMALL, num_conv_pos_embeddings=16, **settings)


SPEECH: dict[str, PreTrainedConfig] = {
    "wav2vec2 group norm": wav2vec2(),
    "wav2vec2 layer norm": wav2vec2(**LAYER_NORM),
    "hubert group norm": HubertConfig(**SMALL, num_conv_pos_embeddings=16),
    "hubert layer norm": HubertConfig(**SMALL, num_conv_pos_embeddings=16, **LAYER_NORM),
    "hubert batch norm": HubertConfig(**SMALL, num_conv_pos_embeddings=16, conv_pos_batch_norm=True, **LAYER_NORM),
    "wavlm": WavLMConfig(**SMALL, num_conv_pos_embeddings=16),
    "wavlm layer norm": WavLMConfig(**SMALL, num_conv_pos_embeddings=16, **LAYER_NORM),
    "data2vec-audio": Data2VecAudioConfig(**SMALL),
}


LAYERS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
BANKS: dict[str, PreTrainedConfig] = {
    "w2v-bert": Wav2Vec2BertConfig(**LAYERS, feature_projection_input_dim=160, output_hidden_size=32),
    "whisper": WhisperConfig(
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
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=0,
        decoder_start_token_id=0,
    ),
}
BINS = {"w2v-bert": 160, "whisper": 20}


def voice(**settings: Any) -> PreTrainedConfig:
    """Return a small CNN over pictures of 20 bins; time and bins are halved three times."""
    return VoiceCNNConfig(**({"bins": 20, "widths": (4, 8, 8), "blocks": (1, 2, 1), "hidden_size": 24} | settings))


def bert(positions: int = 40) -> PreTrainedConfig:
    """Return a small BERT."""
    return BertConfig(vocab_size=100, **LAYERS, max_position_embeddings=positions)


def roberta(positions: int = 42) -> PreTrainedConfig:
    """Return a small RoBERTa, whose positions count from one after the padding index."""
    return RobertaConfig(vocab_size=100, **LAYERS, max_position_embeddings=positions)


TEXT: dict[str, PreTrainedConfig] = {
    "bert": bert(),
    "roberta": roberta(),
    "distilbert": DistilBertConfig(
        vocab_size=100, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=40
    ),
    "deberta-v3": DebertaV2Config(
        vocab_size=100,
        **LAYERS,
        max_position_embeddings=40,
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
    ),
    "mpnet": MPNetConfig(vocab_size=100, **LAYERS, max_position_embeddings=42),
    "xlm-roberta": XLMRobertaConfig(vocab_size=100, **LAYERS, max_position_embeddings=42),
    "minilm": BertConfig(vocab_size=100, **(LAYERS | {"hidden_size": 24}), max_position_embeddings=40),
    "modernbert": ModernBertConfig(
        vocab_size=100,
        **LAYERS,
        max_position_embeddings=40,
        global_attn_every_n_layers=2,
        local_attention=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
    ),
}


def network(audio: PreTrainedConfig | None, text: PreTrainedConfig | None, **settings: Any) -> EmotionModel:
    """Build a small network in evaluation mode, its classifier scaled so that logits are of unit size."""
    torch.manual_seed(0)
    config = EmotionConfig(
        audio_encoder=audio,
        text_encoder=text,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        **({"width": 32, "heads": 4} | settings),
    )
    model = EmotionModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "classifier.weight" in name:
                parameter.mul_(20.0)
    return model


@torch.no_grad()
def settle(model: EmotionModel) -> EmotionModel:
    """Give batch norms figures as training would have: a new one's leave its input almost as it is."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.1, 0.3)
            module.bias.normal_(0.0, 0.2)
    return model


def pad(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad rows to the longest, at least one step, with their mask."""
    steps = max(1, *(len(row) for row in rows))
    padded = torch.zeros(len(rows), steps, *rows[0].shape[1:], dtype=rows[0].dtype)
    mask = torch.zeros(len(rows), steps, dtype=torch.bool)
    for target, seen, row in zip(padded, mask, rows, strict=True):
        target[: len(row)] = row
        seen[: len(row)] = True
    return padded, mask


def inputs(samples: list[int], pieces: list[int], bins: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Return a pair of audio and text rows of these lengths for each utterance."""
    generator = torch.Generator().manual_seed(1)
    tail = (bins,) if bins else ()
    return [
        (
            torch.randn(length, *tail, generator=generator),
            torch.randint(5, 100, (count,), generator=generator),
        )
        for length, count in zip(samples, pieces, strict=True)
    ]


@torch.no_grad()
def logits(model: EmotionModel, rows: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Run utterances as one batch."""
    return model(*pad([audio for audio, _ in rows]), *pad([text for _, text in rows])).logits


def difference_from_single(model: EmotionModel, rows: list[tuple[Tensor, Tensor]]) -> float:
    """Return how far a batch is from its utterances run alone."""
    together = logits(model, rows)
    alone = torch.cat([logits(model, [row]) for row in rows])
    return float((together - alone).abs().max())


def random_stream(lengths: list[int], width: int = 8) -> Stream:
    """Return frames of rows of some lengths, padded with noise: (rows, longest, width)."""
    torch.manual_seed(0)
    mask = mask_of_lengths(torch.tensor(lengths), max(lengths))
    return Stream(torch.randn(len(lengths), max(lengths), width), mask)
