from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from emofuse.config import VocabularyKind
from emofuse.data.tokenization import (
    ANNOTATIONS,
    SPECIAL_TOKENS,
    learn_vocabulary,
    read_tokenizer,
    strip_annotations,
)
from emofuse.errors import CheckpointError, RecipeError

FIXED = settings(derandomize=True, deadline=None)
KINDS = get_args(VocabularyKind)
# Many words that occur equally often: a trainer that walks a hash table would order them by chance.
TEXTS = [f"{first}{second} and {second}{first} Grüße" for first in "abcdefgh" for second in "xyzuvw"] * 2
LEARN = """
import sys
from emofuse.data.tokenization import learn_vocabulary
texts = [f"{a}{b} and {b}{a} Grüße" for a in "abcdefgh" for b in "xyzuvw"] * 2
print(learn_vocabulary(texts, sys.argv[1], 400).to_str())
"""


def spoken(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the pieces of a text without its first and last."""
    return tokenizer.encode(text).tokens[1:-1]


@pytest.mark.parametrize("token", ANNOTATIONS)
def test_each_annotation_is_stripped_in_any_case(token: str) -> None:
    for written in (token, token.lower(), token.title(), f" {token} "):
        assert strip_annotations(f"Oh [{written}] no") == "Oh no"


@pytest.mark.parametrize("text", ["Oh [sic] no", "[name]", "[1]", "[LAUGHTER", "(LAUGHTER)", "laughter", "[]"])
def test_other_brackets_are_words_that_were_said(text: str) -> None:
    assert strip_annotations(text) == text


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("[LAUGHTER]", ""),
        ("[BREATHING][SIGH] ", ""),
        ("no[LAUGHTER]no", "no no"),
        ("no, [COUGH], no", "no, , no"),
        ("\tone \n two  ", "one two"),
        ("", ""),
    ],
)
def test_what_is_left_has_single_spaces(text: str, stripped: str) -> None:
    assert strip_annotations(text) == stripped


@FIXED
@given(st.lists(st.sampled_from(("[LAUGHTER]", "[sigh]", "[ Breath ]", "[sic]", "[", "]", "yes", " ", "\n"))))
def test_stripping_leaves_nothing_to_strip(pieces: list[str]) -> None:
    once = strip_annotations("".join(pieces))
    assert strip_annotations(once) == once


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_have_the_first_numbers(kind: VocabularyKind) -> None:
    tokenizer = learn_vocabulary(TEXTS, kind, 400)
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3]
    assert SPECIAL_TOKENS == ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@pytest.mark.parametrize("kind", KINDS)
def test_each_text_stands_between_the_first_and_the_last_token(kind: VocabularyKind) -> None:
    tokens = learn_vocabulary(TEXTS, kind, 400).encode("and ax").tokens
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert tokens.count("[CLS]") == tokens.count("[SEP]") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_case_and_compatible_letters_make_no_difference(kind: VocabularyKind) -> None:
    tokenizer = learn_vocabulary(TEXTS, kind, 400)
    assert tokenizer.encode("\uff21\uff2e\uff24 GRÜSSE").ids[:2] == tokenizer.encode("and grüsse").ids[:2]


def test_a_word_that_occurs_once_is_unknown() -> None:
    tokenizer = learn_vocabulary(["yes yes no"], "words", 100)
    assert spoken(tokenizer, "yes no maybe") == ["yes", "[UNK]", "[UNK]"]


@pytest.mark.parametrize("text", ["maybe", "Grüße", "日本語", "\U0001f600", "\x00\u200b"])
def test_no_text_is_unknown_to_byte_pairs(text: str) -> None:
    assert "[UNK]" not in spoken(learn_vocabulary(TEXTS, "bpe", 400), text)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("words", 10),
        ("words", 400),
        ("bpe", 300),
    ],
)
def test_there_are_at_most_as_many_pieces_as_asked_for(kind: VocabularyKind, size: int) -> None:
    assert learn_vocabulary(TEXTS, kind, size).get_vocab_size() <= size


def test_too_few_byte_pairs_are_refused_with_the_key_that_asks_for_them() -> None:
    with pytest.raises(RecipeError, match=r"text\.config\.vocab_size: bpe needs 260 or more, not 100"):
        learn_vocabulary(TEXTS, "bpe", 100)


def test_the_most_frequent_words_are_kept() -> None:
    tokenizer = learn_vocabulary(["a a a a b b b c c"], "words", 6)
    assert spoken(tokenizer, "a b c") == ["a", "b", "[UNK]"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_can_be_made_from_nothing(kind: VocabularyKind) -> None:
    assert learn_vocabulary([], kind, 400).encode("").tokens == ["[CLS]", "[SEP]"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_tokenizer_in_every_process(kind: VocabularyKind) -> None:
    documents = {learn_vocabulary(TEXTS, kind, 400).to_str()}
    for seed in ("0", "1", "42"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
        command = [sys.executable, "-c", LEARN, kind]
        done = subprocess.run(
            command, env=environment, capture_output=True, check=True, text=True, encoding="utf-8"
        )
        documents.add(done.stdout.rstrip("\n"))
    assert len(documents) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_written_is_read_back_the_same(tmp_path: Path, kind: VocabularyKind) -> None:
    tokenizer = learn_vocabulary(TEXTS, kind, 400)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert read_tokenizer(tmp_path / "tokenizer.json").to_str() == tokenizer.to_str()


def test_truncation_and_padding_of_its_maker_are_taken_away(tmp_path: Path) -> None:
    tokenizer = learn_vocabulary(TEXTS, "words", 400)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=10)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    read = read_tokenizer(tmp_path / "tokenizer.json")
    assert len(read.encode("and and and and and and").ids) == 8
    assert len(read.encode("and").ids) == 3


def test_a_missing_tokenizer_is_refused_with_its_path_and_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: no such file; the model folder is incomplete"):
        read_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\x00", b'{"model": {"type": "Magic"}}'], ids=str)
def test_what_is_no_tokenizer_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: is not a tokenizer"):
        read_tokenizer(path)
