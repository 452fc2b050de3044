from __future__ import annotations

import pytest

from emofuse.config import AgreementRecipe
from emofuse.data.labels import (
    AS_IS,
    EMOTIONS,
    POLICIES,
    agreement_class,
    agreement_of,
    apply_policy,
    dropped_mass,
    label_counts,
    label_policy,
    label_shares,
    undecided,
)
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


def test_the_votes_of_labels_that_a_policy_merges_are_trained_together() -> None:
    voted = Utterance("a", text="yes", label="excited", votes={"excited": 2.0, "happy": 1.0, "sad": 1.0})
    corpus, task = apply_policy(Corpus((voted, Utterance("b", text="no", label="sad"))), "iemocap4")
    assert task.labels == ("happy", "sad")
    assert label_shares(corpus.utterances[0], task, soft=True) == [0.75, 0.25]


def voted(label: str | None, **votes: float) -> Utterance:
    name = f"{label} {' '.join(f'{key}{value}' for key, value in votes.items())}"
    return Utterance(name, text="yes", label=label, votes=votes or None)


@pytest.mark.parametrize(
    ("utterance", "share", "name"),
    [
        (voted("sad", sad=3.0), 1.0, "unanimous"),
        (voted("sad", sad=3.0, happy=0.0), 1.0, "unanimous"),
        (voted("sad", sad=0.1, angry=0.0), 1.0, "unanimous"),
        (voted("sad", sad=2.0, happy=1.0), 2 / 3, "majority"),
        (voted("sad", sad=1.0, happy=1.0), 0.5, "plurality"),  # half is not more than half
        (voted("sad", sad=2.0, happy=1.0, angry=1.0, bored=1.0), 0.4, "plurality"),
        (voted("sad", happy=3.0), 0.0, "plurality"),
        (voted("sad"), None, None),
        (voted("sad", happy=0.0), None, None),
        (voted(None, sad=1.0, happy=1.0), None, None),
    ],
    ids=lambda value: value.id if isinstance(value, Utterance) else "",
)
def test_agreement_is_the_share_of_all_votes_that_are_for_the_label(
    utterance: Utterance, share: float | None, name: str | None
) -> None:
    assert agreement_of(utterance) == pytest.approx(share)
    assert agreement_class(utterance) == name


@pytest.mark.parametrize(
    ("votes", "mass"),
    [
        ({"happy": 3.0, "sad": 1.0}, 0.0),
        ({"happy": 1.0, "bored": 3.0}, 0.75),
        ({"bored": 1.0}, 1.0),
        ({"bored": 0.0}, None),
        ({}, None),
        (None, None),
    ],
)
def test_dropped_mass_is_the_share_of_votes_outside_the_task(
    votes: dict[str, float] | None, mass: float | None
) -> None:
    assert dropped_mass(Utterance("a", text="yes", label="happy", votes=votes), TASK) == mass


# What IEMOCAP's four labels make of turns: the label that comes out by consensus, and by votes.
TURNS = [
    (voted("happy", happy=2.0, excited=1.0), "happy", "happy"),
    (voted("neutral", neutral=2.0, happy=1.0, excited=1.5), "neutral", "happy"),  # merged votes outweigh
    (voted("neutral", neutral=2.0, happy=1.0, excited=1.0), "neutral", None),  # merged votes tie
    (voted(None, happy=1.0, excited=1.0, sad=1.0), None, "happy"),  # merging breaks a tie
    (voted(None, sad=1.0, angry=1.0), None, None),
    (voted(None, sad=1.0, frustrated=1.0), None, None),
    (voted("frustrated", frustrated=2.0, sad=1.0), None, None),
    (voted("sad", frustrated=2.0, sad=1.0), "sad", None),
    (voted("sad"), "sad", "sad"),  # nobody voted: the corpus's label stays
    (voted("angry", angry=0.0), "angry", "angry"),
    (voted("frustrated"), None, None),
    (voted(None), None, None),
]
TURNS_CORPUS = Corpus(tuple(turn for turn, _, _ in TURNS), name="turns")
VOTES, CONSENSUS = AgreementRecipe(label="votes"), AgreementRecipe()


def test_by_consensus_the_corpus_s_label_stays() -> None:
    for agreement in (None, CONSENSUS):
        relabelled, task = apply_policy(TURNS_CORPUS, "iemocap4", agreement)
        assert [u.label for u in relabelled] == [label for _, label, _ in TURNS]
        assert task.labels == ("neutral", "happy", "angry", "sad")


