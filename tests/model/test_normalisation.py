"""Frames of encoders brought to one size: real frames alone count."""

from __future__ import annotations

import torch
from networks import random_stream

from emofuse.model.masked_streams import Stream
from emofuse.model.normalisation import FrameBatchNorm, frame_norm


def test_a_batch_norm_over_frames_counts_the_real_ones_alone() -> None:
    norm, given = FrameBatchNorm(8).train(), random_stream([6, 3, 1])
    given = Stream(given.frames * 40 + 7, given.mask)
    frames = norm(given).frames[given.mask]
    real = given.frames[given.mask]
    expected = (real - real.mean(dim=0)) / (real.var(dim=0, unbiased=False) + norm.norm.eps).sqrt()
    torch.testing.assert_close(frames, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(norm.norm.running_mean, 0.1 * real.mean(dim=0))


def test_in_use_a_row_is_normalised_alike_alone_and_in_a_batch() -> None:
    norm, given = FrameBatchNorm(8), random_stream([6, 3])
    norm(given)
    together = norm.eval()(given).frames[1, :3]
    torch.testing.assert_close(norm(Stream(given.frames[1:, :3], given.mask[1:, :3])).frames[0], together)


def test_a_batch_without_a_real_frame_changes_nothing() -> None:
    norm, given = FrameBatchNorm(8).train(), random_stream([6])
    frames = norm(Stream(given.frames, torch.zeros(1, 6, dtype=torch.bool))).frames
    assert bool((frames == 0).all())
    assert bool((norm.norm.running_mean == 0).all())


def test_a_layer_norm_brings_each_frame_to_mean_zero_and_deviation_one() -> None:
    norm, given = frame_norm("layer", 8), random_stream([4])
    assert norm is not None
    frames = norm(Stream(given.frames * 40 + 7, given.mask)).frames
    torch.testing.assert_close(frames.mean(dim=-1), torch.zeros(1, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(frames.var(dim=-1, unbiased=False), torch.ones(1, 4), atol=1e-3, rtol=0)
    assert frame_norm("none", 8) is None
