"""What other people's labels are called here: by known spellings, never by a guess."""

from __future__ import annotations

import pytest

from emofuse.errors import RecipeError
from emofuse.inference.foreign.label_names import name_labels

# Label lists of widely used checkpoints -> what they are called here.
LISTS = {
    "neu hap ang sad": "neutral happy angry sad",
    "anger disgust fear joy neutral sadness surprise": "angry disgusted fearful happy neutral sad surprised",
    "angry calm disgust fearful happy neutral sad surprised": (
        "angry calm disgusted fearful happy neutral sad surprised"
    ),
    "sadness joy love anger fear surprise": "sad happy love angry fearful surprised",
    "anger disgust enthusiasm fear happiness neutral sadness": (
        "angry disgusted enthusiasm fearful happy neutral sad"
    ),
    "生气/angry 厌恶/disgusted 恐惧/fearful 开心/happy 中立/neutral 其他/other 难过/sad 吃惊/surprised <unk>": (
        "angry disgusted fearful happy neutral other sad surprised <unk>"
    ),
    "ANGRY HAPPY SAD": "angry happy sad",
    "NEG NEU POS": "negative neutral positive",
    "female_angry female_happy male_angry male_happy": "angry happy",
    "admiration anger excitement fear joy grief": "admiration angry excited fearful happy grief",
    "happy joy sad": "happy joy sad",
    "happiness joy sad": "happiness joy sad",
}


@pytest.mark.parametrize("theirs", LISTS)
def test_lists_of_widely_used_models_get_our_words(theirs: str) -> None:
    assert name_labels(theirs.split(), {}).ours == tuple(LISTS[theirs].split())


def test_an_explicit_name_comes_first_and_what_changed_is_said() -> None:
    named = name_labels(
        ("LABEL_0", "LABEL_1", "LABEL_2", "sad"), {"LABEL_0": "angry", "LABEL_1": "angry", "LABEL_2": ""}
    )
    assert named.ours == ("angry", "sad")
    assert named.columns() == [[0, 1], [3]]
    assert named.renamed == "LABEL_0 = angry, LABEL_1 = angry, LABEL_2 = left out"


@pytest.mark.parametrize(
    ("theirs", "explicit", "words"),
    [
        ("LABEL_0 LABEL_1", {}, "does not name its labels (LABEL_0, LABEL_1)"),
        ("0 1 2 3 4", {"0": "sad"}, "--label-map 1=neutral"),
        ("happy sad", {"hapy": "joy"}, "did you mean 'happy'"),
        ("happy sad", {"happy": ""}, "fewer than two"),
    ],
)
def test_what_cannot_be_named_is_refused(theirs: str, explicit: dict[str, str], words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        name_labels(theirs.split(), explicit)
    assert words in str(raised.value)
