"""Tiers of Praat and ELAN: pympi, which knows nothing of ours, reads the same segments back."""

from __future__ import annotations

import sys
import warnings
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from timelines import Found, assert_same, counted, long_timeline, segment, timeline, timelines

from emofuse.errors import MissingExtraError
from emofuse.inference.timeline.annotation_files import as_eaf, as_textgrid
from emofuse.types import Timeline

pympi = pytest.importorskip("pympi")

reading = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)


def read_textgrid(told: Timeline, folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Return all intervals of all tiers, once it is sure that they fill the time."""
    path = folder / "one.TextGrid"
    path.write_text(as_textgrid(told), encoding="utf-8")
    grid = pympi.TextGrid(str(path))
    tiers = {}
    for tier in grid.get_tiers():
        intervals = [(float(start), float(end), text) for start, end, text in tier.intervals]
        assert (tier.xmin, tier.xmax) == (grid.xmin, grid.xmax)
        assert intervals[0][0] == 0.0
        assert intervals[-1][1] == grid.xmax
        assert all(one[1] == other[0] for one, other in pairwise(intervals))
        assert all(start < end for start, end, _ in intervals)
        name = tier.name.replace('""', '"')  # pympi leaves names as they stand in the file
        assert name not in tiers
        tiers[name] = intervals
    assert grid.xmax >= told.seconds - 0.001
    return tiers


def read_eaf(told: Timeline, folder: Path) -> pympi.Elan.Eaf:
    path = folder / "one.eaf"
    path.write_text(as_eaf(told), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns of a version that it does not know
        return pympi.Elan.Eaf(str(path))


def found_in(tiers: dict[str, list[tuple[float, float, str]]]) -> list[Found]:
    emotions = [intervals for name, intervals in tiers.items() if name.startswith("emotion")]
    return [Found(*interval) for intervals in emotions for interval in intervals if interval[2]]


def eaf_found(document: pympi.Elan.Eaf) -> list[Found]:
    return [
        Found(start / 1000, end / 1000, value)
        for name in document.get_tier_names()
        if name.startswith("emotion")
        for start, end, value in document.get_annotation_data_for_tier(name)
    ]


@reading
@given(told=timelines())
def test_textgrid_comes_back(told: Timeline, tmp_path: Path) -> None:
    assert_same(found_in(read_textgrid(told, tmp_path)), told, in_order=False, label_of=counted)


@reading
@given(told=timelines())
def test_eaf_comes_back(told: Timeline, tmp_path: Path) -> None:
    assert_same(eaf_found(read_eaf(told, tmp_path)), told, in_order=False, label_of=counted)


@pytest.mark.parametrize("count", [0, 1, 600])
def test_nothing_and_hours_come_back(count: int, tmp_path: Path) -> None:
    told = long_timeline(count)
    assert_same(found_in(read_textgrid(told, tmp_path)), told, in_order=False, label_of=counted)
    assert_same(eaf_found(read_eaf(told, tmp_path)), told, in_order=False, label_of=counted)


def test_without_overlap_the_textgrid_has_one_tier_of_each(tmp_path: Path) -> None:
    told = timeline(
        segment(0.5, 1.0, "sad", 0.8, speaker="Ann", text='she said "no"\nand left', abstained=True),
        segment(1.0, 2.0, "angry", 0.9, speaker="Bob"),
    )
    assert read_textgrid(told, tmp_path) == {
        "emotion": [(0.0, 0.5, ""), (0.5, 1.0, "unsure"), (1.0, 2.0, "angry"), (2.0, 2.5, "")],
        "text": [(0.0, 0.5, ""), (0.5, 1.0, 'she said "no" and left'), (1.0, 2.0, ""), (2.0, 2.5, "")],
        "speaker": [(0.0, 0.5, ""), (0.5, 1.0, "Ann"), (1.0, 2.0, "Bob"), (2.0, 2.5, "")],
        "confidence": [(0.0, 0.5, ""), (0.5, 1.0, "80 %"), (1.0, 2.0, "90 %"), (2.0, 2.5, "")],
    }


def test_overlap_gives_each_speaker_tiers_and_themselves_more(tmp_path: Path) -> None:
    told = timeline(
        segment(0.0, 2.0, "sad", speaker="Ann"),
        segment(1.0, 3.0, "angry", speaker="Ann"),
        segment(1.5, 2.5, "neutral", speaker="Ann (2)"),
        segment(2.0, 4.0, "neutral", speaker="Ann"),
    )
    tiers = read_textgrid(told, tmp_path)
    names = [name for name in tiers if name.startswith("emotion")]
    assert names == ["emotion@Ann", "emotion@Ann (2)", "emotion@Ann (2) (2)"]
    assert [text for _, _, text in tiers["emotion@Ann"]] == ["sad", "neutral", ""]
    assert {text for _, _, text in tiers["speaker@Ann (2) (2)"]} == {"", "Ann (2)"}


def test_eaf_has_tiers_for_each_speaker_with_their_words(tmp_path: Path) -> None:
    told = timeline(
        segment(0.0, 2.0, "sad", 0.8, speaker="Ann", text="a < b"), segment(1.0, 3.0, "angry", 0.9, speaker="Bob")
    )
    document = read_eaf(told, tmp_path)
    assert list(document.get_tier_names()) == [
        "emotion@Ann", "confidence@Ann", "text@Ann", "emotion@Bob", "confidence@Bob", "text@Bob",
    ]  # fmt: skip
    assert document.get_annotation_data_for_tier("text@Ann") == [(0, 2000, "a < b", "sad")]
    assert document.get_annotation_data_for_tier("confidence@Bob") == [(1000, 3000, "90 %", "angry")]
    assert document.get_parameters_for_tier("text@Ann")["PARENT_REF"] == "emotion@Ann"
    assert document.get_parameters_for_tier("text@Bob")["PARTICIPANT"] == "Bob"


def test_eaf_links_the_recording(tmp_path: Path) -> None:
    (link,) = read_eaf(timeline(audio="/data/my calls/a.wav"), tmp_path).get_linked_files()
    assert link["MEDIA_URL"] == "file:///data/my%20calls/a.wav"
    assert link["RELATIVE_MEDIA_URL"] == "./a.wav"
    assert link["MIME_TYPE"] == "audio/x-wav"


def test_eaf_time_slots_stand_in_the_order_of_time() -> None:
    root = ElementTree.fromstring(as_eaf(long_timeline(50)).encode())
    times = [int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")]
    assert len(times) == 100
    assert times == sorted(times)


def test_the_same_timeline_gives_the_same_eaf() -> None:
    assert as_eaf(long_timeline(20)) == as_eaf(long_timeline(20))
    assert 'DATE="1970' in as_eaf(timeline())


def test_without_pympi_an_eaf_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pympi", None)
    with pytest.raises(MissingExtraError, match="annotate"):
        as_eaf(timeline())
