"""A model's labels and those of a task."""

from __future__ import annotations

import pytest

from emofuse.errors import RecipeError
from emofuse.inference.label_map import match_labels

OURS = ("angry", "happy", "neutral", "sad")


def test_spellings_policies_and_names_find_counterparts() -> None:
    policy = {label: label for label in OURS} | {"excited": "happy"}
    found = match_labels(("exc", "joy", "ANGRY", "Sadness", "LABEL_4"), OURS, policy, {"LABEL_4": "neutral"})
    assert found.mapping == {
        "exc": "happy",
        "joy": "happy",
        "ANGRY": "angry",
        "Sadness": "sad",
        "LABEL_4": "neutral",
    }
    assert found.apply({"exc": 0.2, "joy": 0.2, "ANGRY": 0.3, "Sadness": 0.2, "LABEL_4": 0.1}, OURS)[0] == (
        pytest.approx({"angry": 0.3, "happy": 0.4, "neutral": 0.1, "sad": 0.2})
    )
    assert match_labels(("joy", "anger"), ("joy", "anger"), {}, {}).mapping == {"joy": "joy", "anger": "anger"}


def test_probability_without_a_counterpart_is_spread_over_the_rest() -> None:
    found = match_labels(("happy", "sad", "awe"), OURS, {}, {})
    assert (found.unmapped, found.unsaid) == (("awe",), ("angry", "neutral"))
    probabilities, lost = found.apply({"happy": 0.3, "sad": 0.1, "awe": 0.6}, OURS)
    assert probabilities == pytest.approx({"angry": 0.0, "happy": 0.75, "neutral": 0.0, "sad": 0.25})
    assert lost == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("explicit", "message"),
    [
        ({"hapy": "happy"}, r"--map hapy=happy: 'hapy' is none of the model's labels; did you mean 'happy'"),
        ({"happy": "glad"}, r"'glad' is none of the labels of the task; they are angry, happy, neutral, sad"),
        ({"happy": "", "sad": ""}, "fewer than two labels have a counterpart"),
    ],
)
def test_a_map_that_cannot_be_is_refused(explicit: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        match_labels(("happy", "sad"), OURS, {}, explicit)
