"""What a page shows of a timeline: without words, under pseudonyms, or both."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from timelines import segment, timeline

from emofuse.inference.timeline.page import timeline_page
from emofuse.inference.timeline.shown_timeline import shown_timeline
from emofuse.pages.contents import EVERYTHING, PageContents
from emofuse.pages.pseudonyms import Pseudonyms
from emofuse.types import ExcludedSpan, Timeline

PSEUDONYMS = Pseudonyms(bytes(32))


@pytest.fixture
def talk() -> Timeline:
    own = [segment(9.0 * n, 9.0 * n + 8.0, speaker=("Ann", "Zoe")[n % 2], text="I told Zoe.") for n in range(4)]
    notes = ("Ann speaks in /calls/ann.wav, Anna does not", "no turn of Zoe")
    return timeline(*own, id="ann-2024", audio="/calls/ann.wav", channel="Ann", notes=notes)


def test_by_default_everything_is_shown(talk: Timeline) -> None:
    assert shown_timeline(talk, EVERYTHING) == talk


def test_without_words_a_page_holds_none(talk: Timeline) -> None:
    page = timeline_page(shown_timeline(talk, PageContents(words=False)))
    assert "told" not in page
    assert "Ann" in page


def test_under_pseudonyms_a_page_names_nobody(talk: Timeline) -> None:
    shown = shown_timeline(talk, PageContents(pseudonyms=PSEUDONYMS))
    page = timeline_page(shown)
    ann, recording = PSEUDONYMS.of("speaker", "Ann"), PSEUDONYMS.of("recording", "ann-2024")
    assert f"<title>Timeline of {recording}</title>" in page
    assert "ann-2024" not in page
    assert "ann.wav" not in page
    assert shown.notes == (
        f"{ann} speaks in {recording}, Anna does not",
        f"no turn of {PSEUDONYMS.of('speaker', 'Zoe')}",
    )
    assert [one.speaker for one in shown.segments[::2]] == [ann, ann]
    assert shown.channel == ann
    assert shown.audio == talk.audio  # for whoever reads the recording; it is on no page
    assert "I told Zoe." in page  # words are not changed


def test_reasons_of_what_was_not_analysed_name_nobody(talk: Timeline) -> None:
    reasons = ("bleed from channel Bob, which is louder", "ann#3: too short", "/calls/ann.wav: cannot be read")
    excluded = tuple(ExcludedSpan(40.0 + n, 41.0 + n, reason) for n, reason in enumerate(reasons))
    call = replace(talk, id="ann-Ann", excluded=excluded)
    shown = shown_timeline(call, PageContents(pseudonyms=PSEUDONYMS), channels=("Ann", "Bob"))
    bob, recording = PSEUDONYMS.of("speaker", "Bob"), PSEUDONYMS.of("recording", "ann-Ann")
    assert [one.reason for one in shown.excluded] == [
        f"bleed from channel {bob}, which is louder",
        f"{recording}#3: too short",
        f"{recording}: cannot be read",
    ]
    assert [(one.start, one.end) for one in shown.excluded] == [(one.start, one.end) for one in excluded]
    page = timeline_page(shown)
    assert "Bob" not in page
    assert "ann" not in re.findall(r"\w+", page)


def test_the_options_combine(talk: Timeline) -> None:
    page = timeline_page(shown_timeline(talk, PageContents(words=False, pseudonyms=PSEUDONYMS)))
    assert "Zoe" not in page
    assert "told" not in page


def test_the_same_speaker_has_the_same_pseudonym_on_every_page(talk: Timeline) -> None:
    contents = PageContents(pseudonyms=PSEUDONYMS)
    other = timeline(segment(0.0, 1.0, speaker="Ann"), id="another")
    assert (
        shown_timeline(other, contents).segments[0].speaker == shown_timeline(talk, contents).segments[0].speaker
    )
    assert shown_timeline(timeline(segment(0.0, 1.0)), contents).segments[0].speaker is None
