"""The network as a whole."""

from __future__ import annotations

from torch import nn

from emofuse.model.network import count_parameters


def test_parameters_are_counted() -> None:
    assert count_parameters(nn.Linear(3, 4)) == 16
