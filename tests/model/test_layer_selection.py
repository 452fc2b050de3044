"""The layers of an encoder that count."""

from __future__ import annotations

import torch

from emofuse.model.layer_selection import LayerMix
from emofuse.model.masked_streams import Stream


def test_layer_mix_starts_as_the_mean() -> None:
    frames = torch.randn(2, 3, 4, 5)
    mixed = LayerMix(3)(Stream(frames, torch.ones(2, 4, dtype=torch.bool)))
    torch.testing.assert_close(mixed.frames, frames.mean(dim=1))
