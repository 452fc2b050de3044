"""What the audit says of real corpora, and of a stand-in for IEMOCAP whose scripts recur in every session."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from iemocap_tree import write_full_tree
from tiny import write_recipe

from emofuse import cross_validate, load_recipe
from emofuse.data.audit import Audit, audit
from emofuse.data.corpora.iemocap import read_iemocap
from emofuse.data.corpora.user_table import read_table
from emofuse.data.labels import apply_policy
from emofuse.data.splits import make_folds
from emofuse.data.text_overlap import words_of
from emofuse.types import Corpus


def by_code(found: Audit) -> dict[str, set[str]]:
    return {each.code: set(each.utterances) for each in found.findings}


def second_opinion(corpus: Corpus) -> tuple[set[str], set[str]]:
    """Return the clips of -60 dBFS and less, and those whose samples occur more than once."""
    silent, sounding = set(), defaultdict(set)
    for utterance in corpus:
        samples, _ = soundfile.read(utterance.audio)
        if np.sqrt(np.mean(samples**2)) <= 0.001:
            silent.add(utterance.id)
        sounding[hashlib.md5(samples.tobytes()).hexdigest()].add(utterance.id)
    return silent, set().union(*(ids for ids in sounding.values() if len(ids) > 1))


@pytest.mark.data
def test_ravdess_has_text_that_tells_nothing_near_silent_clips_and_a_duplicate(data: Path) -> None:
    whole = read_table(data / "ravdess" / "manifest.csv").corpus
    # Five actors, among them the one whose clips are near silent and the one of whom a clip is there twice.
    corpus = whole.select(lambda u: u.speaker in {f"ravdess_{number:02}" for number in range(5, 10)})
    found = audit(corpus)
    silent, twice = second_opinion(corpus)
    assert found.protocol == "leave-one-speaker-out"
    assert by_code(found) == {
        "text-overlap": {u.id for u in corpus},
        "duplicate-audio": twice,
        "text-uninformative": {u.id for u in corpus},
        "silent-audio": silent,
    }
    assert silent
    assert len(twice) == 2
    assert {each.severity for each in found.findings} == {"warning"}
    (silence,) = (each for each in found.findings if each.code == "silent-audio")
    assert silence.message.startswith(f"{len(silent)} clips are below -60 dBFS")


@pytest.mark.data
def test_nemo_has_text_that_tells_nothing(data: Path) -> None:
    corpus = read_table(data / "nemo" / "manifest.csv").corpus
    heard_not = replace(corpus, utterances=tuple(replace(u, audio=None) for u in corpus))  # decoding takes 15 s
    found = audit(heard_not)
    assert by_code(found)["text-uninformative"] == {u.id for u in corpus}
    assert by_code(found).keys() <= {"text-uninformative", "text-overlap", "rare-class"}


@pytest.mark.data
@pytest.mark.parametrize("tagged", [True, False])
def test_pairs_say_that_text_was_not_spoken_if_their_table_does_and_leak_no_speaker(
    data: Path, tagged: bool
) -> None:
    corpus = read_table(data / "pairs_ravdess_goemotions.csv").corpus
    actors = {u.speaker for u in corpus.utterances[::150]}
    few = corpus.select(lambda u: u.speaker in actors)
    if not tagged:
        few = replace(few, utterances=tuple(replace(u, tags={}) for u in few))
    found = by_code(audit(few, "speaker-kfold"))
    assert found.get("text-not-spoken") == ({u.id for u in few} if tagged else None)
    assert "speaker-overlap" not in found
    assert "text-uninformative" not in found


@pytest.mark.data
def test_wake_words_are_their_own_labels(data: Path) -> None:
    corpus = read_table(data / "keywords" / "manifest.csv").corpus
    few = replace(corpus, utterances=corpus.utterances[::50])
    found = [each for each in audit(few).findings if each.code == "text-is-label"]
    assert [each.severity for each in found] == ["error"]


@pytest.fixture(scope="module")
def iemocap(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return the first scripted and the first improvised dialogue of each session of the stand-in."""
    tree = write_full_tree(tmp_path_factory.mktemp("iemocap"), dialogues=2, audio_seconds=0.35)
    return read_iemocap(tree).corpus


@pytest.fixture(scope="module")
def iemocap4(iemocap: Corpus) -> Corpus:
    return apply_policy(iemocap, "iemocap4")[0]


def said_in_another_session(corpus: Corpus) -> set[str]:
    """Return, by comparing all pairs, whose words are nearly those of somebody in another session."""
    said = [(u.id, u.session, set(words_of(u.text))) for u in corpus if u.label and len(words_of(u.text)) >= 4]
    return {
        here
        for here, session, words in said
        if any(5 * len(words & w) >= 3 * len(words | w) for _, other, w in said if other != session)
    }


def test_plain_sessions_of_iemocap_share_their_scripts(iemocap: Corpus, iemocap4: Corpus) -> None:
    found = audit(iemocap4, "leave-one-session-out", unmapped=iemocap)
    expected = said_in_another_session(iemocap4)
    assert by_code(found)["text-overlap"] == expected
    assert {u.tags["style"] for u in iemocap4.select(expected)} >= {"scripted"}
    severities = {each.code: each.severity for each in found.findings}
    assert severities["text-overlap"] == "warning"
    assert "error" not in severities.values()
    ties = {u.id for u in iemocap if u.tags["source_label"] == "xxx"}
    assert by_code(found)["label-tie"] == ties


def test_text_independent_folds_of_iemocap_share_none(iemocap: Corpus, iemocap4: Corpus) -> None:
    folds = make_folds(iemocap4, "leave-one-session-out", text_independent=True)
    assert [fold.name for fold in folds] == [
        f"session Ses0{session}, {group}" for session in range(1, 6) for group in ("impro01", "script01")
    ]
    found = audit(iemocap4, "leave-one-session-out", folds, text_independent=True, unmapped=iemocap)
    assert "text-overlap" not in by_code(found)


def test_plain_cross_validation_of_iemocap_warns_of_its_scripts_and_runs(iemocap: Corpus, tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "tiny.yaml"), ["labels=iemocap4", "training.epochs=1"])
    few = iemocap.select(lambda u: u.session in ("Ses01", "Ses02"))
    results: dict[str, Any] = cross_validate(recipe, few, tmp_path / "run", systems=("text",))
    severities = {found["code"]: found["severity"] for found in results["audit"]["findings"]}
    assert severities["text-overlap"] == "warning"
    assert results["systems"]["text"]["n"] == results["n_utterances"]
    assert results["label_counts"]["tied"] == sum(u.label is None for u in few)
