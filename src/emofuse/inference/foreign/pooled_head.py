"""A head that plain Auto classes do not have, and many speech models on the Hub do: mean, dense, tanh, projection.

Wagner et al. (2023), Dawn of the transformer era in speech emotion recognition, published their regressor of
valence, arousal and dominance so; the class is in the card's code, which is never run. This is the same in ours.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from emofuse.hub.model_settings import weight_files
from emofuse.hub.snapshots import Source
from emofuse.model.vetting.loaders import load_network
from emofuse.model.vetting.weight_checks import HeldWeights, refuse_unusable

# The names of the weights of such a head.
DENSE, PROJECTION = "classifier.dense", "classifier.out_proj"
HEAD = tuple(f"{layer}.{kind}" for layer in (DENSE, PROJECTION) for kind in ("weight", "bias"))
# How such models average over time; others are not known to be trained so.
POOLING = "mean"


class PooledHead(nn.Module):
    """An encoder with such a head.

    Args:
        encoder: gives frames, (batch, time, width).
        dense: (width, width).
        projection: to the outputs, (width, outputs).
    """

    def __init__(self, encoder: PreTrainedModel, dense: nn.Linear, projection: nn.Linear) -> None:
        super().__init__()
        self.encoder = encoder
        self.dense = dense
        self.projection = projection

    def forward(self, input_values: Tensor, attention_mask: Tensor | None = None) -> SequenceClassifierOutput:
        """Map samples of equal length, (batch, samples), to logits, (batch, outputs)."""
        frames = self.encoder(input_values, attention_mask=attention_mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.projection(torch.tanh(self.dense(frames.mean(dim=1)))))


def has_pooled_head(config: PreTrainedConfig, folder: Path) -> bool:
    """Return whether the weights of a folder are of this layout, by their names.

    Raises:
        CheckpointError: it has no weights that are opened.
    """
    if config.to_dict().get("pooling_mode", POOLING) != POOLING:
        return False
    names: set[str] = set()
    for path in weight_files(folder):
        with safe_open(path, "pt") as file:
            names |= set(file.keys())
    return names >= set(HEAD)


def load_pooled_head(source: Source, folder: Path) -> tuple[PooledHead, list[str]]:
    """Return the network of a folder of this layout, and the names of the weights that the encoder lacks.

    Raises:
        OSError, ValueError, CheckpointError: as `load_network`; or the weights of the head do not fit.
    """
    encoder, lacking = load_network(source)
    held: dict[str, Tensor] = {}
    for path in weight_files(folder):
        with safe_open(path, "pt") as file:
            held |= {name: file.get_tensor(name).float() for name in HEAD if name in file.keys()}  # noqa: SIM118
    layers = []
    for name in (DENSE, PROJECTION):
        weight, bias = held[f"{name}.weight"], held[f"{name}.bias"]
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or weight.shape[1] != encoder.config.hidden_size:
            raise ValueError(f"its weight {name}.weight has the shape {tuple(weight.shape)}")
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
    network = PooledHead(encoder, *layers)
    refuse_unusable(source.name, network, HeldWeights.in_folder(folder))
    return network, lacking
