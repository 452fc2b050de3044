"""Every page: what people wrote stays text, and only what the page's policy names may run or load."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from explanations import CLIP, explanation
from timelines import segment

from emofuse.data.audit.page import audit_page
from emofuse.inference.explain.explanation import Attention, Removal
from emofuse.inference.explain.page import explanation_page
from emofuse.inference.timeline.envelope import envelope
from emofuse.inference.timeline.page import timeline_page
from emofuse.inference.timeline.player import Player
from emofuse.pages.templating import TEMPLATES
from emofuse.types import ExcludedSpan, Timeline

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "\"'><img src=x onerror=alert(1)>",
    "</title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp; <!-- ]]> -->",
    "line\u2028paragraph\u2029end",
    "\x00\x07\x1b[31mred\x85\ud800\ufffe",
    "\u202etxet desrever\u2066\u200f",
    "javascript:alert(1)",
)
# Elements without an end tag, and attributes with an address.
VOID = {"meta", "input", "br", "img"}
ADDRESSES = ("src", "href", "data", "action", "poster", "srcset", "xlink:href", "formaction")


class Reader(HTMLParser):
    """Read a page as a browser would; refuse what is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": [], "body": []}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in {*self.open} & {*self.texts}:
            self.texts[tag].append(data)


def timeline_of(name: str) -> str:
    own = tuple(
        replace(segment(8.0 * n, 8.0 * n + 8.0), label=label, probabilities={name: 0.7, "calm": 0.3},
                speaker=name, text=name, abstained=n == 2)
        for n, label in enumerate((name, "calm", name, name))
    )  # fmt: skip
    labels, gaps = (name, "calm"), (ExcludedSpan(32.0, 40.0, name),)
    talk = Timeline(name, name, 40.0, labels, own, gaps, name, model=name, model_scope=name, notes=(name,))
    return timeline_page(talk, envelope([np.ones(50)], 10), Player("data:audio/wav;base64,AAAA", linked=False))


def explanation_of(name: str) -> str:
    one = replace(
        explanation(text=name, name=name), label=name, predicted=name, probabilities={name: 1.0}, target=name,
        notes=(name,), baselines={"text": name}, attention=Attention(((0.5, 0.3, 0.2),) * 2, None, name),
        removals=(Removal("text", name, {name: 1.0}),), model_scope=name,
    )  # fmt: skip
    return explanation_page(one, CLIP)


def audit_of(name: str) -> str:
    finding = {
        "code": name,
        "severity": "error",
        "count": 1,
        "utterances": [name],
        "message": name,
        "remedy": name,
    }
    facts = {"seconds": [1.0], "loudness": [], "labels_by_speaker": {name: {name: 1}}, "labels_by_session": {},
             "votes_entropy": [], "text_overlap": {name: 0.5}}  # fmt: skip
    return audit_page(name, {"protocol": name, "n_utterances": 1, "findings": [finding]}, facts)


PAGES: dict[str, Callable[[str], str]] = {
    "timeline.html": timeline_of,
    "explanation.html": explanation_of,
    "audit.html": audit_of,
}


def test_every_page_is_tried() -> None:
    assert PAGES.keys() == {path.name for path in TEMPLATES.glob("*.html")} - {"base.html", "parts.html"}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("page", PAGES)
def test_what_people_wrote_stays_text(page: str) -> None:
    plain = Reader(PAGES[page]("plain"))
    for name in HOSTILE:
        source = PAGES[page](name)
        source.encode("utf-8")
        found = Reader(source)
        assert found.tags == plain.tags, name
        assert [key for key, _ in found.attributes] == [key for key, _ in plain.attributes], name
        for key, value in found.attributes:
            assert not key.startswith("on")
            assert key != "style"
            if key in ADDRESSES:
                assert value.startswith(("data:", "#")), value
        assert found.texts["script"] == plain.texts["script"]
        assert "alert" not in "".join(found.texts["style"])
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", source)


@pytest.mark.parametrize("page", PAGES)
def test_only_what_the_policy_names_may_run_or_load(page: str) -> None:
    found = Reader(PAGES[page](HOSTILE[0]))
    (content,) = [value for key, value in found.attributes if key == "content" and "default-src" in value]
    policy = dict(part.split(" ", 1) for part in content.split("; "))
    assert {policy[kind] for kind in ("default-src", "base-uri", "form-action")} == {"'none'"}
    assert not {"unsafe-inline", "unsafe-eval", "*", "http"} & set(re.split(r"[\s';:]+", content))
    for element, kind in (("style", "style-src"), ("script", "script-src")):
        if element in found.tags:
            assert found.tags.count(element) == 1
            digest = hashlib.sha256("".join(found.texts[element]).encode()).digest()
            assert policy[kind] == f"'sha256-{base64.b64encode(digest).decode()}'"
        else:
            assert policy[kind] == "'none'"


@pytest.mark.parametrize("page", PAGES)
def test_marks_that_turn_the_direction_of_text_are_shown_as_such(page: str) -> None:
    source = PAGES[page](HOSTILE[8])
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", source)
    assert "\ufffdtxet desrever\ufffd" in source


def test_pages_use_words_that_owners_know() -> None:
    shown = "".join(
        re.sub(r"\{[%#{].*?[%#}]\}|<[^>]*>", " ", path.read_text()) for path in TEMPLATES.glob("*.html")
    )
    for word in (
        "logit",
        "modality",
        "softmax",
        "token",
        "gradients)",
        "of voice",
        "explained is",
        "embedding",
        "frame",
    ):
        assert word not in shown, word
