"""Frozen encoders: built once a process, shared by all networks of a run, known by the hash of their weights."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from emofuse.model.pretrained import base_weights, content_hash
from emofuse.untrusted.json_text import canonical_json


class FrozenEncoderCache:
    """Holds the last frozen encoder of each modality, so that the next network need not build it again."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, PreTrainedModel]] = {}

    def get(
        self, key: str, config: PreTrainedConfig, origin: str, make: Callable[[], PreTrainedModel]
    ) -> PreTrainedModel:
        """Return the encoder of a modality with this configuration and origin of its weights, or make it."""
        wanted = canonical_json([origin, config.to_dict()], str)
        if key not in self._held or self._held[key][0] != wanted:
            self._held[key] = (wanted, make().eval().requires_grad_(False))
        return self._held[key][1]


_HASHES: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()


def frozen_hash(backbone: nn.Module) -> str:
    """Return the hash of an encoder's weights; of one encoder it is computed once, as frozen weights stay."""
    if backbone not in _HASHES:
        _HASHES[backbone] = content_hash(base_weights(backbone))
    return _HASHES[backbone]
