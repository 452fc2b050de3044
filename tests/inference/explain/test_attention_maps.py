"""The weights that are shown are those that the network computes with."""

from __future__ import annotations

import explained  # noqa: F401  # puts the small networks on the path
import pytest
import torch
from networks import bert, inputs, network, pad, wav2vec2

from emofuse.data.preparation import Batch
from emofuse.inference.explain.attention_maps import attention_maps, attention_weights
from emofuse.model.attention import CrossModalAttention
from emofuse.model.masked_streams import Stream


def streams(asking: int, answering: int) -> tuple[Stream, Stream]:
    torch.manual_seed(0)
    seen = torch.ones(2, answering, dtype=torch.bool)
    seen[1, answering // 2 :] = False
    return (
        Stream(torch.randn(2, asking, 16), torch.ones(2, asking, dtype=torch.bool)),
        Stream(torch.randn(2, answering, 16), seen),
    )


@pytest.mark.parametrize("heads", [1, 4])
def test_the_weights_times_the_values_are_what_the_module_gives(heads: int) -> None:
    asking, answering = streams(5, 8)
    module = CrossModalAttention(16, heads, 0.1, residual=False).eval()
    with torch.no_grad():
        weights = attention_weights(module, asking, answering)
        values = module.value(answering.frames).unflatten(2, (heads, -1)).transpose(1, 2)
        ours = module.output((weights @ values).transpose(1, 2).flatten(2))
        theirs = module(asking, answering).frames
    assert weights.shape == (2, heads, 5, 8)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_what_is_not_there_gets_no_weight() -> None:
    with torch.no_grad():
        weights = attention_weights(CrossModalAttention(16, 2, 0.0, residual=False), *streams(5, 8))
    assert float(weights[1, :, :, 4:].abs().max()) == 0.0
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, 5))


def test_both_ways_are_found_and_the_one_that_does_not_ask_is_not() -> None:
    ((audio, text),) = inputs([4000], [6])
    arrays = [array.numpy() for array in (*pad([audio]), *pad([text]))]
    both = attention_maps(network(wav2vec2(), bert()), Batch(*arrays))
    assert both["text"].shape == both["audio"].shape[::-1]
    assert both["text"].shape[0] == 6
    assert both["audio"].sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert set(attention_maps(network(wav2vec2(), bert(), asks="text"), Batch(*arrays))) == {"text"}
    assert attention_maps(network(wav2vec2(), bert(), fusion="late"), Batch(*arrays)) == {}
