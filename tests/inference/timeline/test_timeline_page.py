"""The page: whole in one file, harmless whatever was said, and usable without a mouse or colours."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from timelines import LABELS, calmly, long_timeline, mostly_withheld, segment, shown, timeline, timelines

from emofuse.inference.timeline.envelope import envelope
from emofuse.inference.timeline.page import timeline_page
from emofuse.inference.timeline.player import Player, recording_player
from emofuse.types import ExcludedSpan, Timeline

EVIL = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script><!--"
VOID = {"meta", "input", "br", "img"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list[Element] = field(default_factory=list)


class Reader(HTMLParser):
    """Read a page as a browser would, and refuse what is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[Element] = []
        self.open: list[Element] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        assert len(element.attributes) == len(attrs)
        if self.open:
            self.open[-1].inside.append(element)
        self.all.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def named(self, name: str) -> list[Element]:
        return [element for element in self.all if element.name == name]

    def classed(self, name: str) -> list[Element]:
        return [element for element in self.all if name in (element.attributes.get("class") or "").split()]


def listed(reader: Reader) -> list[Element]:
    """Return the buttons of the list of all segments."""
    rows = [one for one in reader.all if one.attributes.get("id") == "transcript"]
    return [entry.inside[0] for one in rows for entry in one.inside]


def evil_timeline() -> Timeline:
    probabilities = {EVIL: 0.9, "neutral": 0.1}
    one = segment(0.0, 8.0, speaker=EVIL, text=EVIL)
    own = [
        type(one)(8.0 * n, 8.0 * n + 8.0, label, probabilities, 0.9, speaker=EVIL, text=EVIL)
        for n, label in enumerate((EVIL, "neutral", EVIL))
    ]
    return Timeline(
        EVIL, EVIL, 30.0, (EVIL, "neutral"), tuple(own), (ExcludedSpan(24.0, 30.0, EVIL),), EVIL,
        model=EVIL, model_scope=EVIL, notes=(EVIL,),
    )  # fmt: skip


def test_user_text_is_escaped() -> None:
    page = timeline_page(evil_timeline(), envelope([np.ones(50)], 10))
    reader = Reader(page)
    assert not reader.named("img")
    assert len(reader.named("script")) == 1
    assert "alert" not in reader.named("script")[0].text
    assert "alert" not in reader.named("style")[0].text
    assert not [name for element in reader.all for name in element.attributes if name.startswith("on")]
    assert page.count("<!--") == 0
    assert reader.named("h1")[0].text == f"Timeline of {EVIL}"
    assert sum(EVIL in button.text for button in reader.classed("seek")) >= 3
    for element in reader.all:
        for name in ("src", "href", "style"):
            assert "alert" not in (element.attributes.get(name) or "")


@calmly
@given(timelines())
def test_every_segment_is_a_button_with_its_words(example: Timeline) -> None:
    page = timeline_page(example)
    page.encode("utf-8")
    buttons = listed(Reader(page))
    assert [button.name for button in buttons] == ["button"] * len(example.segments)
    for button, one in zip(buttons, example.segments, strict=True):
        assert float(button.attributes["data-start"] or "") == pytest.approx(one.start, abs=0.001)
        assert float(button.attributes["data-end"] or "") == pytest.approx(one.end, abs=0.001)
        assert f"{shown(one)} {100 * one.confidence:.0f} %" in button.text


def test_the_only_script_that_runs_is_ours() -> None:
    reader = Reader(timeline_page(timeline()))
    digest = base64.b64encode(hashlib.sha256(reader.named("script")[0].text.encode()).digest()).decode()
    (policy,) = [one for one in reader.named("meta") if one.attributes.get("http-equiv")]
    assert f"script-src 'sha256-{digest}';" in (policy.attributes["content"] or "")


def test_nothing_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"sound")
    page = timeline_page(long_timeline(5), envelope([np.ones(50)], 10), recording_player(tmp_path / "call.wav"))
    sources = [
        element.attributes[name]
        for element in Reader(page).all
        for name in ("src", "href", "data", "srcset", "action")
        if name in element.attributes
    ]
    assert sources == ["#summary", "data:audio/wav;base64," + base64.b64encode(b"sound").decode()]
    assert "url(" not in page
    assert "@import" not in page
    assert "http:" not in page
    assert "https:" not in page


@pytest.mark.parametrize(("linked", "source"), [(True, "'self' file:"), (False, "data:")])
def test_the_page_may_load_its_recording_and_nothing_else(linked: bool, source: str) -> None:
    reader = Reader(timeline_page(timeline(), None, Player("call.wav", linked)))
    (policy,) = [one for one in reader.named("meta") if one.attributes.get("http-equiv")]
    assert f"media-src {source};" in (policy.attributes["content"] or "")
    assert ("is not stored in this page" in reader.named("body")[0].text) == linked


def test_without_a_recording_there_is_no_player() -> None:
    reader = Reader(timeline_page(timeline()))
    assert not reader.named("audio")
    assert "not part of this page" in reader.named("section")[0].text


def test_the_scope_comes_before_any_prediction() -> None:
    reader = Reader(timeline_page(timeline(segment(0.0, 1.0), model_scope="German calls")))
    (banner,) = reader.classed("scope")
    assert "German calls. " in banner.text
    assert reader.all.index(banner) < reader.all.index(reader.classed("seek")[0])


