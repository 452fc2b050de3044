"""From a pooled vector to logits and dimensions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from emofuse.model.heads import EmotionHead
from emofuse.types import Task

RANGES = Task(("a", "b", "c"), ("valence", "arousal"), ((1.0, 5.0), (-10.0, 0.0)))


@pytest.mark.parametrize(("raw", "expected"), [(-1.0, [1.0, -10.0]), (0.0, [3.0, -5.0]), (1.0, [5.0, 0.0])])
def test_a_dimension_spans_its_range_as_the_raw_output_goes_from_minus_one_to_one(
    raw: float, expected: list[float]
) -> None:
    head = EmotionHead(4, 0, 0.0, RANGES, norm=False)
    assert head.regressor is not None
    nn.init.zeros_(head.regressor.weight)
    nn.init.constant_(head.regressor.bias, raw)
    output = head(torch.randn(3, 4))
    assert output.logits.shape == (3, 3)
    assert output.dimensions.tolist() == [expected] * 3


def test_a_head_without_dimensions_tells_none() -> None:
    head = EmotionHead(4, 8, 0.0, Task(("a", "b")), norm=True)
    assert head.regressor is None
    assert head(torch.randn(3, 4)).dimensions is None
    assert head(torch.randn(3, 4)).logits.shape == (3, 2)


def test_a_head_normalises_over_the_batch_and_one_alone_by_the_running_figures() -> None:
    head = EmotionHead(4, 8, 0.0, Task(("a", "b")), norm="batch").train()
    vectors = torch.randn(5, 4) * 100 + 30
    inside: list[torch.Tensor] = []
    assert head.hidden is not None
    head.hidden.register_forward_pre_hook(lambda _, inputs: inside.append(inputs[0]))
    head(vectors)
    torch.testing.assert_close(inside[0].mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    alone = head(vectors[:1]).logits
    assert torch.equal(alone, head.eval()(vectors[:1]).logits)
    torch.testing.assert_close(head(vectors).logits[0], alone[0])


@pytest.mark.parametrize("norm", [False, True, "batch"])
@pytest.mark.parametrize("hidden", [0, 5])
def test_a_head_as_arrays_gives_the_same_without_torch(norm: bool | str, hidden: int) -> None:
    torch.manual_seed(0)
    head = EmotionHead(4, hidden, 0.5, RANGES, norm=norm).train()  # type: ignore[arg-type]
    head(torch.randn(50, 4) * 3 + 1)  # moves the running figures
    vectors = torch.randn(6, 4) * 2
    with torch.inference_mode():
        wanted = head.eval()(vectors)
    for vector, logits, dimensions in zip(vectors.numpy(), wanted.logits, wanted.dimensions, strict=True):
        found = head.as_arrays()(vector)
        assert found.logits[0] == pytest.approx(logits.numpy(), abs=1e-5)
        assert found.dimensions is not None
        assert found.dimensions[0] == pytest.approx(dimensions.numpy(), abs=1e-5)
