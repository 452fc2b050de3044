"""Annotation tokens, vocabularies and tokenizers."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from emofuse.config import VocabularyKind
from emofuse.errors import CheckpointError, RecipeError, brief_message

PAD, UNKNOWN, FIRST, LAST = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL_TOKENS = (PAD, UNKNOWN, FIRST, LAST)

# 256 bytes and the special pieces.
SMALLEST_BPE = 256 + len(SPECIAL_TOKENS)

# What transcribers of IEMOCAP and similar corpora write for sounds that are not words; not just any bracket.
ANNOTATIONS = (
    "LAUGHTER", "LAUGH", "LAUGHING", "BREATHING", "BREATH", "GARBAGE", "SIGH", "COUGH", "CRYING", "NOISE",
    "SILENCE", "LIPSMACK", "UNINTELLIGIBLE", "INAUDIBLE", "MUSIC", "SOUND",
)  # fmt: skip
_ANNOTATION = re.compile(rf"\[\s*(?:{'|'.join(ANNOTATIONS)})\s*\]", re.IGNORECASE)
# Whisper's own limit: a text that is packed to less than one part in so many repeats itself.
COMPRESSION_RATIO = 2.4


def strip_annotations(text: str) -> str:
    """Remove annotation tokens: they were not spoken, and some reveal the label.

    >>> strip_annotations("Oh [LAUGHTER] no [sic]")
    'Oh no [sic]'
    """
    return " ".join(_ANNOTATION.sub(" ", text).split())


def has_annotations(text: str) -> bool:
    """Return whether a text holds annotation tokens."""
    return _ANNOTATION.search(text) is not None


def learn_vocabulary(texts: Iterable[str], kind: VocabularyKind, size: int) -> Tokenizer:
    """Learn a tokenizer of at most `size` pieces; the same texts give the same tokenizer in every process.

    A word must occur twice to be in the vocabulary, so that the unknown piece is trained too. WordPiece and
    Unigram are not offered: their trainers differ from process to process.

    Raises:
        RecipeError: the size does not hold the 256 bytes that `bpe` begins with and the special pieces.
    """
    if kind == "bpe" and size < SMALLEST_BPE:
        raise RecipeError(f"text.config.vocab_size: bpe needs {SMALLEST_BPE} or more, not {size}; or use words")
    first_last = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        special_tokens=[(FIRST, SPECIAL_TOKENS.index(FIRST)), (LAST, SPECIAL_TOKENS.index(LAST))],
    )
    if kind == "words":
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer: trainers.Trainer = trainers.WordLevelTrainer(
            vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = first_last
    return tokenizer


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`, without the truncation and padding that its maker may have set.

    Raises:
        CheckpointError: the file is missing or not a tokenizer.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; the model folder is incomplete, save or copy it again")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except BaseException as error:  # the library raises nothing narrower, and its panics are no `Exception`
        if not isinstance(error, Exception) and type(error).__module__ != "pyo3_runtime":
            raise
        raise CheckpointError(
            f"{path}: is not a tokenizer ({brief_message(error)}); save the model again"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def repeats_itself(text: str) -> bool:
    """Return whether a text repeats itself so much that Whisper calls it a failure.

    >>> repeats_itself("Dogs are sitting by the door."), repeats_itself("a little bit of " * 20)
    (False, True)
    """
    written = text.encode()
    return len(written) > COMPRESSION_RATIO * len(zlib.compress(written))
