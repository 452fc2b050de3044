"""The running figures of batch norms, estimated anew for weights that were averaged."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from emofuse.data.batching import effective_batches, micro_batches
from emofuse.model.masked_streams import as_tensors
from emofuse.model.network import EmotionModel
from emofuse.training.input_augmentation import InputAugmentation
from emofuse.training.loader import PreparedPart
from emofuse.training.sampling import drawing_shares
from emofuse.training.trainer import EpochSettings, training_mode


def estimate_running_figures(
    model: EmotionModel, part: PreparedPart, settings: EpochSettings, augmentation: InputAugmentation, seed: int
) -> None:
    """Give the batch norms that were trained the mean and variance of one more epoch, without a step.

    The figures of each epoch belong to that epoch's weights; their average is not that of the averaged weights
    (Izmailov et al. 2018, section 3.2). All batches count alike. A norm that meets no batch of two or more keeps
    its figures. The network ends in evaluation mode.
    """
    training_mode(model)
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]
    before = [(norm.momentum, _figures(norm)) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over batches
    if norms:
        _pass_once(model, part, settings, augmentation, seed)
    for norm, (momentum, figures) in zip(norms, before, strict=True):
        norm.momentum = momentum
        if not int(_figures(norm)["num_batches_tracked"]):
            norm.load_state_dict(norm.state_dict() | figures)
    model.eval()


def _pass_once(
    model: EmotionModel, part: PreparedPart, settings: EpochSettings, augmentation: InputAugmentation, seed: int
) -> None:
    """Let the network see the batches of an epoch that does not exist."""
    rng = np.random.default_rng([seed, settings.schedule.epochs + 1])
    costs, device = part.costs.tolist(), next(model.parameters()).device
    shares = drawing_shares(part.utterances, settings.balance)
    with torch.no_grad():
        for batch in effective_batches(costs, settings.batch_seconds, rng, shares):
            for positions in micro_batches(costs, batch, settings.micro_seconds):
                model(**as_tensors(augmentation.batch(part, positions, rng), device))


def _figures(norm: _BatchNorm) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in norm.named_buffers()}
