"""Cross-modal attention of one utterance, as weights: which frame attends to which."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from emofuse.data.preparation import Batch
from emofuse.model.attention import CrossModalAttention
from emofuse.model.fusion import EarlyFusion
from emofuse.model.masked_streams import Stream, as_tensors
from emofuse.model.network import EmotionModel
from emofuse.types import Modality
from emofuse.types.arrays import Float64Array


def attentions_of(model: EmotionModel) -> dict[Modality, CrossModalAttention]:
    """Return the attentions of a network by the modality of their queries; none where its fusion has none."""
    fusion = model.fusion
    if not isinstance(fusion, EarlyFusion):
        return {}
    pairs: tuple[tuple[Modality, nn.Module | None], ...] = (
        ("audio", fusion.audio_asks),
        ("text", fusion.text_asks),
    )
    return {modality: module for modality, module in pairs if isinstance(module, CrossModalAttention)}


@torch.no_grad()
def attention_maps(model: EmotionModel, batch: Batch) -> dict[Modality, Float64Array]:
    """Return what each modality attends to in the other one, (query frames, key frames); rows sum to 1.

    The mean over heads.

    Args:
        model: the network.
        batch: one utterance, with sound and text.
    """
    found: dict[Modality, Float64Array] = {}
    handles = []
    for modality, module in attentions_of(model).items():
        handles.append(module.register_forward_hook(partial(_keep, found, modality, module)))
    try:
        model(**as_tensors(batch.arrays(), model.device))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _keep(
    found: dict[Modality, Float64Array],
    modality: Modality,
    attention: CrossModalAttention,
    _: nn.Module,
    streams: tuple[Stream, Stream],
    __: Stream,
) -> None:
    """Keep the weights of an attention that has just been computed; called as a forward hook."""
    weights = attention_weights(attention, *streams).mean(dim=1)[0]
    kept = weights[streams[0].mask[0]][:, streams[1].mask[0]]
    found[modality] = kept.double().cpu().numpy()


def attention_weights(module: CrossModalAttention, queries: Stream, keys: Stream) -> Tensor:
    """Return the weights that the module's fused attention never shows: (batch, heads, queries, keys)."""
    query, key = (
        frames.unflatten(2, (module.heads, -1)).transpose(1, 2)
        for frames in (module.query(queries.frames), module.key(keys.frames))
    )
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    weights: Tensor = scores.masked_fill(~keys.mask[:, None, None, :], -torch.inf).softmax(dim=-1)
    return weights
