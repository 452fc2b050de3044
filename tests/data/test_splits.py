from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from emofuse.config import ProtocolName, Selection
from emofuse.data import splits
from emofuse.data.audit import audit
from emofuse.data.splits import corpus_hash, draw_folds, folds_document, folds_hash, make_folds
from emofuse.data.text_overlap import words_of
from emofuse.data.validation_split import cut_validation
from emofuse.errors import CorpusError, MissingExtraError, ProtocolError
from emofuse.types import Corpus, Fold, Utterance

PROTOCOLS = get_args(ProtocolName)
CROSSED = ("leave-one-session-out", "leave-one-speaker-out", "speaker-kfold")
LABELS = ("angry", "happy", "neutral", "sad")


def corpus_of(sessions: int = 5, takes: int = 1, labels: tuple[str, ...] = LABELS) -> Corpus:
    """Make a corpus of two speakers a session who say every label; the last session is the test split."""
    splits = {sessions: "test", sessions - 1: "validation"}
    return Corpus(
        tuple(
            Utterance(
                f"{session}{gender}{label}{take}",
                text="yes",
                label=label,
                speaker=f"{session}{gender}",
                session=str(session),
                split=splits.get(session, "train"),
            )
            for session in range(1, sessions + 1)
            for gender in "FM"
            for label in labels
            for take in range(takes)
        ),
        name="made",
    )


def random_corpus(seed: int, speakers: int, labels: int = 3) -> Corpus:
    """Make a corpus of speakers who say little or much, not every label, and belong to no session."""
    rng = np.random.default_rng(seed)
    rows = [(f"s{s}", LABELS[rng.integers(labels)]) for s in range(speakers) for _ in range(rng.integers(3, 15))]
    return Corpus(tuple(Utterance(f"u{n:03}", text="x", speaker=s, label=e) for n, (s, e) in enumerate(rows)))


def values(corpus: Corpus, ids: Iterable[str], field: str) -> set[str]:
    return {getattr(u, field) for u in corpus.select(ids)}


@pytest.mark.parametrize("selection", get_args(Selection))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_speaker_is_in_two_parts(protocol: ProtocolName, selection: Selection) -> None:
    corpus = corpus_of()
    for fold in make_folds(corpus, protocol, selection):
        parts = [values(corpus, ids, "speaker") for ids in (fold.train, fold.validation, fold.test)]
        assert sum(map(len, parts)) == len(set().union(*parts)) == 10


@pytest.mark.parametrize("selection", get_args(Selection))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_utterance_has_its_place_in_every_fold(protocol: ProtocolName, selection: Selection) -> None:
    corpus = corpus_of()
    for fold in make_folds(corpus, protocol, selection):
        assert sorted(fold.train + fold.validation + fold.test) == sorted(u.id for u in corpus)


