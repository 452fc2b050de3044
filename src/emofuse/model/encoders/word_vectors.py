"""Word vectors in the format of GloVe, to start an embedding from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from emofuse.errors import RecipeError
from emofuse.types.arrays import Float32Array

logger = logging.getLogger(__name__)


def initialise_from_vectors(backbone: PreTrainedModel, tokenizer: Tokenizer, path: Path) -> int:
    """Give the words of a vocabulary the vectors that a file has for them; the others keep what was drawn.

    Returns:
        How many words the file has vectors for.

    Raises:
        RecipeError: the file cannot be read, its vectors are not as wide as the embedding, or it has none of
            the words.
    """
    table = backbone.get_input_embeddings().weight
    vocabulary = tokenizer.get_vocab()
    found = 0
    with torch.no_grad():
        for word, vector in _read(path):
            if word in vocabulary:
                if len(vector) != table.shape[1]:
                    raise RecipeError(
                        f"text.vectors: {path} has vectors of {len(vector)} numbers, and the embedding is "
                        f"{table.shape[1]} wide; set text.config.hidden_size={len(vector)}"
                    )
                table[vocabulary[word]] = torch.from_numpy(vector)
                found += 1
    if not found:
        raise RecipeError(
            f"text.vectors: {path} has a vector for none of the {len(vocabulary)} words; is it GloVe's?"
        )
    logger.warning("%s has vectors for %d of %d words", path, found, len(vocabulary))
    return found


def _read(path: Path) -> Iterator[tuple[str, Float32Array]]:
    """Yield word and vector: a line is a word and its numbers, separated by blanks."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                word, *numbers = line.rstrip().split(" ")
                if number == 1 and len(numbers) == 1:
                    continue  # word2vec's text format begins with its sizes
                yield word, np.array(numbers, dtype=np.float32)
    except OSError as error:
        raise RecipeError(f"text.vectors: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RecipeError(
            f"text.vectors: {path} is not in the format of GloVe: word and numbers a line"
        ) from error
