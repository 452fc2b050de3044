"""Averages of weights."""

from __future__ import annotations

import torch

from emofuse.training.weight_average import average


def test_averaging_leaves_whole_numbers_alone() -> None:
    averaged = average(
        [{"a": torch.tensor([1.0]), "n": torch.tensor(1)}, {"a": torch.tensor([2.0]), "n": torch.tensor(2)}]
    )
    assert averaged["a"].item() == 1.5
    assert averaged["n"].item() == 2
