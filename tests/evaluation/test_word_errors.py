from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.evaluation.word_errors import WordErrorRate, word_error_rate, word_error_rates, word_errors, words_of


def distance_by_definition(said: tuple[str, ...], heard: tuple[str, ...]) -> int:
    """The edit distance as its recursive definition has it: a second implementation."""

    @cache
    def rest(i: int, j: int) -> int:
        if i == len(said) or j == len(heard):
            return len(said) - i + len(heard) - j
        if said[i] == heard[j]:
            return rest(i + 1, j + 1)
        return 1 + min(rest(i + 1, j + 1), rest(i + 1, j), rest(i, j + 1))

    return rest(0, 0)


def distance_by_rows(said: Sequence[str], heard: Sequence[str]) -> int:
    """The edit distance one row of the table at a time, for long texts: a third implementation."""
    numbers = {word: number for number, word in enumerate({*said, *heard})}
    columns = np.array([numbers[word] for word in heard], dtype=np.int64)
    steps = np.arange(len(heard) + 1)
    row = steps
    for word in said:
        kept_or_replaced = row[:-1] + (columns != numbers[word])
        best = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, kept_or_replaced)])
        # A word put in costs one more than the cell to its left: a running minimum, with the steps taken out.
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])


SENTENCES = st.lists(st.sampled_from(["dogs", "are", "sitting", "by", "the", "door"]), max_size=9)


@settings(deadline=None)
@given(SENTENCES, SENTENCES)
def test_errors_are_those_of_the_definition(said: list[str], heard: list[str]) -> None:
    expected = distance_by_definition(tuple(said), tuple(heard))
    assert word_errors(" ".join(said), " ".join(heard)) == (expected, len(said))


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors", "words"),
    [
        ("Dogs are sitting by the door.", "dogs are sitting by the door", 0, 6),
        ("Dogs are sitting by the door.", "dogs are sitting for the door", 1, 6),  # one replaced
        ("Dogs are sitting by the door.", "dogs are by the door", 1, 6),  # one left out
        ("Dogs are sitting.", "the dogs are sitting there", 2, 3),  # two put in
        ("Dogs", "there is nothing like it", 5, 1),  # more errors than words
        ("Dogs are sitting.", "", 3, 3),
        ("", "dogs", 1, 0),
        ("", "", 0, 0),
        ("a b c d", "b c d a", 2, 4),  # no moves: one left out, one put in
    ],
)
def test_errors_of_pairs_worked_out_by_hand(reference: str, hypothesis: str, errors: int, words: int) -> None:
    assert word_errors(reference, hypothesis) == (errors, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, WORLD!", ["hello", "world"]),
        ("it\u2019s the girls' ball", ["it's", "the", "girls", "ball"]),
        ("\u2018quoted\u2019 and 'quoted'", ["quoted", "and", "quoted"]),
        ("well-known... co-op—yes", ["well", "known", "co", "op", "yes"]),
        ("\ufb01ne \uff26\uff55\uff4c\uff4c", ["fine", "full"]),  # a ligature and full-width letters
        ("Straße ŻÓŁĆ", ["straße", "żółć"]),
        ("cafe\u0301", ["café"]),  # one letter or two code points
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are part of their word
        ("", []),
        ("?! -- '", []),
        ("3 + 4", ["3", "4"]),
    ],
)
def test_words_are_alike_where_only_case_and_punctuation_differ(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_the_rate_is_pooled_over_words_not_averaged_over_utterances() -> None:
    pairs = [("one two three four five six seven eight nine ten", "one"), ("yes", "yes")]
    assert word_error_rate(pairs) == WordErrorRate(utterances=2, words=11, errors=9)
    assert word_error_rate(pairs).rate == pytest.approx(9 / 11)


def test_there_is_no_rate_without_words() -> None:
    assert word_error_rate([]) == WordErrorRate(0, 0, 0)
    assert word_error_rate([]).rate is None
    assert word_error_rate([("", "words put in")]).rate is None


def test_groups_are_pooled_each_for_itself() -> None:
    pairs = [("a b", "a b"), ("a b", "a"), ("c", "d"), ("e", "e")]
    assert word_error_rates(pairs, ["sad", "angry", "angry", None]) == {
        "angry": WordErrorRate(2, 3, 2),
        "none": WordErrorRate(1, 1, 0),
        "sad": WordErrorRate(1, 2, 0),
    }


def test_each_utterance_needs_a_group() -> None:
    with pytest.raises(ValueError, match="zip"):
        word_error_rates([("a", "a")], [])


def test_long_texts_are_compared_in_reasonable_time() -> None:
    said = [str(number % 97) for number in range(6000)]
    heard = [str(number % 89) for number in range(6000)]
    errors, words = word_errors(" ".join(said), " ".join(heard))
    assert words == 6000
    assert errors == distance_by_rows(said, heard)
