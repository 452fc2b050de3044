"""What is cut into windows comes back as it was, whatever its sizes."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from emofuse.model.long_inputs import from_windows, to_windows, window_width

sizes = st.integers(1, 4)
steps = st.integers(1, 23)


@given(batch=sizes, time=steps, width=steps, bins=st.integers(0, 3))
def test_rows_come_back_from_windows_as_they_were(batch: int, time: int, width: int, bins: int) -> None:
    tail = (bins,) if bins else ()
    values = torch.randn(batch, time, *tail)
    mask = torch.rand(batch, time) < 0.5
    windows, seen = to_windows(values, mask, width)
    count = -(-time // width)
    assert windows.shape == (batch * count, width, *tail)
    assert seen.shape == windows.shape[:2]
    frames = windows if bins else windows.unsqueeze(-1)
    assert torch.equal(from_windows(frames, batch, time), values if bins else values.unsqueeze(-1))
    joined = from_windows(seen.unsqueeze(-1).float(), batch, time).squeeze(-1).bool()
    assert torch.equal(joined, mask)
    assert int(seen.sum()) == int(mask.sum())  # what is filled up is not real


@given(batch=sizes, layers=sizes, time=steps, width=steps)
def test_layers_stay_apart_when_windows_are_joined(batch: int, layers: int, time: int, width: int) -> None:
    """Each layer of a stack is joined as it would be alone."""
    values = torch.randn(batch, time, 2)
    windows, _ = to_windows(values, torch.ones(batch, time, dtype=torch.bool), width)
    stacked = torch.stack([windows + layer for layer in range(layers)], dim=1)
    joined = from_windows(stacked, batch, time)
    assert joined.shape == (batch, layers, time, 2)
    for layer in range(layers):
        assert torch.equal(joined[:, layer], from_windows(windows + layer, batch, time))


@given(batch=sizes, time=st.integers(1, 46), width=steps)
def test_frames_that_an_encoder_made_fewer_are_joined_in_order(batch: int, time: int, width: int) -> None:
    """Whisper gives one frame for two steps; its windows are of an even width."""
    width *= 2
    values = torch.arange(batch * time, dtype=torch.float32).view(batch, time, 1)
    windows, _ = to_windows(values, torch.ones(batch, time, dtype=torch.bool), width)
    halves = from_windows(windows[:, ::2], batch, (time + 1) // 2)
    assert torch.equal(halves, values[:, ::2])


@given(time=steps, longest=st.none() | steps)
def test_a_window_is_as_wide_as_the_row_unless_that_is_too_much(time: int, longest: int | None) -> None:
    width = window_width(time, longest)
    assert width == (time if longest is None else min(time, longest))
    windows, _ = to_windows(torch.zeros(2, time), torch.ones(2, time, dtype=torch.bool), width)
    assert (len(windows) == 2) == (width == time)