@pytest.mark.parametrize("protocol", CROSSED)
def test_every_utterance_is_tested_once(protocol: ProtocolName) -> None:
    corpus = corpus_of()
    tested = [identity for fold in make_folds(corpus, protocol) for identity in fold.test]
    assert sorted(tested) == sorted(u.id for u in corpus)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_utterances_without_a_label_are_in_no_part(protocol: ProtocolName) -> None:
    corpus = corpus_of()
    with_more = Corpus((Utterance("0", text="x", speaker="1F", session="1", split="test"), *corpus), name="more")
    assert make_folds(with_more, protocol) == make_folds(corpus, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_folds_are_numbered_from_1(protocol: ProtocolName) -> None:
    folds = make_folds(corpus_of(), protocol)
    assert [fold.index for fold in folds] == list(range(1, len(folds) + 1))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_folds_are_the_same_whatever_the_order_of_the_corpus(protocol: ProtocolName) -> None:
    corpus = corpus_of(takes=2)
    shuffled = np.random.default_rng(0).permutation(len(corpus))
    reordered = replace(corpus, utterances=tuple(corpus.utterances[i] for i in shuffled))
    assert make_folds(reordered, protocol, seed=3) == make_folds(corpus, protocol, seed=3)


def test_one_session_is_tested_and_the_next_one_chooses_in_a_circle() -> None:
    corpus = corpus_of()
    folds = make_folds(corpus, "leave-one-session-out")
    assert [fold.name for fold in folds] == [f"session {n}" for n in "12345"]
    assert [values(corpus, fold.test, "session") for fold in folds] == [{n} for n in "12345"]
    assert [values(corpus, fold.validation, "session") for fold in folds] == [{n} for n in "23451"]
    assert {fold.validation_unit for fold in folds} == {"session"}


def test_with_two_sessions_validation_is_cut_from_the_only_one_left() -> None:
    corpus = corpus_of(sessions=2, takes=4)
    for fold in make_folds(corpus, "leave-one-session-out"):
        assert values(corpus, fold.validation, "session") == values(corpus, fold.train, "session")
        assert fold.validation_unit == "utterance"


def test_sessions_need_no_speakers() -> None:
    nameless = Corpus(tuple(replace(u, speaker=None) for u in corpus_of()))
    assert len(make_folds(nameless, "leave-one-session-out")) == 5


def test_one_speaker_is_tested_and_the_partner_chooses() -> None:
    corpus = corpus_of()
    folds = make_folds(corpus, "leave-one-speaker-out")
    tested = [values(corpus, fold.test, "speaker") for fold in folds]
    assert tested == [{f"{session}{gender}"} for session in "12345" for gender in "FM"]
    chosen = [values(corpus, fold.validation, "speaker") for fold in folds]
    assert chosen == [{f"{session}{gender}"} for session in "12345" for gender in "MF"]
    assert {fold.validation_unit for fold in folds} == {"speaker"}


@pytest.mark.parametrize("session", [None, "1"], ids=["no session", "one session"])
def test_a_speaker_without_a_partner_leaves_the_choice_to_other_whole_speakers(session: str | None) -> None:
    corpus = Corpus(tuple(replace(u, session=session) for u in corpus_of()))
    for fold in make_folds(corpus, "leave-one-speaker-out"):
        assert fold.validation_unit == "speaker"
        assert len(values(corpus, fold.validation, "speaker")) == 2  # of nine: 15 % are more than one


@pytest.mark.parametrize(("speakers", "folds"), [(2, 2), (3, 3), (4, 4), (5, 5), (6, 5), (10, 5)])
def test_speakers_make_five_folds_or_as_many_as_there_are(speakers: int, folds: int) -> None:
    made = make_folds(random_corpus(0, speakers), "speaker-kfold")
    assert len(made) == folds
    assert all(fold.test for fold in made)


def test_a_fold_of_speakers_is_named_after_those_held_out() -> None:
    corpus = random_corpus(0, 7)
    for fold in make_folds(corpus, "speaker-kfold"):
        assert fold.name == f"speakers {', '.join(sorted(values(corpus, fold.test, 'speaker')))}"


def test_folds_of_speakers_are_those_of_scikit_learn_over_the_sorted_ids() -> None:
    corpus = sorted(corpus_of(), key=lambda u: u.id)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=4)
    strata = [f"{u.label} {u.gender}" for u in corpus]
    parts = splitter.split(corpus, strata, [u.speaker for u in corpus])
    expected = [[corpus[i].id for i in test] for _, test in parts]
    assert [list(fold.test) for fold in make_folds(corpus_of(), "speaker-kfold", seed=4)] == expected


def test_folds_of_speakers_hold_the_labels_in_equal_shares() -> None:
    corpus = corpus_of()
    for fold in make_folds(corpus, "speaker-kfold"):
        assert Counter(u.label for u in corpus.select(fold.test)) == dict.fromkeys(LABELS, 2)


def test_the_seed_changes_folds_of_speakers_and_not_those_of_sessions() -> None:
    corpus = corpus_of()
    by_speakers = [folds_hash(make_folds(corpus, "speaker-kfold", seed=seed)) for seed in (0, 0, 1)]
    by_sessions = [folds_hash(make_folds(corpus, "leave-one-session-out", seed=seed)) for seed in (0, 1)]
    assert by_speakers[0] == by_speakers[1] != by_speakers[2]
    assert by_sessions[0] == by_sessions[1]


