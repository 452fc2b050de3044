"""The parts of the small encoders."""

from __future__ import annotations

import pytest
import torch
from networks import random_stream

from emofuse.model.encoders.small_encoders import Block, normalise_over_time, random_stretch


def test_normalising_over_time_uses_real_frames_only() -> None:
    given = random_stream([7, 4])
    normalised = normalise_over_time(given.frames, given.mask)
    torch.testing.assert_close(normalised[1, :4].mean(dim=0), torch.zeros(8), atol=1e-6, rtol=0)


def test_random_stretch_hides_no_more_than_it_may() -> None:
    torch.manual_seed(0)
    hidden = random_stretch(200, 50, 10, torch.device("cpu")).sum(dim=1)
    assert 0 <= int(hidden.min()) < int(hidden.max()) <= 10


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        Block(4, 4, kernel=4, stride=1, dropout=0.0)
