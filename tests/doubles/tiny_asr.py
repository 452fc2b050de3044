"""Tiny recognisers with random weights, of the real classes, in folders as their libraries save them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

WORDS = ("dogs", "are", "sitting", "by", "the", "door")
LANGUAGES = ("en", "de", "pl")
END = "<|endoftext|>"
TASKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


def save_whisper(folder: Path, seed: int = 0, multilingual: bool = True) -> Path:
    """Save a Whisper that says some of WORDS, whatever it hears."""
    tokenizer = _whisper_tokenizer()
    ids = {token: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for token in ("startoftranscript", *TASKS)}
    end = tokenizer.convert_tokens_to_ids(END)
    numbers = {
        "decoder_start_token_id": ids["startoftranscript"],
        "pad_token_id": end,
        "bos_token_id": end,
        "eos_token_id": end,
    }
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            d_model=16,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            init_std=1.0,
            begin_suppress_tokens=None,
            suppress_tokens=None,
            **numbers,
        )
    )
    _prefer_words(model, tokenizer)
    model.generation_config = GenerationConfig(
        begin_suppress_tokens=[end], max_length=24, is_multilingual=multilingual,
        no_timestamps_token_id=ids["notimestamps"], prev_sot_token_id=ids["startofprev"],
        alignment_heads=[[0, 0], [1, 1]], max_initial_timestamp_index=50,
        lang_to_id={f"<|{code}|>": tokenizer.convert_tokens_to_ids(f"<|{code}|>") for code in LANGUAGES},
        task_to_id={task: ids[task] for task in ("transcribe", "translate")}, **numbers,
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def save_faster_whisper(folder: Path, seed: int = 0) -> Path:
    """Save the same Whisper as faster-whisper reads it, through the converter that its models come from."""
    from ctranslate2.converters import TransformersConverter

    source = save_whisper(folder.with_name(f"{folder.name}-source"), seed)
    converter = TransformersConverter(
        str(source), copy_files=["tokenizer.json", "preprocessor_config.json"], load_as_float16=False
    )
    converter.convert(str(folder))
    return folder


def save_ctc(folder: Path, seed: int = 0) -> Path:
    """Save a wav2vec 2.0 with letters as its outputs."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    torch.manual_seed(seed)
    config = Wav2Vec2Config(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8, 8), conv_kernel=(10, 8, 8), conv_stride=(5, 8, 8), num_feat_extract_layers=3,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    model = Wav2Vec2ForCTC(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(40.0)  # so that the letters differ from frame to frame
    model.save_pretrained(folder)
    Wav2Vec2CTCTokenizer(str(vocabulary)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


def _whisper_tokenizer() -> WhisperTokenizer:
    letters = list(bytes_to_unicode().values())
    # By the empty piece CTranslate2 knows a multilingual Whisper; what comes after the end is no text.
    pieces = [*letters, *(f"Ġ{word}" for word in WORDS), "", END]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    marks = [f"<|{mark}|>" for mark in ("startoftranscript", *LANGUAGES, *TASKS)]
    times = [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[], additional_special_tokens=marks)
    tokenizer.add_tokens(times)
    return tokenizer


def _prefer_words(model: WhisperForConditionalGeneration, tokenizer: WhisperTokenizer) -> None:
    """Let the last layer's bias speak for WORDS and for the end, and against all other pieces."""
    with torch.no_grad():
        decoder = model.model.decoder
        decoder.layer_norm.bias[0] = 4.0
        weight = decoder.embed_tokens.weight
        weight[:, 0] = -4.0
        weight[tokenizer.convert_tokens_to_ids([END, *(f"Ġ{word}" for word in WORDS)]), 0] = 4.0
