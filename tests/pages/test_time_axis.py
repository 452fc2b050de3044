"""Marks on an axis of time, and outlines."""

from __future__ import annotations

import pytest

from emofuse.pages.time_axis import outline, step_between


@pytest.mark.parametrize(("seconds", "step"), [(0.5, 1), (12.0, 1), (12.1, 10), (121.0, 60), (7200.0, 60)])
def test_the_shortest_step_with_few_marks_is_taken(seconds: float, step: int) -> None:
    assert step_between(seconds, (1, 10, 60), 12) == step


def test_an_outline_goes_along_the_upper_line_and_back_along_the_lower_one() -> None:
    assert outline([0, 10], [1, 0.5], [-1, -0.25]) == "0.0,1.000 10.0,0.500 10.0,-0.250 0.0,-1.000"
