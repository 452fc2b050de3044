"""Streams of any length as one vector."""

from __future__ import annotations

from typing import get_args

import torch
from networks import random_stream

from emofuse.config import PoolingName
from emofuse.model.masked_streams import Stream
from emofuse.model.pooling import POOLED_WIDTH, POOLINGS, LayerStatistics, masked_mean, masked_statistics


def test_masked_mean_ignores_padding() -> None:
    frames, mask = torch.tensor([[[2.0], [4.0], [99.0]]]), torch.tensor([[True, True, False]])
    assert masked_mean(Stream(frames, mask)).item() == 3.0


def test_statistics_pooling_is_mean_and_population_deviation_of_real_frames() -> None:
    given = random_stream([5, 2])
    pooled = masked_statistics(given)
    for row, length in enumerate((5, 2)):
        real = given.frames[row, :length].double().numpy()
        torch.testing.assert_close(pooled[row, :8].double().numpy(), real.mean(axis=0), atol=1e-6, rtol=0)
        torch.testing.assert_close(
            pooled[row, 8:].double().numpy(), (real.var(axis=0) + 1e-5) ** 0.5, atol=1e-6, rtol=0
        )


def test_statistics_pooling_has_finite_gradients_on_a_single_frame() -> None:
    frames = torch.ones(1, 1, 4, requires_grad=True)
    masked_statistics(Stream(frames, torch.ones(1, 1, dtype=torch.bool))).sum().backward()
    assert frames.grad is not None
    assert bool(frames.grad.isfinite().all())


def test_poolings_and_their_names_agree() -> None:
    assert set(POOLINGS) == set(POOLED_WIDTH) == set(get_args(PoolingName))


def test_layers_are_pooled_each_for_itself_and_stand_side_by_side() -> None:
    first, second = random_stream([5, 2]), random_stream([5, 2])
    layers = Stream(torch.stack([first.frames, second.frames], dim=1), first.mask)
    pooled = LayerStatistics(2, 8)(layers)
    assert pooled.frames.shape == (2, 1, 32)
    each = [masked_statistics(Stream(stream.frames, first.mask)) for stream in (first, second)]
    expected = [part for half in (slice(8), slice(8, None)) for part in (each[0][:, half], each[1][:, half])]
    torch.testing.assert_close(pooled.frames[:, 0], torch.cat(expected, dim=-1))


def test_what_is_pooled_already_stays_and_absence_too() -> None:
    pooling, stream = LayerStatistics(1, 8), random_stream([5, 2])
    absent = Stream(stream.frames, torch.tensor([[True] * 5, [False] * 5]))
    once = pooling(absent)
    assert once.mask.tolist() == [[True], [False]]
    assert pooling(once) is once
