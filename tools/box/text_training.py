"""How teacher and student are trained: batches of texts of like length, two kinds of loss, one loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from text_corpus import Rows, Texts
from text_network import Read, Reading
from torch import Tensor
from torch.nn import functional

from emofuse.data.tokenization import SPECIAL_TOKENS, UNKNOWN
from emofuse.types.arrays import Float32Array

logger = logging.getLogger(__name__)

# How many batches of texts are sorted by length together.
SORTED = 50
TEXTS_AT_ONCE = 256
# Of longer texts the beginning is read.
MOST_PIECES = 128


@dataclass(frozen=True)
class Schedule:
    """How long and how fast the training is; `recognised` is the share of texts that come as recognised.

    Of a student's pieces the share `hidden` is hidden at random.
    """

    epochs: int
    lr: float
    batch: int = 64
    warmup: float = 0.1
    weight_decay: float = 0.01
    recognised: float = 0.5
    hidden: float = 0.0
    most_pieces: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Targets:
    """The targets of texts: labels as shares, dimensions, NaN where nothing is known; vectors, or none."""

    labels: Float32Array
    dimensions: Float32Array
    vectors: Float32Array | None = None


@dataclass(frozen=True)
class Weights:
    """What the losses of dimensions and vectors count beside that of the labels."""

    dimensions: float = 0.1
    vectors: float = 1.0


@dataclass(frozen=True)
class TextOutputs:
    """The outputs of a reader: probabilities (texts, 7), dimensions (texts, 3), vectors (texts, width)."""

    labels: Float32Array
    dimensions: Float32Array
    vectors: Float32Array


def train(read: Read, texts: Texts, targets: Targets, schedule: Schedule, weights: Weights) -> list[float]:
    """Train a reader; returns the mean loss of each epoch."""
    torch.manual_seed(schedule.seed)
    rng = np.random.default_rng(schedule.seed)
    styles = [_encode(read, style, schedule.most_pieces) for style in (texts.plain, texts.recognised)]
    trained = [weight for weight in read.reader.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.lr, weight_decay=schedule.weight_decay, fused=True)
    steps = schedule.epochs * -(-len(texts) // schedule.batch)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, steps, schedule.warmup))
    read.reader.train()
    history = []
    for epoch in range(schedule.epochs):
        begun, losses = time.perf_counter(), []
        drawn = [styles[int(rng.random() < schedule.recognised)][row] for row in range(len(texts))]
        for rows in _batches([len(one) for one in drawn], schedule.batch, rng):
            pieces, mask = _padded([drawn[row] for row in rows])
            pieces = _hide(pieces, mask, schedule.hidden)
            with torch.autocast("cpu", torch.bfloat16):
                reading = read.reader(pieces, mask)
            loss = _loss(reading, targets, rows, weights)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        history.append(float(np.mean(losses)))
        logger.info("epoch %d: loss %.4f, %.0f s", epoch + 1, history[-1], time.perf_counter() - begun)
    return history


def _pace(step: int, steps: int, warmup: float) -> float:
    """Return the share of the learning rate at a step: up in a line, then down in a line."""
    return min((step + 1) / (warmup * steps), (steps - step) / (steps * (1 - warmup)))


def predict_texts(read: Read, texts: Sequence[str]) -> TextOutputs:
    """Return the outputs of a reader for texts."""
    read.reader.eval()
    encoded = _encode(read, texts, min(MOST_PIECES, read.reader.backbone.config.max_position_embeddings))
    order = np.argsort([len(one) for one in encoded], kind="stable")
    parts = []
    for begin in range(0, len(order), TEXTS_AT_ONCE):
        pieces, mask = _padded([encoded[row] for row in order[begin : begin + TEXTS_AT_ONCE]])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            reading = read.reader(pieces, mask)
        parts.append((reading.labels.sigmoid(), reading.dimensions, reading.vector))
    back = np.argsort(order)
    labels, dimensions, vectors = (torch.cat(column).float().numpy()[back] for column in zip(*parts, strict=True))
    return TextOutputs(labels, dimensions, vectors)


def _loss(reading: Reading, targets: Targets, rows: Rows, weights: Weights) -> Tensor:
    """Cross-entropy of each label for itself, squared error of dimensions, angle between vectors."""
    labels, dimensions = torch.from_numpy(targets.labels[rows]), torch.from_numpy(targets.dimensions[rows])
    loss = _over_known(functional.binary_cross_entropy_with_logits, reading.labels, labels)
    loss = loss + weights.dimensions * _over_known(functional.mse_loss, reading.dimensions, dimensions)
    if targets.vectors is not None:
        wanted = torch.from_numpy(targets.vectors[rows])
        loss = loss + weights.vectors * (1 - functional.cosine_similarity(reading.vector, wanted)).mean()
    return loss


def _over_known(measure: object, predicted: Tensor, wanted: Tensor) -> Tensor:
    known = ~wanted.isnan()
    assert callable(measure)
    return measure(predicted[known], wanted[known]) if known.any() else predicted.sum() * 0.0


def _encode(read: Read, texts: Sequence[str], most: int) -> list[list[int]]:
    """Return pieces; of a text that is too long the beginning, with its last piece."""
    encoded = [one.ids for one in read.tokenizer.encode_batch(list(texts))]
    return [ids if len(ids) <= most else ids[: most - 1] + ids[-1:] for ids in encoded]


def _batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Yield rows of like length, in an order drawn again for each epoch."""
    order, count = rng.permutation(len(lengths)), np.array(lengths)
    found = []
    for begin in range(0, len(order), size * SORTED):
        rows = order[begin : begin + size * SORTED]
        rows = rows[np.argsort(count[rows], kind="stable")]
        found += [rows[i : i + size] for i in range(0, len(rows), size)]
    yield from (found[i] for i in rng.permutation(len(found)))


def _padded(rows: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    pieces = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return pieces, mask


def _hide(pieces: Tensor, mask: Tensor, share: float) -> Tensor:
    """Put the unknown piece of our own vocabularies in place of some."""
    if not share:
        return pieces
    hidden = (torch.rand(pieces.shape) < share) & mask.bool()
    return pieces.masked_fill(hidden, SPECIAL_TOKENS.index(UNKNOWN))
