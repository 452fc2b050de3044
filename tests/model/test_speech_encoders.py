"""What speech encoders need beside their own forward: exact norms, and how much sound a frame covers."""

from __future__ import annotations

import torch
from torch import nn

from emofuse.model.masked_streams import mask_of_lengths
from emofuse.model.speech_encoders import masked_group_norm, receptive_field


def test_masked_group_norm_equals_the_layer_on_each_row_alone() -> None:
    torch.manual_seed(0)
    norm = nn.GroupNorm(4, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    frames, lengths = torch.randn(2, 4, 9), [9, 5]
    ours = masked_group_norm(frames, mask_of_lengths(torch.tensor(lengths), 9), norm)
    for row, length in enumerate(lengths):
        expected = norm(frames[row : row + 1, :, :length])[0]
        torch.testing.assert_close(ours[row, :, :length], expected, atol=1e-5, rtol=0)


def test_receptive_field_of_wav2vec2_is_25_ms() -> None:
    assert receptive_field((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)) == 400
