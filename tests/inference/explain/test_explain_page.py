"""The page holds everything itself, and nothing that a user wrote becomes markup."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import soundfile
from explanations import CLIP, explanation

from emofuse.inference.explain.explanation import Attention, Completeness, Removal
from emofuse.inference.explain.page import explanation_page
from emofuse.pages.contents import PageContents
from emofuse.pages.pseudonyms import Pseudonyms
from emofuse.sound.clips import Clip

EVIL = '"\'></script><script>alert("1")</script><img src=x onerror=y>'
# Tags that stand alone.
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Outline(HTMLParser):
    """Remember tags, what they refer to, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "data", "poster")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_the_page_says_everything_in_words_and_numbers() -> None:
    page = explanation_page(explanation(), CLIP)
    for said in (
        "-0.625", "+0.500", "-0.125", "62.5%", "sad has a probability of 25.0%", "words alone",
        "With care.", "87.5%", "Mind this.", "a hiss", "the logit of sad", "0.1% of the difference apart",
        "was not trained to do without", "What speaks for sad?", "Jain and Wallace (2019)",
        "Wiegreffe and Pinter (2019)",
        "Sundararajan, Taly and Yan (2017)", "Attention of each word to the moments of the recording",
    ):  # fmt: skip
        assert said in page, said
    assert "Attention of each moment to the words of the text" not in page


def test_the_scope_comes_before_any_prediction() -> None:
    page = explanation_page(replace(explanation(), model_scope="german calls"), CLIP)
    assert page.index("German calls.") < page.index("angry</strong>")
    assert "states no intended use" in explanation_page(explanation(), CLIP)


@pytest.mark.parametrize(
    ("changed", "heading", "shown", "hidden"),
    [
        ({"label": "angry"}, "Why angry?", "<strong>angry</strong>", "unsure"),
        ({"abstained": True}, "Unsure: what speaks for sad?", "<strong>unsure (angry)</strong>", "<strong>angry"),
        ({"predicted": None}, "No speech: what would", "<strong>no speech</strong>", "<strong>angry"),
    ],
)
def test_a_withheld_prediction_is_shown_as_such(
    changed: dict[str, Any], heading: str, shown: str, hidden: str
) -> None:
    page = explanation_page(replace(explanation(), **changed), CLIP)
    assert f"<h1>{heading}" in page
    assert shown in page
    assert hidden not in page


def test_a_prediction_without_a_modality_may_be_withheld_too() -> None:
    removed = replace(explanation().removals[0], abstained=True)
    assert "unsure (sad)" in explanation_page(replace(explanation(), removals=(removed,)), CLIP)


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = explanation_page(explanation(), CLIP)
    found = outline(page)
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert len(found.references) == 1
    assert found.references[0].startswith("data:audio/wav;base64,")
    assert not re.search(r"@import|url\(", page)


def test_the_player_plays_the_recording() -> None:
    data = outline(explanation_page(explanation(), CLIP)).references[0].partition(",")[2]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(samples, CLIP.samples, atol=1e-4)


@pytest.mark.parametrize("place", ["text", "name"])
def test_what_users_write_stays_text(place: str) -> None:
    page = explanation_page(explanation(**{place: EVIL}), CLIP)
    found = outline(page)
    assert "<script" not in page
    assert "</script" not in page
    assert "img" not in found.tags
    assert "&lt;/script&gt;" in page


def test_labels_and_notes_stay_text_too() -> None:
    evil = replace(
        explanation(), label=EVIL, predicted=EVIL, probabilities={EVIL: 1.0}, target=EVIL, notes=(EVIL,),
        baselines={"text": EVIL}, attention=Attention(None, None, EVIL),
        removals=(Removal("text", EVIL, {EVIL: 1.0}),),
    )  # fmt: skip
    page = explanation_page(evil, CLIP)
    assert "<script" not in page
    found = outline(page)
    assert "img" not in found.tags
    assert not [name for name in found.attributes if name.startswith("on")]
    assert set(found.attributes) <= set(outline(explanation_page(explanation(), CLIP)).attributes)


def test_a_page_may_leave_out_the_recording_the_words_and_the_names() -> None:
    one = explanation(text="zebra", name="ann-2024")
    without_audio = explanation_page(one, CLIP, PageContents(audio=False))
    assert "<audio" not in without_audio
    assert "data:" not in without_audio.replace("media-src data:", "")
    assert "<polygon" in without_audio
    without_words = explanation_page(one, CLIP, PageContents(words=False))
    assert "zebra" not in without_words
    assert "words are left out" in without_words
    pseudonyms = Pseudonyms(bytes(32))
    nameless = explanation_page(replace(one, model="box"), CLIP, PageContents(pseudonyms=pseudonyms))
    assert "ann" not in nameless
    assert pseudonyms.of("recording", "ann-2024") in nameless
    assert "zebra" in nameless


def test_a_text_alone_has_no_player_and_no_map() -> None:
    alone = replace(
        explanation(), audio=None, moments=(), removals=(), attention=Attention(None, None, "none here")
    )
    found = outline(explanation_page(alone, None))
    assert "audio" not in found.tags
    assert "svg" not in found.tags


def test_attributions_that_do_not_add_up_are_reported() -> None:
    found = replace(explanation(), completeness=Completeness(0.0, 0.1, None, False, 1024))
    page = explanation_page(found, CLIP)
    assert "sum to +0.100. They do not add up" in page


def test_silence_and_no_attribution_at_all_can_be_drawn() -> None:
    nothing = replace(
        explanation(), moments=(0.0, 0.0, 0.0), attention=Attention(((0.0, 0.0, 0.0),) * 2, None, "n")
    )
    page = explanation_page(nothing, Clip(np.zeros(4800, dtype=np.float32), 16_000))
    assert "nan" not in page.lower().replace("finance", "")
    outline(page)


def test_a_page_of_occlusion_does_not_promise_that_numbers_add_up() -> None:
    page = explanation_page(replace(explanation(), method="occlusion", completeness=None), None)
    assert "by a method called occlusion" in page
    assert "need not add up" in page
    assert "Sundararajan" not in page
