"""Which weights of an encoder learn: none, all, all but the convolutional front end, or the top layers."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from emofuse.errors import RecipeError


def apply_tuning(backbone: PreTrainedModel, tuning: str, key: str) -> None:
    """Mark what learns and what stays.

    Args:
        backbone: the encoder.
        tuning: "full", "frozen", "cnn-frozen" or "top-N".
        key: the recipe's key, for the error.

    Raises:
        RecipeError: the policy does not apply to this encoder.
    """
    backbone.requires_grad_(tuning in ("full", "cnn-frozen"))
    if tuning == "cnn-frozen":
        _front_end(backbone, key).requires_grad_(False)
    if tuning.startswith("top-"):
        layers = _layers(backbone, key)
        wanted = int(tuning.removeprefix("top-"))
        if wanted > len(layers):
            raise RecipeError(f"{key}.tuning: {tuning}, but the encoder has {len(layers)} layers")
        for layer in layers[-wanted:]:
            layer.requires_grad_(True)


def is_frozen(module: nn.Module) -> bool:
    """Tell whether nothing of a module learns."""
    return not any(parameter.requires_grad for parameter in module.parameters())


def _front_end(backbone: PreTrainedModel, key: str) -> nn.Module:
    front_end = getattr(backbone, "feature_extractor", None)
    if not isinstance(front_end, nn.Module):
        raise RecipeError(
            f"{key}.tuning: cnn-frozen is for encoders with a convolutional front end, not for "
            f"{backbone.config.model_type}; choose frozen, full or top-N"
        )
    return front_end


def _layers(backbone: PreTrainedModel, key: str) -> nn.ModuleList:
    """Find the stack of transformer layers: the longest list of equal modules."""
    stacks = [
        module
        for module in backbone.modules()
        if isinstance(module, nn.ModuleList) and len({type(layer) for layer in module}) == 1
    ]
    depth = getattr(backbone.config, "num_hidden_layers", None)
    for stack in stacks:
        if depth is not None and len(stack) == depth:
            return stack
    raise RecipeError(f"{key}.tuning: {backbone.config.model_type} has no stack of layers; choose frozen or full")