def test_labels_too_rare_for_the_folds_of_speakers_are_refused_with_a_way_out() -> None:
    corpus = Corpus(tuple(Utterance(f"u{n}", text="x", label="ab"[n % 2], speaker=f"s{n}") for n in range(5)))
    with pytest.raises(ProtocolError, match="speaker-kfold"):
        make_folds(corpus, "speaker-kfold")


def test_folds_of_speakers_without_scikit_learn_are_refused_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(MissingExtraError, match=r"speaker-kfold needs .* pip install \"emofuse\[train\]\""):
        make_folds(corpus_of(), "speaker-kfold")


def will_do(utterances: list[Utterance], speakers: Iterable[str]) -> bool:
    """Tell whether these speakers make a validation part, from the words of the contract."""
    chosen = [u for u in utterances if u.speaker in set(speakers)]
    enough = len(chosen) >= 0.15 * len(utterances)
    every_class = {u.label for u in chosen} == {u.label for u in utterances}
    return enough and every_class and len({u.speaker for u in utterances} - set(speakers)) >= 2


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("speakers", [4, 6, 9])
def test_validation_is_a_smallest_set_of_whole_speakers_that_will_do(speakers: int, seed: int) -> None:
    utterances = list(random_corpus(seed, speakers))
    chosen, unit = cut_validation(utterances, seed)
    assert unit == "speaker"
    voices = {str(u.speaker) for u in utterances if u.id in chosen}
    assert chosen == {u.id for u in utterances if u.speaker in voices}
    assert will_do(utterances, voices)
    everybody = sorted({str(u.speaker) for u in utterances})
    assert not any(will_do(utterances, fewer) for fewer in combinations(everybody, len(voices) - 1))


