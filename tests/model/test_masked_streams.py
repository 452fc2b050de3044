"""Masks of frames."""

from __future__ import annotations

import torch

from emofuse.model.masked_streams import at_least_one


def test_at_least_one_opens_only_empty_rows() -> None:
    mask = torch.tensor([[True, False], [False, False]])
    assert at_least_one(mask).tolist() == [[True, False], [True, False]]
    assert mask.tolist() == [[True, False], [False, False]]