def test_labels_are_distinguished_without_colours() -> None:
    example = timeline(*(segment(float(n), n + 1.0, label) for n, label in enumerate(LABELS)))
    reader = Reader(timeline_page(example))
    blocks = [block for block in reader.classed("block") if "title" in block.attributes]
    assert [block.text for block in blocks] == list(LABELS)
    patterns = [(block.attributes["class"] or "").split()[2] for block in blocks]
    assert len(set(patterns)) == len(LABELS)
    (legend,) = reader.classed("legend")
    assert [entry.text for entry in legend.inside[: len(LABELS)]] == list(LABELS)
    keys = [(entry.inside[0].attributes["class"] or "").split()[-1] for entry in legend.inside[: len(LABELS)]]
    assert keys == patterns


def test_blocks_stand_where_their_segments_are() -> None:
    example = timeline(segment(2.0, 4.0), segment(3.0, 8.0, speaker="Ann"), seconds=10.0)
    reader = Reader(timeline_page(example))
    blocks = [block for block in reader.classed("block") if "title" in block.attributes]
    places = [(block.attributes["class"] or "").split()[-1] for block in blocks]
    assert f".{places[0]} {{ left: 20.0000%; width: 20.0000%; }}" in reader.named("style")[0].text
    assert f".{places[1]} {{ left: 30.0000%; width: 50.0000%; }}" in reader.named("style")[0].text


def test_the_page_is_accessible() -> None:
    reader = Reader(timeline_page(long_timeline(3), envelope([np.ones(50)], 10)))
    assert reader.named("html")[0].attributes["lang"] == "en"
    assert all(element.attributes.get("scope") in ("col", "row") for element in reader.named("th"))
    ids = [element.attributes["id"] for element in reader.all if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    pointed = [one.attributes["aria-labelledby"] for one in reader.all if "aria-labelledby" in one.attributes]
    assert {"summary", *pointed} <= set(ids)
    (lanes,) = reader.classed("lanes")
    assert lanes.attributes["role"] == "slider"
    assert {lanes.attributes["tabindex"], lanes.attributes["aria-valuenow"]} == {"0"}
    assert lanes.attributes["aria-describedby"] in ids
    assert reader.classed("overview")[0].attributes["aria-hidden"] == "true"
    assert all(one.text or one.attributes.get("aria-label") for one in reader.named("button"))


def test_gaps_notes_and_figures_are_shown() -> None:
    example = timeline(
        *(segment(6.0 * n, 6.0 * n + 6.0, "sad" if n > 2 else "angry", 0.9, speaker="Ann") for n in range(6)),
        excluded=(ExcludedSpan(40.0, 42.0, "music"),),
        smoothing=1.0,
        notes=("no words were there",),
    )
    reader = Reader(timeline_page(example))
    text = reader.named("body")[0].text
    assert "40.0 to 42.0 s: music" in text
    assert "no words were there" in text
    assert "probabilities are smoothed over 1 seconds" in text
    (change,) = [one for one in reader.classed("seek") if "data-end" not in one.attributes]
    assert change.attributes["data-start"] == "18.000"
    assert " ".join(change.text.split()) == "0:18 Ann angry to sad"
    assert [row.inside[0].text for row in reader.named("tr")] == ["speaker", "all", "Ann"]


@pytest.mark.parametrize(("count", "opened"), [(20, True), (21, False)])
def test_a_long_list_is_folded_and_what_matters_stands_before_it(count: int, opened: bool) -> None:
    reader = Reader(timeline_page(long_timeline(count)))
    folded = [one for one in reader.named("details") if f"{count} segments" in one.text]
    assert ["open" in one.attributes for one in folded] == [opened]
    headings = [one.text for one in reader.all if one.name in ("h2", "h3")]
    wanted = [
        "Course",
        "What matters first",
        "Changes",
        "Strongest",
        "Most certain",
        "Summary",
        "All segments",
    ]
    assert [one for one in headings if one in wanted] == wanted


def test_a_page_of_forty_minutes_is_small() -> None:
    page = timeline_page(long_timeline(330))
    assert len(page) < 500_000
    assert page.count("more changes") <= 1


def test_segments_on_which_the_model_abstained_are_marked_and_are_no_highlights() -> None:
    reader = Reader(timeline_page(mostly_withheld()))
    tags = [one for one in reader.classed("tag") if one.text.startswith("unsure (angry)")]
    assert len(tags) == 20
    assert all("abstained" in (one.attributes["class"] or "") for one in tags)
    before = [one for one in reader.classed("seek") if one not in listed(reader)]
    assert before
    assert not [one for one in before if "unsure" in one.text]


CODE = """
import sys
for name in {absent}:
    sys.modules[name] = None
from emofuse.inference.timeline import formats, page, picture, smoothing, timeline_summary
from emofuse.types import Segment, Timeline
one = Timeline("a", "a.wav", 2.0, ("sad",), (Segment(0.0, 1.0, "sad", {{"sad": 1.0}}, 1.0),))
assert all(write(one) for name, write in formats.TIMELINE_FORMATS.items() if name != "eaf")
assert "sad 100 %" in page.timeline_page(smoothing.against_baseline(smoothing.smoothed(one, 1.0)))
"""


def without(*packages: str) -> subprocess.CompletedProcess[str]:
    code = CODE.format(absent=packages)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_the_formats_need_the_core_and_the_page_needs_jinja2() -> None:
    done = without("torch", "transformers", "matplotlib", "pympi")
    assert done.returncode == 0, done.stderr


def test_without_jinja2_the_page_is_refused_with_the_command() -> None:
    done = without("torch", "jinja2")
    assert done.stderr.splitlines()[-1].endswith('a page needs an optional part: pip install "emofuse[pages]"')