def test_which_of_the_smallest_sets_is_taken_is_drawn_by_the_seed() -> None:
    corpus = list(corpus_of())
    chosen = [frozenset(cut_validation(corpus, seed)[0]) for seed in (0, 0, 1, 2, 3)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1


@pytest.mark.parametrize(
    "corpus",
    [
        Corpus(tuple(u for u in corpus_of(sessions=1, takes=9) if u.label)),
        Corpus(tuple(replace(u, speaker=None) for u in corpus_of(takes=9))),
        Corpus(tuple(replace(u, speaker=u.label) for u in corpus_of(takes=9))),
    ],
    ids=["two speakers", "nobody knows who speaks", "a speaker for each label"],
)
def test_where_no_set_of_speakers_will_do_a_share_of_each_label_is_cut_with_a_warning(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="emofuse.data.splits"):
        chosen, unit = cut_validation(list(corpus), 0)
    assert unit == "utterance"
    sizes = Counter(u.label for u in corpus)
    assert Counter(u.label for u in corpus if u.id in chosen) == {
        label: -(-15 * n // 100) for label, n in sizes.items()
    }
    assert [record.message for record in caplog.records] == [
        "no set of whole speakers is suitable for validation: it shares speakers with training"
    ]


def test_whole_speakers_are_cut_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    cut_validation(list(corpus_of()), 0)
    assert caplog.records == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fixed_reads_no_validation_part_and_trains_on_all_the_rest(protocol: ProtocolName) -> None:
    corpus = corpus_of()
    best, fixed = (make_folds(corpus, protocol, selection) for selection in ("best", "fixed"))
    for with_one, without in zip(best, fixed, strict=True):
        assert (without.validation, without.validation_unit) == ((), None)
        assert sorted(without.train) == sorted(with_one.train + with_one.validation)
        assert without.test == with_one.test


def test_predefined_takes_the_splits_of_the_manifest() -> None:
    corpus = corpus_of()
    (fold,) = make_folds(corpus, "predefined")
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    assert {name: values(corpus, ids, "split") for name, ids in parts.items()} == {name: {name} for name in parts}
    assert fold.validation_unit == "split"


def test_predefined_leaves_other_splits_aside() -> None:
    corpus = Corpus(tuple(replace(u, split="held back") if u.session == "1" else u for u in corpus_of()))
    (fold,) = make_folds(corpus, "predefined")
    assert "1" not in values(corpus, fold.train + fold.validation + fold.test, "session")


def test_predefined_without_a_validation_split_cuts_one_from_training() -> None:
    corpus = corpus_of().select(lambda u: u.split != "validation")
    (fold,) = make_folds(corpus, "predefined")
    assert values(corpus, fold.validation, "split") == {"train"}
    assert fold.validation_unit == "speaker"


@pytest.mark.parametrize("missing", ["train", "test"])
def test_predefined_without_training_or_test_is_refused_with_the_splits_found(missing: str) -> None:
    corpus = Corpus(tuple(replace(u, split="dev") if u.split == missing else u for u in corpus_of()))
    with pytest.raises(ProtocolError, match=r"needs the splits train and test in the manifest; it has \['dev', "):
        make_folds(corpus, "predefined")


def test_predefined_with_a_speaker_in_two_splits_is_refused_by_name() -> None:
    corpus = corpus_of()
    leaked = replace(corpus, utterances=(replace(corpus.utterances[0], split="test"), *corpus.utterances[1:]))
    with pytest.raises(CorpusError, match="fold 'predefined': speaker 1F is in two parts"):
        make_folds(leaked, "predefined")


def test_a_speaker_in_two_sessions_is_refused_by_name() -> None:
    corpus = Corpus(tuple(replace(u, speaker="A") if u.speaker in ("1F", "2F") else u for u in corpus_of()))
    with pytest.raises(CorpusError, match="fold 'session 1': speaker A is in two parts"):
        make_folds(corpus, "leave-one-session-out")


@pytest.mark.parametrize(
    ("protocol", "field"),
    [
        ("leave-one-session-out", "session"),
        ("leave-one-speaker-out", "speaker"),
        ("speaker-kfold", "speaker"),
    ],
)
def test_an_utterance_without_what_the_protocol_parts_by_is_refused_by_id(
    protocol: ProtocolName, field: str
) -> None:
    corpus = Corpus(tuple(replace(u, **{field: None}) if u.id == "3Fsad0" else u for u in corpus_of()))
    with pytest.raises(
        ProtocolError, match=f"needs the {field} of every labelled utterance, and '3Fsad0' has none"
    ):
        make_folds(corpus, protocol)


@pytest.mark.parametrize("protocol", CROSSED)
def test_an_utterance_without_a_label_need_not_have_a_speaker_or_session(protocol: ProtocolName) -> None:
    assert make_folds(Corpus((Utterance("0", text="x"), *corpus_of())), protocol)


@pytest.mark.parametrize("protocol", CROSSED)
def test_a_corpus_with_one_session_or_speaker_is_refused_with_the_count(protocol: ProtocolName) -> None:
    corpus = corpus_of().select(lambda u: u.speaker == "1F")
    with pytest.raises(ProtocolError, match=rf"{protocol} needs two or more (session|speaker)s.* has 1"):
        make_folds(corpus, protocol)


def test_a_corpus_without_labels_is_refused_with_a_way_out() -> None:
    corpus = Corpus(tuple(replace(u, label=None) for u in corpus_of()), name="made")
    with pytest.raises(ProtocolError, match="made: no utterance has a label; check the label policy"):
        make_folds(corpus, "predefined")


def test_a_corpus_too_small_for_a_validation_part_is_refused_with_the_fold() -> None:
    corpus = corpus_of(sessions=2).select(["1Fsad0", "2Fsad0"])
    with pytest.raises(ProtocolError, match="fold 'session 1' has an empty train part; the corpus is too small"):
        make_folds(corpus, "leave-one-session-out")


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("leave-one-session-out", "1cd5a013c0b3e250"),
        ("leave-one-speaker-out", "f500e541e8966116"),
        ("speaker-kfold", "bb524bfe2c334637"),
        ("predefined", "e5a575de749bfc8b"),
    ],
)
def test_the_folds_of_a_corpus_stay_the_same_from_version_to_version(
    protocol: ProtocolName, expected: str
) -> None:
    assert folds_hash(make_folds(corpus_of(), protocol, seed=7)) == expected


def test_a_hash_tells_apart_who_is_trained_chosen_and_tested_on() -> None:
    fold = Fold(1, "made", ("a", "b"), ("c",), ("d",), "speaker")
    moved = replace(fold, train=("a",), validation=("b", "c"))
    hashes = {folds_hash(folds) for folds in ([fold], [moved], [replace(fold, test=("e",))], [fold, fold], [])}
    assert len(hashes) == 5


