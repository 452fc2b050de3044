"""The texts that the box's text encoder learns from: GoEmotions with Ekman's labels, EmoBank with dimensions."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from text_recognised import as_recognised

from emofuse.errors import CorpusError
from emofuse.types.arrays import Float32Array, IntArray

# GoEmotions' words -> ours, in the order of the outputs of the network.
LABELS = {
    "neutral": "neutral",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgusted",
    "surprise": "surprised",
}
DIMENSIONS = ("valence", "arousal", "dominance")
# EmoBank's scale is 1 to 5, and most of it lies within half a point of the middle.
MIDDLE, SPREAD = 3.0, 0.5
FOLDS = 5
# One in so many texts of a training part is for the thresholds and not trained on.
VALIDATION = 10
Rows = IntArray


@dataclass(frozen=True)
class Texts:
    """Texts in two styles, with labels (texts, 7) and dimensions (texts, 3); NaN where there are none."""

    ids: tuple[str, ...]
    plain: tuple[str, ...]
    recognised: tuple[str, ...]
    labels: Float32Array
    dimensions: Float32Array

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Rows) -> Texts:
        """Return the texts of these rows."""
        ids, plain, recognised = (
            tuple(column[i] for i in rows) for column in (self.ids, self.plain, self.recognised)
        )
        return Texts(ids, plain, recognised, self.labels[rows], self.dimensions[rows])

    def joined(self, other: Texts) -> Texts:
        """Return these texts and the others behind them."""
        return Texts(
            self.ids + other.ids,
            self.plain + other.plain,
            self.recognised + other.recognised,
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.dimensions, other.dimensions]),
        )


@dataclass(frozen=True)
class Parts:
    """Rows for training, for the thresholds, and for the test."""

    train: Rows
    validation: Rows
    test: Rows


def goemotions(data: Path) -> Texts:
    """Return the train part of GoEmotions; a text may have several labels.

    Raises:
        CorpusError: the table is missing.
    """
    rows = _table(data / "text" / "goemotions_train.csv")
    labels = np.array([[label in row["ekman"].split("|") for label in LABELS] for row in rows], dtype=np.float32)
    return _texts(rows, labels, np.full((len(rows), len(DIMENSIONS)), np.nan, dtype=np.float32))


def emobank(data: Path) -> Texts:
    """Return EmoBank with its dimensions about 0.

    Raises:
        CorpusError: the table is missing.
    """
    rows = _table(data / "text" / "emobank_train_dev.csv")
    values = np.array([[float(row[name]) for name in DIMENSIONS] for row in rows], dtype=np.float32)
    return _texts(rows, np.full((len(rows), len(LABELS)), np.nan, dtype=np.float32), (values - MIDDLE) / SPREAD)


def parts_of(texts: Texts, fold: int | None) -> Parts:
    """Return the parts of a fold, 1 to 5; with None all rows are for training.

    Equal texts, whatever their spelling, are in one part: a hash of the recognised text decides.
    """
    drawn = np.array([_drawn(text) for text in texts.recognised])
    everything = np.arange(len(texts))
    if fold is None:
        return Parts(everything, everything[:0], everything[:0])
    tested = drawn % FOLDS == fold - 1
    validation = ~tested & (drawn // FOLDS % VALIDATION == 0)
    return Parts(everything[~tested & ~validation], everything[validation], everything[tested])


def _drawn(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise CorpusError(f"{path}: no such table; --data names the folder in which text/ stands")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _texts(rows: Sequence[dict[str, str]], labels: Float32Array, dimensions: Float32Array) -> Texts:
    plain = tuple(row["text"] for row in rows)
    ids = tuple(row["id"] for row in rows)
    return Texts(ids, plain, tuple(as_recognised(text) for text in plain), labels, dimensions)
