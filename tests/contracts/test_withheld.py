"""A prediction on which the model abstained is withheld, wherever people read it and wherever it is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from timelines import mostly_withheld, segment, timeline

from emofuse.cli.predict.formats import as_table
from emofuse.cli.predict.timeline_writing import timeline_table
from emofuse.inference.timeline.formats import TIMELINE_FORMATS, TimelineFormat
from emofuse.inference.timeline.page import timeline_page
from emofuse.types import Prediction, Timeline

WITH_A_COLUMN = ("json", "jsonl", "csv")  # these say it in a field of its own
SHOWN: dict[str, Callable[[Timeline], str]] = {
    **{name: TIMELINE_FORMATS[name] for name in get_args(TimelineFormat) if name not in WITH_A_COLUMN},
    "table": timeline_table,
    "page": timeline_page,
}


@pytest.mark.parametrize("form", SHOWN)
def test_a_withheld_label_is_shown_as_unsure(form: str) -> None:
    withheld = timeline(segment(0.0, 2.0, "sad", 0.4, abstained=True))
    without, text = SHOWN[form](timeline(seconds=2.5)), SHOWN[form](withheld)
    assert "unsure" in text
    shown = text.replace("unsure (sad)", "")
    assert shown.count("sad") == without.count("sad")


@pytest.mark.parametrize("form", SHOWN)
def test_a_label_that_is_not_withheld_is_shown_as_it_is(form: str) -> None:
    text, without = SHOWN[form](timeline(segment(0.0, 2.0, "sad", 0.4))), SHOWN[form](timeline(seconds=2.5))
    assert text.count("unsure") == without.count("unsure")  # a page explains the word


def test_the_table_of_predictions_withholds_too() -> None:
    labels = ("disgusted", "sad")
    one = Prediction("a", "disgusted", {"disgusted": 0.4, "sad": 0.3}, 0.4, abstained=True)
    other = Prediction("b", "sad", {"disgusted": 0.1, "sad": 0.9}, 0.9)
    header, first, second = as_table([one, other], labels)
    assert first.startswith("unsure (disgusted)        40%")
    assert second.startswith("sad ")
    assert header.index("utterance") == first.index("a", 30) == second.index("b", 20)


def test_an_interview_that_is_mostly_withheld_is_reported_as_such() -> None:
    interview = mostly_withheld()
    document = interview.as_dict()
    assert (document["withheld_seconds"], document["withheld_share"]) == (180.0, pytest.approx(0.9))
    assert (document["label"], document["abstained"]) == ("sad", False)
    assert document["probabilities"]["angry"] < 0.1
    for text in (timeline_table(interview), timeline_page(interview)):
        assert "180.0 of 200.0 s (90 %) are withheld" in text


def test_where_every_segment_is_withheld_so_is_the_whole() -> None:
    document = timeline(segment(0.0, 2.0, "sad", 0.4, abstained=True)).as_dict()
    assert (document["label"], document["probabilities"], document["abstained"]) == (None, {}, True)
    assert timeline().as_dict()["abstained"] is False


def test_the_readme_says_it() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert "withheld" in readme.read_text(encoding="utf-8")
