"""The options of commands that open a model."""

from __future__ import annotations

import pytest

from emofuse.cli.predict.model_options import parse_label_map
from emofuse.errors import RecipeError


def test_labels_are_named_in_pairs() -> None:
    assert parse_label_map("LABEL_0=neutral, LABEL_1 = happy,LABEL_2=") == {
        "LABEL_0": "neutral", "LABEL_1": "happy", "LABEL_2": "",
    }  # fmt: skip
    assert parse_label_map(None) == {}


@pytest.mark.parametrize(("text", "words"), [("a", "write it as theirs=ours"), ("a=b,a=c", "'a' is repeated")])
def test_what_is_no_pair_is_refused(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_label_map(text)