def test_folds_are_written_with_their_hash_as_plain_json() -> None:
    folds = make_folds(corpus_of(sessions=3), "leave-one-session-out")
    document = json.loads(json.dumps(folds_document(folds)))
    assert document["hash"] == folds_hash(folds)
    assert [
        Fold(**{k: tuple(v) if isinstance(v, list) else v for k, v in f.items()}) for f in document["folds"]
    ] == (list(folds))


def test_folds_of_speakers_are_stratified_by_gender_too() -> None:
    """Ten speakers of each gender say the same; the five folds hold two of each."""
    corpus = Corpus(
        tuple(
            Utterance(f"{gender}{n}{label}", text="x", label=label, speaker=f"{gender}{n}", gender=gender)
            for gender in ("female", "male")
            for n in range(10)
            for label in LABELS
        )
    )
    for seed in range(5):
        for fold in make_folds(corpus, "speaker-kfold", seed=seed):
            tested = Counter((u.gender, u.label) for u in corpus.select(fold.test))
            assert tested == {(gender, label): 2 for gender in ("female", "male") for label in LABELS}


SCENARIOS = tuple(f"impro0{n}" for n in range(1, 6))
SCRIPTS = ("script01", "script02")


def scripted_corpus() -> Corpus:
    """Make five sessions of two speakers with tags as IEMOCAP has them; scripts are said again, scenarios not."""
    utterances = []
    for session in range(1, 6):
        for gender in "FM":
            for script in (*SCENARIOS, *SCRIPTS):
                for line, label in enumerate(LABELS):
                    identity = f"Ses0{session}{gender}_{script}_{line}"
                    one = identity.replace("_", "")
                    own = "" if script in SCRIPTS else f"{one}a {one}b {one}c"
                    text = f"{script}{line}a {script}{line}b {script}{line}c {script}{line}d {own}"
                    utterances.append(
                        Utterance(
                            identity,
                            text=text,
                            label=label,
                            speaker=f"Ses0{session}{gender}",
                            session=f"Ses0{session}",
                            tags={
                                "style": "scripted" if script in SCRIPTS else "improvised",
                                "script": script,
                                "take": gender,
                            },
                        )
                    )
    return Corpus(tuple(utterances), name="scripted")


def alike(corpus: Corpus, here: Iterable[str], there: Iterable[str]) -> set[tuple[str, str]]:
    """Return the pairs of ids that say nearly the same in four or more words, by comparing all."""
    words = {u.id: words_of(u.text) for u in corpus}
    return {
        (a, b)
        for a in here
        for b in there
        if min(len(words[a]), len(words[b])) >= 4
        and 5 * len(set(words[a]) & set(words[b])) >= 3 * len(set(words[a]) | set(words[b]))
    }


@pytest.mark.parametrize("selection", get_args(Selection))
def test_scripts_make_folds_of_sessions_and_text_groups(selection: Selection) -> None:
    corpus = scripted_corpus()
    folds = make_folds(corpus, "leave-one-session-out", selection, text_independent=True)
    groups = {"impro01 to impro03": SCENARIOS[:3], "impro04 to impro05": SCENARIOS[3:]} | {
        s: (s,) for s in SCRIPTS
    }
    assert [fold.name for fold in folds] == [f"session Ses0{n}, {group}" for n in range(1, 6) for group in groups]
    assert [fold.index for fold in folds] == list(range(1, 21))
    tested = Counter(i for fold in folds for i in fold.test)
    assert tested == dict.fromkeys((u.id for u in corpus), 1)
    for fold in folds:
        session, group = fold.name.removeprefix("session ").split(", ")
        assert values(corpus, fold.test, "session") == {session}
        scripts = [{u.tags["script"] for u in corpus.select(part)} for part in (fold.train, fold.validation)]
        assert {u.tags["script"] for u in corpus.select(fold.test)} == set(groups[group])
        assert not set(groups[group]) & set().union(*scripts)
        everything = sorted((*fold.train, *fold.validation, *fold.test, *fold.purged))
        left_aside = [u.id for u in corpus if u.session == session and u.tags["script"] not in groups[group]]
        assert everything == sorted({u.id for u in corpus} - set(left_aside))
        assert {u.id for u in corpus.select(fold.purged)} == {
            u.id for u in corpus if u.session != session and u.tags["script"] in groups[group]
        }
        assert not alike(corpus, fold.test, (*fold.train, *fold.validation))
        assert bool(fold.validation) == (selection == "best")


