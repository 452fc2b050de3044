"""Tested utterances: those with a label in a test part, stored and read back; predictions of them as arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_run import CORPUS, FOLDS, LABELS

from emofuse.errors import CorpusError, RunError
from emofuse.runs.labelled_utterances import labelled_utterances, read_truth, to_arrays, write_truth
from emofuse.types import Corpus

TESTED = labelled_utterances(CORPUS, FOLDS)


def test_only_labelled_utterances_of_test_parts_are_tested() -> None:
    unlabelled = Corpus((replace(CORPUS.utterances[0], label=None), *CORPUS.utterances[1:]))
    assert [each.id for each in labelled_utterances(unlabelled, FOLDS[:1])] == [f"u{n}" for n in range(1, 10)]
    twelve = next(each for each in TESTED if each.id == "u12")
    assert (twelve.fold, twelve.label, twelve.speaker) == (2, "angry", "s0")


def test_their_order_is_not_that_of_the_rows() -> None:
    assert labelled_utterances(Corpus(CORPUS.utterances[::-1]), FOLDS) == TESTED


def test_they_are_stored_and_read_back(tmp_path: Path) -> None:
    assert read_truth(tmp_path) is None
    write_truth(tmp_path, TESTED)
    assert read_truth(tmp_path) == TESTED
    (tmp_path / "truth.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(RunError, match=r"truth\.jsonl: is damaged"):
        read_truth(tmp_path)


def test_probabilities_become_arrays_by_seed_utterance_and_label() -> None:
    seeds = [{each.id: {"sad": value, "angry": 1 - value} for each in TESTED} for value in (0.25, 0.5)]
    arrays = to_arrays(LABELS, TESTED, seeds)
    assert arrays.probabilities[:, 0].tolist() == [[0.75, 0.25], [0.5, 0.5]]
    assert arrays.truth.tolist() == [LABELS.index(each.label) for each in TESTED]


def test_attributes_with_one_value_are_no_groups() -> None:
    arrays = to_arrays(LABELS, TESTED, [{each.id: dict.fromkeys(LABELS, 0.5) for each in TESTED}])
    assert set(arrays.groups) == {"gender", "speaker", "session"}  # all have the same text source and no style


def test_no_utterance_is_refused() -> None:
    with pytest.raises(CorpusError, match="no labelled utterance"):
        to_arrays(LABELS, (), [{}])
