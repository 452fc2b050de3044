"""Teacher and student: a BERT and what it predicts of a text. The student is cut out of its teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from text_corpus import DIMENSIONS, LABELS
from tokenizers import Tokenizer, decoders
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from emofuse import layout
from emofuse.data.tokenization import FIRST, LAST, PAD, SPECIAL_TOKENS, UNKNOWN, learn_vocabulary, read_tokenizer

HEADS = "heads.safetensors"
# What a student's configuration takes over from its teacher's.
COPIED = (
    "hidden_size",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
    "type_vocab_size",
    "initializer_range",
)
# How a byte-level vocabulary writes a blank, and WordPiece that a piece goes on.
BLANK, GOES_ON = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}", "##"


@dataclass(frozen=True)
class Reading:
    """What is read out of texts: (batch, width), logits (batch, 7), dimensions (batch, 3)."""

    vector: Tensor
    labels: Tensor
    dimensions: Tensor


class Reader(nn.Module):
    """A BERT, the mean over its pieces, and two linear heads."""

    def __init__(self, backbone: BertModel, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.labels = nn.Linear(backbone.config.hidden_size, len(LABELS))
        self.dimensions = nn.Linear(backbone.config.hidden_size, len(DIMENSIONS))

    def forward(self, pieces: Tensor, mask: Tensor) -> Reading:
        """Map pieces and their mask, both (batch, time), to a reading."""
        frames = self.backbone(input_ids=pieces, attention_mask=mask).last_hidden_state.float()
        weight = mask.unsqueeze(-1).to(frames.dtype)
        vector = (frames * weight).sum(1) / weight.sum(1).clamp(min=1)
        kept = self.dropout(vector)
        return Reading(vector, self.labels(kept).float(), self.dimensions(kept).float())


@dataclass(frozen=True)
class Read:
    """A reader and its tokenizer."""

    reader: Reader
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Shape:
    """The size of a student: pieces, layers of the teacher that it keeps, width of their feed-forward half."""

    pieces: int
    layers: tuple[int, ...]
    feed_forward: int
    positions: int


def new_teacher(folder: Path, frozen: int) -> Read:
    """Return a teacher with new heads; embeddings and the first layers stay as they are."""
    backbone = _load(folder)
    for name, weight in backbone.named_parameters():
        weight.requires_grad = not _is_below(name, frozen)
    return Read(Reader(backbone), _bare(AutoTokenizer.from_pretrained(folder).backend_tokenizer))


def new_student(teacher: Read, texts: Sequence[str], shape: Shape) -> Read:
    """Return a student with a vocabulary of its own, which begins as a smaller copy of its teacher."""
    tokenizer = learn_vocabulary(texts, "bpe", shape.pieces)
    given = teacher.reader.backbone.config
    values = {name: getattr(given, name) for name in COPIED} | {
        "vocab_size": tokenizer.get_vocab_size(),
        "num_hidden_layers": len(shape.layers),
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": shape.positions,
        "pad_token_id": 0,
    }
    student = BertModel(BertConfig(**values, attn_implementation="eager"), add_pooling_layer=False)
    table = {"embeddings.word_embeddings.weight": _pieces(teacher, tokenizer)}
    student.load_state_dict(_cut(teacher, shape) | table)
    reader = Reader(student)
    for head in ("labels", "dimensions"):
        getattr(reader, head).load_state_dict(getattr(teacher.reader, head).state_dict())
    return Read(reader, tokenizer)


def save(read: Read, folder: Path) -> None:
    """Write a standard folder of Hugging Face, and the two heads beside it; whole or not at all."""
    partial = layout.make_folder(folder.with_name(folder.name + ".partial"))
    read.reader.backbone.save_pretrained(partial)
    write_tokenizer(read.tokenizer, partial)
    heads = {k: v.contiguous() for k, v in read.reader.state_dict().items() if not k.startswith("backbone.")}
    save_file(heads, partial / HEADS)
    partial.rename(folder)


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write a tokenizer so that `AutoTokenizer` takes it as it is; by itself it makes a WordPiece for any BERT."""
    named = {"pad_token": PAD, "unk_token": UNKNOWN, "cls_token": FIRST, "sep_token": LAST}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)


def load(folder: Path) -> Read:
    """Read what `save` wrote."""
    reader = Reader(_load(folder))
    reader.load_state_dict(load_file(folder / HEADS), strict=False)
    return Read(reader, read_tokenizer(folder / layout.TOKENIZER))


def _load(folder: Path) -> BertModel:
    return AutoModel.from_pretrained(
        folder,
        dtype=torch.float32,
        add_pooling_layer=False,
        attn_implementation="eager",
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
    )


def _bare(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _is_below(name: str, layers: int) -> bool:
    return name.startswith("embeddings.") or any(name.startswith(f"encoder.layer.{i}.") for i in range(layers))


def _cut(teacher: Read, shape: Shape) -> dict[str, Tensor]:
    """Return the weights of the layers that are kept, with their most important feed-forward units."""
    given = teacher.reader.backbone.state_dict()
    kept = {
        "embeddings.position_embeddings.weight": given["embeddings.position_embeddings.weight"][: shape.positions],
        **{k: v for k, v in given.items() if k.startswith(("embeddings.token_type", "embeddings.LayerNorm"))},
    }
    for new, old in enumerate(shape.layers):
        before, after = f"encoder.layer.{old}.", f"encoder.layer.{new}."
        layer = {k.removeprefix(before): v for k, v in given.items() if k.startswith(before)}
        into, out = layer["intermediate.dense.weight"], layer["output.dense.weight"]
        best = (into.norm(dim=1) * out.norm(dim=0)).topk(shape.feed_forward).indices.sort().values
        layer["intermediate.dense.weight"], layer["output.dense.weight"] = into[best], out[:, best]
        layer["intermediate.dense.bias"] = layer["intermediate.dense.bias"][best]
        kept |= {after + k: v for k, v in layer.items()}
    return {k: v.clone() for k, v in kept.items()}


def _pieces(teacher: Read, tokenizer: Tokenizer) -> Tensor:
    """Return a first vector for each piece: the mean of those that the teacher has for its text."""
    known = teacher.tokenizer.get_vocab()
    table = teacher.reader.backbone.get_input_embeddings().weight.detach()
    rows = []
    vocabulary = tokenizer.get_vocab()
    for piece in sorted(vocabulary, key=lambda piece: vocabulary[piece]):
        found = _same_text(teacher.tokenizer, known, piece)
        rows.append(table[found or [known[UNKNOWN]]].mean(0))
    return torch.stack(rows)


def _same_text(wordpiece: Tokenizer, known: Mapping[str, int], piece: str) -> list[int]:
    """Return the teacher's pieces for a piece of a byte-level vocabulary; none for half a letter."""
    if piece in SPECIAL_TOKENS:
        return [known[piece]]
    text = decoders.ByteLevel().decode([piece]).strip()
    if not piece.startswith(BLANK) and GOES_ON + text in known:
        return [known[GOES_ON + text]]
    return list(wordpiece.encode(text, add_special_tokens=False).ids)