def test_plain_sessions_say_scripts_in_training_too() -> None:
    corpus = scripted_corpus()
    fold = make_folds(corpus, "leave-one-session-out")[0]
    assert fold.purged == ()
    scripted = {u.id for u in corpus.select(fold.test) if u.tags["style"] == "scripted"}
    assert {test for test, _ in alike(corpus, fold.test, fold.train)} == scripted


def test_elsewhere_near_duplicates_are_purged_and_never_moved() -> None:
    plain, corpus = corpus_of(takes=3), corpus_of(takes=3)
    again = {
        "1Fsad0": "so here we are again",
        "2Msad1": "So here we are, again!",
        "3Fsad2": "here we are again so",
    }
    corpus = Corpus(tuple(replace(u, text=again.get(u.id, u.text)) for u in corpus))
    for protocol in PROTOCOLS:
        usual = draw_folds(plain, protocol, "fixed")
        found = make_folds(corpus, protocol, "fixed", text_independent=True)
        for before, after in zip(usual, found, strict=True):
            assert (before.test, before.name, before.index) == (after.test, after.name, after.index)
            expected = set(again) - set(after.test) if set(again) & set(after.test) else set()
            assert set(after.purged) == expected & set(before.train)
            assert set(after.train) == set(before.train) - expected
            assert not alike(corpus, after.test, after.train)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_corpus_of_which_everything_is_said_again_is_refused_in_one_sentence(protocol: ProtocolName) -> None:
    corpus = Corpus(tuple(replace(u, text="the dogs are sitting by the door") for u in corpus_of()))
    with pytest.raises(ProtocolError, match=r"nothing left to train on.* cannot be split by its text") as caught:
        make_folds(corpus, protocol, text_independent=True)
    assert "\n" not in str(caught.value)


def test_what_was_purged_changes_the_hash_and_nothing_purged_does_not() -> None:
    fold = Fold(1, "made", ("a",), (), ("b",))
    assert folds_hash([fold]) != folds_hash([replace(fold, purged=("c",))])
    corpus = corpus_of()  # "yes" is too short to be said again
    plain, parted = (make_folds(corpus, "speaker-kfold", text_independent=wish) for wish in (False, True))
    assert folds_hash(plain) == folds_hash(parted)


def test_drawing_folds_leaves_shared_speakers_to_the_audit() -> None:
    corpus = Corpus(tuple(replace(u, speaker="A") if u.speaker in ("1F", "2F") else u for u in corpus_of()))
    folds = draw_folds(corpus, "leave-one-session-out")
    assert {name for fold in folds for name in fold.shared_speakers(corpus)} == {"A"}


def folds_and_findings() -> list[object]:
    """Return what must be the same in every process: the folds of each protocol, and what the audit finds."""
    corpus = scripted_corpus()
    return [
        *[folds_hash(make_folds(corpus_of(takes=2), name, seed=3)) for name in get_args(ProtocolName)],
        *[
            folds_hash(make_folds(corpus, name, seed=3, text_independent=True))
            for name in get_args(ProtocolName)[:2]
        ],
        audit(corpus, "leave-one-session-out").as_dict(),
    ]


