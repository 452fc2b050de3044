"""The layers of an encoder that count."""

from __future__ import annotations

import pytest
import torch

from emofuse.errors import RecipeError
from emofuse.model.layer_selection import LayerMix, LayerSelection
from emofuse.model.masked_streams import Stream


def test_layer_mix_starts_as_the_mean() -> None:
    frames = torch.randn(2, 3, 4, 5)
    mixed = LayerMix(3)(Stream(frames, torch.ones(2, 4, dtype=torch.bool)))
    torch.testing.assert_close(mixed.frames, frames.mean(dim=1))


STATES = [torch.full((1, 2, 3), float(number)) for number in range(5)]
LAST = torch.full((1, 2, 3), 9.0)


def test_one_layer_or_the_last_is_given_out_as_it_is() -> None:
    assert LayerSelection.of("last", 5).pick((), LAST) is LAST
    one = LayerSelection.of(2, 5)
    assert one.pick(STATES, LAST) is STATES[2]
    assert (one.mixed, one.deepest) == (0, 2)


@pytest.mark.parametrize("layers", [(1, 3), [1, 3]])
def test_listed_layers_are_stacked_for_a_mix_and_later_ones_not_computed(layers: tuple[int, ...]) -> None:
    some = LayerSelection.of(layers, 5)
    assert (some.mixed, some.deepest) == (2, 3)
    assert some.pick(STATES[:4], LAST)[0, :, 0, 0].tolist() == [1.0, 3.0]


def test_a_mix_of_all_counts_the_embeddings() -> None:
    every = LayerSelection.of("weighted", 5)
    assert every.pick(STATES, LAST)[0, :, 0, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("layers", [5, (1, 5)])
def test_a_layer_that_the_encoder_lacks_is_refused(layers: int | tuple[int, ...]) -> None:
    with pytest.raises(RecipeError, match=r"layers: 5, but the encoder has layers 0 .* to 4"):
        LayerSelection.of(layers, 5)
