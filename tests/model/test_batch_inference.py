"""Threads of torch: limited for a while, and as they were afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from emofuse.model.batch_inference import computing_with


@pytest.fixture
def three_threads() -> Iterator[None]:
    """Let torch compute with three threads during a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("wanted", "expected"), [(1, 1), (2, 2), (16, 3), (0, 1)])
def test_threads_are_limited_never_added(wanted: int, expected: int) -> None:
    with computing_with(wanted):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_threads_are_as_before_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), computing_with(1):
        raise ValueError("broken")
    assert torch.get_num_threads() == 3
