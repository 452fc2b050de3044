"""Models of others as the Hub has them: real classes, tiny and with random weights; and a cache of the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from networks import LAYERS, SMALL
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

from emofuse.data.tokenization import learn_vocabulary

THEIRS = ("neu", "hap", "ang", "sad", "disgust")
NAMED: dict[str, Any] = {
    "id2label": dict(enumerate(THEIRS)),
    "label2id": {name: i for i, name in enumerate(THEIRS)},
}
SPEECH = {**SMALL, "num_conv_pos_embeddings": 16, "classifier_proj_size": 16}


def save_hearing(folder: Path, **settings: Any) -> Path:
    """Save a classifier of sound as the Hub has them."""
    torch.manual_seed(1)
    Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SPEECH, **(NAMED | settings))).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    tokenizer = learn_vocabulary(["the furious thing number", "the lonely thing number"], "words", 60)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )


def save_reading(folder: Path, **settings: Any) -> Path:
    """Save a classifier of text as the Hub has them."""
    torch.manual_seed(2)
    config = BertConfig(**LAYERS, vocab_size=60, max_position_embeddings=12, **(NAMED | settings))
    BertForSequenceClassification(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def put_in_cache(folder: Path, name: str, cache: Path, commit: str = "a" * 40) -> Path:
    """Put a folder into a cache of the Hub, as the newest revision of a name; return its snapshot."""
    place = cache / f"models--{name.replace('/', '--')}"
    for inner in ("refs", "blobs", "snapshots"):
        (place / inner).mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    snapshot = place / "snapshots" / commit
    snapshot.mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        shutil.copyfile(path, place / "blobs" / str(number))
        (snapshot / path.name).symlink_to(Path("../../blobs") / str(number))
    return snapshot