def test_by_votes_the_label_with_most_merged_votes_wins_and_a_tie_has_none() -> None:
    relabelled, task = apply_policy(TURNS_CORPUS, "iemocap4", VOTES)
    assert [u.label for u in relabelled] == [label for _, _, label in TURNS]
    assert task.labels == ("happy", "angry", "sad")


@pytest.mark.parametrize(
    ("minimum", "labels"),
    [
        (0.0, ["sad", "sad", "sad", "happy", "happy"]),
        (0.5, ["sad", "sad", None, "happy", "happy"]),  # exactly half is enough
        (0.6, ["sad", None, None, "happy", "happy"]),
        (1.0, ["sad", None, None, None, "happy"]),
    ],
)
def test_a_label_with_less_than_the_minimum_of_the_votes_is_lost(minimum: float, labels: list[str | None]) -> None:
    corpus = Corpus(
        (
            voted("sad", sad=3.0),
            voted("sad", sad=1.0, happy=0.5, bored=0.5),
            voted("sad", sad=2.0, happy=1.5, bored=1.0),
            voted("happy", happy=2.0, sad=1.0),
            voted("happy"),  # nobody voted, nobody disagreed
        )
    )
    for label in ("consensus", "votes"):
        relabelled, _ = apply_policy(corpus, AS_IS, AgreementRecipe(label=label, minimum=minimum))
        assert [u.label for u in relabelled] == labels


def test_the_minimum_is_of_merged_votes() -> None:
    corpus = Corpus((voted("happy", happy=1.0, excited=1.0, sad=1.0), voted("sad", sad=1.0)))
    relabelled, _ = apply_policy(corpus, "iemocap4", AgreementRecipe(minimum=0.6))
    assert [u.label for u in relabelled] == ["happy", "sad"]


def test_undecided_are_those_without_a_label_who_voted_for_the_task() -> None:
    relabelled, task = apply_policy(TURNS_CORPUS, "iemocap4")
    found = undecided(TURNS_CORPUS, relabelled, task)
    expected = [turn.id for turn, _, _ in TURNS[3:6]]
    assert [u.id for u in found] == expected
    assert next(iter(found)).votes == {"happy": 2.0, "sad": 1.0}  # merged, as the task has them
    others = Corpus((*TURNS_CORPUS.utterances, voted(None, bored=1.0, surprised=1.0)))
    relabelled, task = apply_policy(others, "iemocap4")
    assert [u.id for u in undecided(others, relabelled, task)] == expected


def test_by_votes_undecided_are_those_whose_merged_votes_tie() -> None:
    relabelled, task = apply_policy(TURNS_CORPUS, "iemocap4", VOTES)
    found = undecided(TURNS_CORPUS, relabelled, task, VOTES)
    assert [u.id for u in found] == [TURNS[place][0].id for place in (2, 4, 5)]


def test_what_became_of_labels_is_counted() -> None:
    relabelled, _ = apply_policy(TURNS_CORPUS, "iemocap4")
    assert label_counts(TURNS_CORPUS, relabelled) == {"labelled": 6, "tied": 3, "unlabelled": 1, "left_out": 2}
    relabelled, _ = apply_policy(TURNS_CORPUS, "iemocap4", VOTES)
    found = label_counts(TURNS_CORPUS, relabelled, VOTES)
    assert found == {"labelled": 5, "tied": 3, "unlabelled": 1, "left_out": 3}
    strict = AgreementRecipe(minimum=0.9)
    relabelled, _ = apply_policy(TURNS_CORPUS, "iemocap4", strict)
    found = label_counts(TURNS_CORPUS, relabelled, strict)
    assert found == {"labelled": 3, "tied": 3, "unlabelled": 1, "left_out": 5}


def test_counts_of_labels_sum_to_the_corpus() -> None:
    for agreement in (CONSENSUS, VOTES, AgreementRecipe(label="votes", minimum=0.5)):
        relabelled, _ = apply_policy(TURNS_CORPUS, "iemocap4", agreement)
        assert sum(label_counts(TURNS_CORPUS, relabelled, agreement).values()) == len(TURNS_CORPUS)


def test_labels_that_differ_from_a_policy_in_capitals_only_are_named(caplog: pytest.LogCaptureFixture) -> None:
    labels = ("neutral", "Happy", "Happy", "sad", "SAD")
    corpus = Corpus(tuple(Utterance(str(n), text="x", label=label) for n, label in enumerate(labels)), name="c")
    apply_policy(corpus, "iemocap4")
    assert "c: labels differ in capitals only: Happy (2) and happy (0); SAD (1) and sad (1)" in caplog.text
    caplog.clear()
    apply_policy(corpus, {"neutral": "neutral", "Happy": "happy", "sad": "sad", "SAD": "sad"})
    assert "happy" not in caplog.text