IN_ANOTHER_PROCESS = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from test_splits import folds_and_findings
print(json.dumps(folds_and_findings()))
"""


def test_folds_and_findings_are_the_same_in_every_process() -> None:
    """Texts have other hashes in the other process, and sets of them another order."""
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, str(here), str(here.parent / "doubles")],
        env=os.environ | {"PYTHONHASHSEED": "424242" if os.environ.get("PYTHONHASHSEED") == "0" else "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(folds_and_findings()))


def test_undecided_utterances_are_tested_beside_their_speakers_and_their_script() -> None:
    corpus = scripted_corpus()
    aside = [
        Utterance(f"x{n}", text="x", speaker=speaker, session=session, tags={"script": script})
        for n, (speaker, session, script) in enumerate(
            [
                ("Ses01F", "Ses01", "script01"),
                ("Ses01M", "Ses01", "impro02"),
                ("Ses02F", "Ses02", "script01"),
                (None, "Ses01", "script01"),
                (None, None, "script01"),
            ]
        )
    ]
    extra = Corpus(tuple(aside))
    plain = make_folds(corpus, "leave-one-session-out")[0]
    found = splits.tested_beside(plain, corpus.select(plain.test), extra, text_independent=False)
    assert [u.id for u in found] == ["x0", "x1", "x3"]
    crossed = make_folds(corpus, "leave-one-session-out", text_independent=True)
    (script,) = (fold for fold in crossed if fold.name == "session Ses01, script01")
    found = splits.tested_beside(script, corpus.select(script.test), extra, text_independent=True)
    assert [u.id for u in found] == ["x0", "x3"]


def test_undecided_utterances_are_trained_on_where_nothing_of_them_is_in_the_test_part() -> None:
    corpus = scripted_corpus()
    fold = make_folds(corpus, "leave-one-session-out")[0]
    train, tested = corpus.select(fold.train), corpus.select(fold.test)
    other = next(u for u in train if u.speaker and u.session)
    own = next(u for u in tested if u.speaker and u.session)
    sentence = next(u.text for u in tested if len((u.text or "").split()) > 4)
    aside = [
        Utterance("free", text="x", speaker=other.speaker, session=other.session),
        Utterance("tested", text="x", speaker=own.speaker, session=own.session),
        Utterance("guest", text="x", speaker=other.speaker, session=own.session),
        Utterance("unknown", text="x", session=other.session),
        Utterance("nobody", text="x"),
        Utterance("stranger", text="x", speaker="Ses99F", session=other.session),
        Utterance("repeated", text=sentence, speaker=other.speaker, session=other.session),
    ]
    extra = Corpus(tuple(aside))
    found = splits.trained_beside(train, tested, extra, text_independent=False)
    assert [u.id for u in found] == ["free", "unknown", "repeated"]
    found = splits.trained_beside(train, tested, extra, text_independent=True)
    assert [u.id for u in found] == ["free", "unknown"]


def test_ten_thousand_utterances_are_parted_at_once(caplog: pytest.LogCaptureFixture) -> None:
    corpus = Corpus(
        tuple(
            Utterance(f"u{n}", text="x", label=LABELS[n % 4], speaker=f"s{n % 100}", session=f"{n % 5}")
            for n in range(10_000)
        )
    )
    began = time.perf_counter()
    make_folds(corpus, "leave-one-session-out", "best")
    make_folds(corpus, "speaker-kfold", "best")
    assert time.perf_counter() - began < 10  # seconds; what is quadratic in the corpus took a minute


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"text": "other"}, False),
        ({"label": "other"}, False),
        ({"votes": {"sad": 1.0}}, False),
        ({"transcripts": {"asr": "other"}}, False),
        ({"dimensions": {"valence": 2.0}}, False),
        ({"audio": Path("b/x.wav")}, False),
        ({"tags": {"other": "tag"}}, True),
    ],
)
def test_a_run_depends_on_what_is_trained_on(changes: dict[str, object], same: bool) -> None:
    corpus = corpus_of()
    other = replace(corpus, utterances=(replace(corpus.utterances[0], **changes), *corpus.utterances[1:]))
    assert (corpus_hash(other) == corpus_hash(corpus)) == same


@pytest.mark.filterwarnings("error")
def test_folds_of_speakers_are_stratified_by_label_alone_where_genders_are_too_few_for_it() -> None:
    few = Corpus(tuple(replace(u, gender="FM"[n // 4 % 2]) for n, u in enumerate(corpus_of(sessions=3))))
    unknown = Corpus(tuple(replace(u, gender=None) for u in few))
    assert make_folds(few, "speaker-kfold", "fixed") == make_folds(unknown, "speaker-kfold", "fixed")
