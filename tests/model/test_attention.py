"""Cross-modal attention, compared with that of torch."""

from __future__ import annotations

import torch
from networks import random_stream
from torch import nn

from emofuse.model.attention import CrossModalAttention


def test_attention_equals_torch_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours = CrossModalAttention(8, 2, dropout=0.0, residual=False).eval()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    queries, keys = random_stream([6, 3]), random_stream([4, 2])
    expected, _ = theirs(queries.frames, keys.frames, keys.frames, key_padding_mask=~keys.mask)
    torch.testing.assert_close(ours(queries, keys).frames, expected, atol=1e-6, rtol=0)


def test_residual_attention_normalises_the_sum() -> None:
    attention = CrossModalAttention(8, 2, dropout=0.0, residual=True).eval()
    frames = attention(random_stream([6, 3]), random_stream([4, 2])).frames
    torch.testing.assert_close(frames.mean(dim=-1), torch.zeros(2, 6), atol=1e-5, rtol=0)
