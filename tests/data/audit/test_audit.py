"""Faults that were planted one by one into a clean corpus: each is found, named and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_faults import (
    PLANTS,
    PROTOCOL,
    fixed_sentences,
    no_text,
    one_emotion_a_speaker,
    rare,
    sentence_of_the_label,
    sounding_corpus,
)

from emofuse.data.audit import ERRORS, audit
from emofuse.data.audit.finding import CODES, REMEDIES
from emofuse.data.splits import make_folds
from emofuse.types import Corpus


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return sounding_corpus(tmp_path_factory.mktemp("clean"))


def test_a_clean_corpus_has_no_finding(clean: Corpus) -> None:
    for protocol in (PROTOCOL, "leave-one-speaker-out"):
        assert audit(clean, protocol).findings == ()
    assert audit(clean, "speaker-kfold", text_independent=True).findings == ()
    assert audit(clean, PROTOCOL, text_independent=True).findings == ()
    assert audit(clean, PROTOCOL, make_folds(clean, PROTOCOL, "best")).findings == ()


def test_every_code_is_planted_here_and_has_a_remedy() -> None:
    assert {code for _, code, _ in PLANTS.values()} == set(CODES) == set(REMEDIES)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found_and_named_with_its_utterances_and_nothing_else(
    clean: Corpus, tmp_path: Path, name: str
) -> None:
    plant, code, severity = PLANTS[name]
    corpus, ids = plant(clean, tmp_path)
    (found,) = audit(corpus, PROTOCOL).findings
    assert (found.code, found.severity, found.count) == (code, severity, len(ids))
    assert set(found.utterances) == ids
    assert len(found.utterances) == len(ids)
    assert found.remedy == REMEDIES[code]  # type: ignore[index]
    assert found.message
    assert "\n" not in found.message + found.remedy
    assert not (found.message + found.remedy).endswith(".")


def test_all_faults_at_once_are_all_found_the_gravest_first(clean: Corpus, tmp_path: Path) -> None:
    corpus = clean
    for number, (plant, _, _) in enumerate(PLANTS.values()):
        if plant not in (fixed_sentences, one_emotion_a_speaker, sentence_of_the_label, no_text, rare):
            (tmp_path / str(number)).mkdir()
            corpus, _ = plant(corpus, tmp_path / str(number))
    found = audit(corpus, PROTOCOL).findings
    ranks = [("error", "warning", "note").index(each.severity) for each in found]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3
    assert len(found) >= 8
    assert {each.code for each in found if each.severity == "error"} <= {*ERRORS, "text-is-label"}
