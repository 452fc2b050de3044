"""The parts of the benchmark that need torch: the network, its operation count, and plain `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count
from transformers import BertConfig, Wav2Vec2Config

from emofuse.data.preparation import AudioPreparation, Item, Preparation
from emofuse.data.text_preparation import TextPreparation
from emofuse.data.tokenization import PAD
from emofuse.errors import CheckpointError
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.model.configuration import EmotionConfig
from emofuse.model.encoder_wrappers import ScratchAudioEncoder
from emofuse.model.encoders.small_encoders import SCRATCH_ENCODERS
from emofuse.model.layer_selection import LayerSelection
from emofuse.model.masked_streams import Encoded, Stream, as_tensors
from emofuse.model.network import EmotionModel
from emofuse.model.speech_encoders import ConvolutionalSpeechEncoder, WhisperEncoder
from emofuse.types.arrays import Float32Array

LABELS = ("neutral", "happy", "angry", "sad")


def save_paper_network(folder: Path, seed: int) -> None:
    """Write the paper's network at full size with random weights, as a model folder.

    wav2vec 2.0 base, BERT base, cross-attention both ways of width 256 with 8 heads, four labels.
    """
    named = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
    text = BertConfig()
    torch.manual_seed(seed)
    network = EmotionModel(EmotionConfig(audio_encoder=Wav2Vec2Config(), text_encoder=text, **named))
    pieces = {PAD: 0} | {f"piece{number}": number for number in range(1, text.vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token=PAD))
    preparation = Preparation(AudioPreparation(normalise=True), TextPreparation(tokenizer))
    save_checkpoint(Checkpoint(network, preparation), folder)


def describe(model: EmotionModel, origin: str) -> str:
    """Return a short description of a network.

    Raises:
        CheckpointError: the model predicts no labels, so there is nothing to compare.
    """
    config = model.config
    if not config.task.labels:
        raise CheckpointError(
            f"{origin}: predicts dimensions only; the benchmark compares labels, so choose another model"
        )
    encoders = [one for one in (config.audio_encoder, config.text_encoder) if one is not None]
    parts = " + ".join(one.model_type for one in encoders)
    fusion = f", {config.fusion}, width {config.width}, {config.heads} heads" if len(encoders) > 1 else ""
    return f"{origin}: {parts}{fusion}, {len(config.task.labels)} labels"


def count_flops(checkpoint: Checkpoint, items: Sequence[Item]) -> int:
    """Count the floating-point operations of utterances run one by one, two for a multiply-add.

    Matrix products, convolutions, attention and LSTMs are counted, all the rest is small.
    """
    aten = torch.ops.aten
    # Neither has a formula of torch's own: the attention of processors and their LSTM.
    formulas = {
        aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        aten.mkldnn_rnn_layer: _lstm_flops,
    }
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        for item in items:
            checkpoint.model(**as_tensors(checkpoint.preparation.collate([item]).arrays()))
    return int(counter.get_total_flops())


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]  # torch leaves it so


def _lstm_flops(frames: Any, of_input: Any, of_state: Any, *_: Any, **__: Any) -> int:
    """Count the products of one direction: (..., width) frames with two matrices of four gates."""
    *steps, _width = frames
    return 2 * int(np.prod(steps)) * int(np.prod(of_input) + np.prod(of_state))


class PlainTransformers:
    """A model folder run with `transformers` alone: its encoders, by their own forward.

    The layers after the encoders are ours and the same for all systems.

    Args:
        folder: the model.
        rows: utterances per batch, in order; batches of more than one get attention masks.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        checkpoint = load_checkpoint(folder)
        self._model = checkpoint.model
        self._preparation = checkpoint.preparation
        self._rows = rows

    @torch.inference_mode()
    def __call__(self, items: Sequence[Item]) -> Float32Array:
        """Map prepared utterances to logits, (utterances, labels)."""
        logits = [self._logits(items[start : start + self._rows]) for start in range(0, len(items), self._rows)]
        return torch.cat(logits).numpy()

    def _logits(self, items: Sequence[Item]) -> Tensor:
        tensors = as_tensors(self._preparation.collate(items).arrays())
        config = self._model.config
        audio = text = None
        if config.audio_encoder is not None:
            audio = self._audio_stream(tensors["input_values"], tensors["audio_mask"])
        if config.text_encoder is not None:
            backbone, mask = self._model.text_encoder.backbone, tensors["text_mask"]
            frames = self._frames(backbone, tensors["input_ids"], mask, config.text_layers)
            text = Stream(frames, mask)
        return self._model.decide(Encoded(audio, text)).logits

    def _audio_stream(self, values: Tensor, mask: Tensor) -> Stream:
        encoder = self._model.audio_encoder
        if isinstance(encoder, WhisperEncoder):  # takes no masks; our encoder runs its forward on its windows
            stream: Stream = encoder(values, mask)
            return stream
        lengths = mask.sum(dim=1)
        if isinstance(encoder, ConvolutionalSpeechEncoder):
            lengths = encoder.backbone._get_feat_extract_output_lengths(lengths)
        elif isinstance(encoder, ScratchAudioEncoder):
            lengths = encoder.backbone.frame_lengths(lengths)
        frames = self._frames(encoder.backbone, values, mask, self._model.config.audio_layers)
        return Stream(frames, torch.arange(frames.shape[-2]) < lengths[:, None])

    def _frames(self, backbone: Any, values: Tensor, mask: Tensor, layers: Any) -> Tensor:
        """Return (batch, time, width), or (batch, layers, time, width) where the network mixes them."""
        options: dict[str, Any] = {"output_hidden_states": True} if layers != "last" else {}
        if type(backbone) in SCRATCH_ENCODERS.values():
            options["attention_mask"] = mask  # ours always need one
        elif self._rows > 1:
            options["attention_mask"] = mask.long()
        output = backbone(values, **options)
        states = output.hidden_states if layers != "last" else ()
        return LayerSelection.of(layers, len(states)).pick(states, output.last_hidden_state)
