"""Documents name their schema; the documentation lists each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emofuse.types import Prediction, Timeline, Utterance, schemas

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"
ALL = {value for name, value in vars(schemas).items() if name.isupper()}


def test_every_schema_has_a_name_a_version_and_a_line_in_the_documentation() -> None:
    assert all(re.fullmatch(r"emofuse/[a-z]+/\d+", schema) for schema in ALL)
    assert set(re.findall(r"^\| `(emofuse/.*?)`", DOCUMENT.read_text(encoding="utf-8"), re.M)) == ALL


def test_predictions_and_timelines_name_their_schema_first() -> None:
    prediction = Prediction.of(Utterance("a", text="yes"), {"sad": 1.0}, ("text",))
    for document, schema in (
        (prediction.as_dict(), "emofuse/prediction/1"),
        (Timeline("a", "a.wav", 1.0, ("sad",)).as_dict(), "emofuse/timeline/1"),
    ):
        assert next(iter(document.items())) == ("schema", schema)


def test_a_prediction_is_read_back_of_its_schema_or_from_before_there_was_one() -> None:
    prediction = Prediction.of(Utterance("a", text="yes"), {"sad": 1.0}, ("text",))
    document = prediction.as_dict()
    assert Prediction.from_dict(document) == prediction
    assert Prediction.from_dict({key: value for key, value in document.items() if key != "schema"}) == prediction
    with pytest.raises(ValueError, match="is not of the schema emofuse/prediction/1"):
        Prediction.from_dict(document | {"schema": "emofuse/prediction/2"})
