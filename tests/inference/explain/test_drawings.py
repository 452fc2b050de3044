"""The drawings of an explanation: where bars, cells and times stand, and what colour they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explanations import CLIP, explanation

from emofuse.inference.explain.drawings import (
    BARS_MIDDLE,
    COLOUR_STEPS,
    MOST_COLOUR_PERCENT,
    OPPOSE_COLOUR,
    SUPPORT_COLOUR,
    WAVEFORM_HEIGHT,
    WIDTH,
    colour_step,
    heat_map,
    moment_strip,
    shortened,
    ticks,
)
from emofuse.sound.clips import Clip


def test_bars_stand_on_the_line_up_for_the_label_and_down_against_it() -> None:
    up, down, none = moment_strip(explanation(), CLIP).bars
    assert up.y + up.height == pytest.approx(BARS_MIDDLE)
    assert down.y == BARS_MIDDLE
    assert down.height == pytest.approx(up.height / 4)
    assert none.height == 0.0
    assert (up.colour, down.colour) == (SUPPORT_COLOUR, OPPOSE_COLOUR)
    assert up.title == "0.0 to 0.1 s: +0.500"
    assert (up.x, down.x) == (0.0, WIDTH / 3)


def test_the_waveform_fills_its_height() -> None:
    corners = [float(corner.split(",")[1]) for corner in moment_strip(explanation(), CLIP).waveform.split()]
    assert min(corners) == pytest.approx(0.0, abs=0.1)
    assert max(corners) == pytest.approx(WAVEFORM_HEIGHT, abs=0.1)
    silence = Clip(np.zeros(4800, dtype=np.float32), 16_000)
    flat = moment_strip(explanation(), silence).waveform.split()
    assert {corner.split(",")[1] for corner in flat} == {f"{WAVEFORM_HEIGHT / 2:.3f}"}


def test_cells_are_as_dark_as_their_share_of_the_largest_weight() -> None:
    one = explanation()
    drawing = heat_map(one.words, ((0.5, 0.25, 0.25), (0.0, 1.0, 0.001)), one)
    assert [[cell.opacity for cell in row.cells] for row in drawing.rows] == [[0.5, 0.25, 0.25], [1.0]]
    assert drawing.rows[1].cells[0].x == drawing.rows[0].cells[1].x


@pytest.mark.parametrize(("moments", "last"), [(3, "0.2"), (600, "50.0"), (45, "4.0"), (51, "4.0")])
def test_a_recording_of_any_length_has_few_times(moments: int, last: str) -> None:
    marks = ticks(replace(explanation(), moments=(0.1,) * moments))
    assert len(marks) <= 7
    assert (marks[0].left, marks[0].text, marks[-1].text) == (0.0, "0.0", last)
    assert marks[-1].left == pytest.approx(100 * float(last) / (0.1 * moments))


def test_text_can_be_read_on_its_colour() -> None:
    assert colour_step(-2.0, 2.0) == COLOUR_STEPS
    assert colour_step(0.0, 0.0) == 0
    assert MOST_COLOUR_PERCENT == 75


def test_long_words_are_shortened() -> None:
    assert shortened("a" * 16) == "a" * 16
    assert shortened("a" * 17) == "a" * 15 + "…"
