"""The page holds everything itself, and nothing that a user wrote becomes markup."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from emofuse.inference.explain.explanation import Attention, Completeness, Explanation, Piece, Removal, Word
from emofuse.inference.explain.page import explanation_page
from emofuse.sound.clips import Clip

EVIL = '</script><script>alert("1")</script><img src=x onerror=y>'
CLIP = Clip(np.sin(np.arange(4800) / 20).astype(np.float32) * 0.5, 16_000)
# Tags that stand alone.
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Outline(HTMLParser):
    """Remember tags, what they refer to, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "data", "poster")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def explanation(text: str = "no", name: str = "m") -> Explanation:
    return Explanation(
        id=name, audio=f"{name}.wav", text=text, model=name, label="sad", predicted="angry",
        probabilities={"angry": 0.75, "sad": 0.25}, target="the logit of sad", baselines={"audio": "a hiss"},
        words=(
            Word("[CLS]", 0, 0, True, 0.0, (Piece("[CLS]", 0, 0, True),)),
            Word(text, 0, len(text), False, -0.625, (Piece(text, 0, len(text), False, -0.625),)),
        ),
        moments=(0.5, -0.125, 0.0), step=0.1, seconds=0.3,
        completeness=Completeness(-0.25, -0.25, 0.001, True, 48),
        removals=(Removal("audio", "sad", {"angry": 0.375, "sad": 0.625}, False),),
        attention=Attention(((0.5, 0.25, 0.25), (0.0, 0.875, 0.125)), None, "with care"),
        notes=("mind this",),
    )  # fmt: skip


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_the_page_says_everything_in_words_and_numbers() -> None:
    page = explanation_page(explanation(), CLIP)
    for said in (
        "-0.625", "+0.500", "-0.125", "62.5%", "Explained is sad, to which it gives 25.0%", "without the audio",
        "With care.", "87.5%", "mind this.", "a hiss", "the logit of sad", "0.1% of it apart: they add up",
        "was not trained with a modality missing", "Jain and Wallace (2019)", "Wiegreffe and Pinter (2019)",
        "Sundararajan, Taly and Yan (2017)", "Where each word looks in the sound",
    ):  # fmt: skip
        assert said in page, said
    assert "Where each moment looks in the text" not in page


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
    assert "<script" not in explanation_page(evil, CLIP)


def test_a_text_alone_has_no_player_and_no_map() -> None:
    alone = replace(
        explanation(), audio=None, moments=(), removals=(), attention=Attention(None, None, "none here")
    )
    found = outline(explanation_page(alone, None))
    assert "audio" not in found.tags
    assert "svg" not in found.tags


def test_what_does_not_add_up_is_said() -> None:
    found = replace(explanation(), completeness=Completeness(0.0, 0.1, None, False, 1024))
    page = explanation_page(found, CLIP)
    assert "they cannot be compared: they do not add up" in page


def test_silence_and_no_attribution_at_all_can_be_drawn() -> None:
    nothing = replace(
        explanation(), moments=(0.0, 0.0, 0.0), attention=Attention(((0.0, 0.0, 0.0),) * 2, None, "n")
    )
    page = explanation_page(nothing, Clip(np.zeros(4800, dtype=np.float32), 16_000))
    assert "nan" not in page.lower().replace("finance", "")
    outline(page)
