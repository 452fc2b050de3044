"""Near-duplicate sentences against a comparison of all pairs, and who is purged for the sake of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emofuse.data.text_overlap import Sentences, by_text_group, text_groups, without_near_duplicates, words_of
from emofuse.types import Fold, Utterance


def said(*texts: str | None) -> list[Utterance]:
    """Make utterances u0, u1, ... that say these texts."""
    return [Utterance(f"u{n}", text="" if text is None else text) for n, text in enumerate(texts)]


def nearly(one: str, other: str) -> bool:
    """Compare two texts by the words of the contract: four or more words each, Jaccard index of 0.6 or more."""
    words = words_of(one), words_of(other)
    if min(map(len, words)) < 4:
        return False
    a, b = map(set, words)
    return Fraction(len(a & b), len(a | b)) >= Fraction(3, 5)


def said_too_by_all_pairs(utterances: Sequence[Utterance], ids: Sequence[str], others: Sequence[str]) -> list[str]:
    text = {u.id: u.text or "" for u in utterances}
    return [i for i in ids if any(nearly(text[i], text[other]) for other in others)]


# Few words, so that sentences meet; some are rare, so that the prefixes differ from the sentences.
VOCABULARY = [*"abcdefgh", "rare1", "rare2", "[LAUGHTER]", "-", "A"]
SENTENCES = st.lists(st.lists(st.sampled_from(VOCABULARY), max_size=14).map(" ".join), min_size=2, max_size=24)


@given(SENTENCES, st.data())
def test_what_is_said_too_is_what_a_comparison_of_all_pairs_finds(texts: list[str], data: st.DataObject) -> None:
    utterances = said(*texts)
    here = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    ids = [u.id for u, first in zip(utterances, here, strict=True) if first]
    others = [u.id for u, first in zip(utterances, here, strict=True) if not first]
    found = Sentences.of(utterances).repeated(ids, others)
    assert found == said_too_by_all_pairs(utterances, ids, others)


@given(SENTENCES)
def test_likeness_is_mutual_and_every_long_sentence_is_like_itself(texts: list[str]) -> None:
    sentences = Sentences.of(said(*texts))
    assert set(sentences.number) == {f"u{n}" for n, text in enumerate(texts) if len(words_of(text)) >= 4}
    for number, alike in enumerate(sentences.similar):
        assert number in alike
        assert all(number in sentences.similar[other] for other in alike)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("a b c d", "a b c d", True),
        ("a b c d", "D, c. B? A!", True),  # neither order nor punctuation nor case
        ("a b c d", "a b c e", True),  # 3 of 5
        ("a b c d e", "a b c f g", False),  # 3 of 7
        ("a b c d e f g h", "a b c d e f i j", True),  # 6 of 10
        ("a b c", "a b c", False),  # too short to tell
        ("a b c", "a b c d", False),
        ("no no no no", "no no no no no", True),  # words are counted with their repeats, sets compared without
        ("I don't know him", "I don\u2019t know him", True),
        ("[LAUGHTER] a b c", "[LAUGHTER] a b c", False),
        ("\u6211\u4eca\u5929\u5f88\u9ad8\u5174", "\u6211\u4eca\u5929\u5f88\u9ad8\u5174\u3002", True),
        ("\u5929\u5f88", "\u5929\u5f88", False),
    ],
)
def test_two_sentences_are_alike_or_not(one: str, other: str, alike: bool) -> None:
    assert Sentences.of(said(one, other)).repeated(["u0"], ["u1"]) == (["u0"] if alike else [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't, 'please'!", ("don't", "please")),
        ("rock'n'roll", ("rock'n'roll",)),
        ("snake_case - 10th", ("snake", "case", "10th")),
        ("STRASSE Stra\u00dfe", ("strasse", "strasse")),
        ("\uff21\uff22", ("ab",)),
        ("[sic] [LAUGHTER]", ("sic",)),
        ("Moja \u017c\u00f3\u0142\u0107", ("moja", "\u017c\u00f3\u0142\u0107")),
        ("\u5929\u5f88 ok", ("\u5929", "\u5f88", "ok")),
        ("...", ()),
        (None, ()),
    ],
)
def test_words_are_what_is_left_without_case_punctuation_and_annotations(
    text: str | None, words: tuple[str, ...]
) -> None:
    assert words_of(text) == words


def test_utterances_without_words_say_nothing_again() -> None:
    sentences = Sentences.of([*said("", None, "[LAUGHTER]"), Utterance("x", text="...")])
    assert not sentences.number
    assert sentences.repeated(["u0", "x", "never seen"], ["u1", "u2"]) == []


def test_near_duplicates_are_purged_from_training_and_validation_and_the_test_part_stays() -> None:
    utterances = said("a b c d", "a b c e", "f g h i", "a b c d", "j k l m")
    fold = Fold(1, "made", train=("u0", "u2"), validation=("u1", "u4"), test=("u3",), validation_unit="speaker")
    (purged,) = without_near_duplicates([fold], utterances)
    assert purged == Fold(1, "made", ("u2",), ("u4",), ("u3",), "speaker", purged=("u0", "u1"))


def turn(identity: str, style: str, script: str) -> Utterance:
    return Utterance(identity, text="yes", label="sad", tags={"style": style, "script": script})


def test_scripts_are_groups_and_improvised_scenarios_make_two_in_natural_order() -> None:
    scenarios = [turn(f"i{n}", "improvised", f"impro{n}") for n in (1, 2, 3, 9, 10)]
    scripts = [turn(f"s{n}", "scripted", f"script{n}") for n in (1, 2)]
    group = text_groups([*scenarios, *scripts])
    assert group is not None
    assert [group(u) for u in (*scenarios, *scripts)] == [
        *["impro1 to impro3"] * 3,
        *["impro9 to impro10"] * 2,
        "script1",
        "script2",
    ]


def test_there_are_no_groups_where_one_utterance_does_not_say_its_script() -> None:
    utterances = [turn("a", "scripted", "script1"), Utterance("b", text="yes", label="sad")]
    fold = Fold(1, "made", ("a",), (), ("b",))
    assert text_groups(utterances) is None
    assert by_text_group([fold], utterances) == [fold]


def test_folds_are_crossed_with_groups_and_numbered_again() -> None:
    utterances = [turn(f"{part}{n}", "scripted", f"script{n}") for part in ("train", "test") for n in (1, 2)]
    fold = Fold(1, "made", ("train1", "train2"), (), ("test1", "test2"))
    assert by_text_group([fold], utterances) == [
        Fold(1, "made, script1", ("train2",), (), ("test1",), purged=("train1",)),
        Fold(2, "made, script2", ("train1",), (), ("test2",), purged=("train2",)),
    ]
