"""The picture: drawn without a screen, for any speaker's name, in both kinds, always the same."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from timelines import LABELS, long_timeline, segment, timeline

from emofuse.errors import MissingExtraError, RunError
from emofuse.inference.timeline.envelope import envelope
from emofuse.inference.timeline.picture import MOST_LANES, save_picture
from emofuse.pages.colours import palette

pytest.importorskip("matplotlib")

OUTLINE = envelope([np.sin(np.arange(16_000) / 50)], 400)
TEXT = "{http://www.w3.org/2000/svg}text"


def words_of(path: Path) -> list[str]:
    return ["".join(text.itertext()).strip() for text in ElementTree.parse(path).iter(TEXT)]


def test_an_svg_names_recording_scope_speakers_and_labels(tmp_path: Path) -> None:
    example = timeline(
        segment(0.0, 2.0, "sad", speaker="Ann $x^$"),
        segment(1.0, 3.0, "angry", speaker="李", abstained=True),
        model_scope="a demonstration",
    )
    save_picture(example, OUTLINE, tmp_path / "one.svg")
    words = words_of(tmp_path / "one.svg")
    assert {
        "call",
        "a demonstration",
        "Ann $x^$",
        "李",
        "waveform",
        "unsure (withheld)",
        "seconds",
        *LABELS,
    } <= set(words)
    drawn = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert all(colour in drawn for colour in palette(LABELS).values())


def test_the_same_timeline_gives_the_same_svg(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        save_picture(long_timeline(30), OUTLINE, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_png_shows_each_segment_in_its_colour(tmp_path: Path) -> None:
    from matplotlib.image import imread

    example = timeline(segment(0.0, 5.0, "sad", 1.0), segment(5.0, 9.5, "angry", 1.0))
    save_picture(example, None, tmp_path / "one.png")
    row = np.round(imread(tmp_path / "one.png")[90, :, :3] * 255).astype(int)
    colours = ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in row]
    sad, angry = palette(LABELS)["sad"], palette(LABELS)["angry"]
    assert colours.count(sad) > 300
    assert colours.count(angry) > 300
    assert colours.index(sad) < colours.index(angry)


def test_no_segments_and_many_speakers_are_drawn(tmp_path: Path) -> None:
    save_picture(timeline(), None, tmp_path / "none.svg")
    crowd = timeline(*(segment(float(n), n + 1.0, speaker=f"speaker {n}") for n in range(MOST_LANES + 3)))
    save_picture(crowd, None, tmp_path / "crowd.svg")
    assert f"seconds; the first {MOST_LANES} of {MOST_LANES + 3} rows" in words_of(tmp_path / "crowd.svg")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"\.svg, \.png"):
        save_picture(timeline(), None, tmp_path / "one.gif")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        save_picture(timeline(), None, tmp_path / "missing" / "one.png")


def test_without_matplotlib_a_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[pages\]"):
        save_picture(timeline(), None, tmp_path / "one.png")
