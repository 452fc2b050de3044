from __future__ import annotations

import pytest

from emofuse.data.labels import AS_IS, EMOTIONS, POLICIES, apply_policy, label_policy, label_shares
from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Task, Utterance

# The words of all corpora, as each policy has them; what is not here is null.
EXPECTED = {
    "iemocap4": {"neutral": "neutral", "happy": "happy", "excited": "happy", "angry": "angry", "sad": "sad"},
    "iemocap5": {
        "neutral": "neutral", "happy": "happy", "excited": "happy", "angry": "angry", "sad": "sad",
        "frustrated": "frustrated",
    },
    "ekman7": {
        "neutral": "neutral", "calm": "neutral", "happy": "happy", "excited": "happy", "sad": "sad",
        "angry": "angry", "fearful": "fearful", "disgusted": "disgusted", "surprised": "surprised",
    },
    "positive-negative-neutral": {
        "happy": "positive", "excited": "positive", "sad": "negative", "angry": "negative", "fearful": "negative",
        "disgusted": "negative", "frustrated": "negative", "contempt": "negative", "neutral": "neutral",
        "calm": "neutral",
    },
}  # fmt: skip
ORDER = {
    "iemocap4": ("neutral", "happy", "angry", "sad"),
    "iemocap5": ("neutral", "happy", "angry", "sad", "frustrated"),
    "ekman7": ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"),
    "positive-negative-neutral": ("positive", "negative", "neutral"),
}


def corpus_of(*labels: str | None) -> Corpus:
    return Corpus(tuple(Utterance(f"u{n}", text="yes", label=label) for n, label in enumerate(labels)))


def test_the_words_are_those_that_corpora_use() -> None:
    assert EMOTIONS == (
        "neutral", "calm", "happy", "excited", "sad", "angry", "fearful", "disgusted", "surprised", "frustrated",
        "contempt", "bored", "other",
    )  # fmt: skip


def test_each_policy_is_known_here() -> None:
    assert set(POLICIES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_policy_maps_each_word_as_its_name_says(name: str) -> None:
    relabelled, _ = apply_policy(corpus_of(*EMOTIONS), name)
    assert {word: u.label for word, u in zip(EMOTIONS, relabelled, strict=True) if u.label} == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_labels_of_a_task_stand_in_the_order_of_the_policy(name: str) -> None:
    _, task = apply_policy(corpus_of(*EMOTIONS), name)
    assert task.labels == ORDER[name]


def test_as_is_keeps_every_label_and_sorts_them() -> None:
    corpus = corpus_of("zornig", "froh", None, "froh")
    relabelled, task = apply_policy(corpus, AS_IS)
    assert relabelled == corpus
    assert task.labels == ("froh", "zornig")


def test_a_mapping_is_taken_as_it_stands() -> None:
    relabelled, task = apply_policy(corpus_of("a", "b", "c", "d"), {"b": "loud", "a": "quiet", "c": "loud"})
    assert [u.label for u in relabelled] == ["quiet", "loud", "loud", None]
    assert task.labels == ("loud", "quiet")


def test_utterances_to_which_a_policy_does_not_apply_stay() -> None:
    corpus = corpus_of("neutral", "bored", None, "sad")
    relabelled, _ = apply_policy(corpus, "iemocap4")
    assert [(u.id, u.label) for u in relabelled] == [("u0", "neutral"), ("u1", None), ("u2", None), ("u3", "sad")]


def test_labels_that_do_not_occur_are_no_labels_of_the_task() -> None:
    _, task = apply_policy(corpus_of("sad", "neutral", "sad"), "iemocap4")
    assert task.labels == ("neutral", "sad")


@pytest.mark.parametrize("labels", [("sad", "sad"), pytest.param(("bored", None)), pytest.param(())])
def test_fewer_than_two_labels_are_refused(labels: tuple[str | None, ...]) -> None:
    with pytest.raises(CorpusError, match="two or more"):
        apply_policy(corpus_of(*labels), "iemocap4")


@pytest.mark.parametrize(("name", "meant"), [("iemocap_4", "iemocap4"), ("ekman", "ekman7"), ("asis", "as-is")])
def test_an_unknown_policy_is_refused_with_the_nearest_one(name: str, meant: str) -> None:
    with pytest.raises(RecipeError, match=f"no label policy is called '{name}'; did you mean '{meant}'"):
        label_policy(name, corpus_of())


def test_a_policy_unlike_any_other_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RecipeError, match=r"choose one of iemocap4, iemocap5, .*, as-is, or give a mapping"):
        label_policy("zzz", corpus_of())


TASK = Task(("angry", "happy", "sad"))


@pytest.mark.parametrize(
    ("votes", "soft", "shares"),
    [
        ({"happy": 3.0, "sad": 1.0}, True, [0.0, 0.75, 0.25]),
        ({"happy": 1.0, "sad": 1.0, "bored": 6.0}, True, [0.0, 0.5, 0.5]),
        ({"happy": 3.0, "sad": 1.0}, False, [1.0, 0.0, 0.0]),
        ({"bored": 3.0}, True, [1.0, 0.0, 0.0]),
        ({"happy": 0.0}, True, [1.0, 0.0, 0.0]),
        ({}, True, [1.0, 0.0, 0.0]),
        (None, True, [1.0, 0.0, 0.0]),
    ],
    ids=["votes", "other labels", "hard", "only other labels", "nothing", "no votes", "unknown"],
)
def test_soft_labels_are_the_votes_among_the_labels_of_the_task(
    votes: dict[str, float] | None, soft: bool, shares: list[float]
) -> None:
    assert label_shares(Utterance("a", text="yes", label="angry", votes=votes), TASK, soft) == shares


def test_the_votes_of_labels_that_a_policy_merges_are_learnt_together() -> None:
    voted = Utterance("a", text="yes", label="excited", votes={"excited": 2.0, "happy": 1.0, "sad": 1.0})
    corpus, task = apply_policy(Corpus((voted, Utterance("b", text="no", label="sad"))), "iemocap4")
    assert task.labels == ("happy", "sad")
    assert label_shares(corpus.utterances[0], task, soft=True) == [0.75, 0.25]
