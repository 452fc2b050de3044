"""Stored predictions: written and read back with their logits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from emofuse.errors import RunError
from emofuse.runs.stored_predictions import StoredPrediction, read_predictions, write_predictions
from emofuse.types import Prediction, Utterance

UTTERANCE = Utterance("a", text="one\u2028two\u0085three", text_source="gold", speaker="s")
PREDICTION = Prediction.of(UTTERANCE, {"sad": 0.9, "happy": 0.1}, ("text",), dimensions={"valence": 2.5})
STORED = StoredPrediction(PREDICTION, {"sad": 1.5, "happy": -0.7})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    second = StoredPrediction(replace(PREDICTION, id="b"))
    write_predictions(tmp_path / "predictions.jsonl", [STORED, second])
    assert read_predictions(tmp_path / "predictions.jsonl") == {"a": STORED, "b": second}


def test_logits_stand_beside_probabilities_and_a_prediction_keeps_its_keys() -> None:
    document = STORED.as_dict()
    keys = list(document)
    assert keys[keys.index("probabilities") + 1] == "logits"
    assert {key: value for key, value in document.items() if key != "logits"} == PREDICTION.as_dict()


def test_logits_come_in_the_order_of_labels() -> None:
    assert STORED.logits_of(("happy", "sad")) == [-0.7, 1.5]


def test_predictions_of_earlier_versions_have_no_logits() -> None:
    old = StoredPrediction.from_dict(PREDICTION.as_dict())
    assert old == StoredPrediction(PREDICTION, None)
    with pytest.raises(RunError, match=r"'a' was stored without logits .*; make the run again with --resume"):
        old.logits_of(("sad",))


def test_a_prediction_without_a_probability_of_its_label_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(STORED.as_dict() | {"label": "calm"}) + "\n")
    with pytest.raises(ValueError, match="no probability of its label 'calm'"):
        read_predictions(path)
