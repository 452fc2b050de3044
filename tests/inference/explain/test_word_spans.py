"""From pieces to words: nothing is lost, and everything is where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from emofuse.data.preparation import TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.inference.explain.word_spans import tokenize_text

TEXT = "I don't know, wonderful Tables!"


def preparation(kind: str) -> TextPreparation:
    return TextPreparation(learn_vocabulary(["i know the tables"] * 2, kind, 300))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["bpe", "words"])
def test_pieces_are_joined_to_the_words_that_a_reader_sees(kind: str) -> None:
    reading = tokenize_text(preparation(kind), TEXT)
    values = np.arange(len(reading.pieces), dtype=np.float64)
    words = reading.with_attributions(values)
    assert [word.text for word in words] == ["[CLS]", "I", "don't", "know,", "wonderful", "Tables!", "[SEP]"]
    assert [word.special for word in words] == [True, *[False] * 5, True]
    assert sum(word.attribution for word in words) == values.sum()
    assert all(TEXT[word.start : word.end] == word.text for word in words if not word.special)
    assert reading.ids.tolist() == preparation(kind)(TEXT).tolist()
    assert reading.members().sum(axis=0).tolist() == [1.0] * len(reading.pieces)


def test_annotations_that_the_model_does_not_read_are_left_out() -> None:
    assert tokenize_text(preparation("words"), "I [LAUGHTER] know").text == "I know"


def test_a_text_without_spaces_keeps_the_words_of_its_tokenizer() -> None:
    words = tokenize_text(preparation("words"), "tables!know").with_attributions(np.zeros(5))
    assert [word.text for word in words] == ["[CLS]", "tables", "!", "know", "[SEP]"]
