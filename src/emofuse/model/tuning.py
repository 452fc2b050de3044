"""Which weights of an encoder are trained: none, all, all but the front end, the top layers, or adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from emofuse.errors import MissingExtraError, RecipeError

# What the families call the projections that adapters go beside.
QUERY_AND_VALUE = {
    "q_proj", "v_proj", "query", "value", "q_lin", "v_lin", "query_proj", "value_proj", "q", "v", "linear_q",
    "linear_v", "Wqkv",
}  # fmt: skip
FEED_FORWARD = {"intermediate_dense", "output_dense"}


def apply_tuning(backbone: PreTrainedModel, tuning: str, key: str) -> None:
    """Mark which weights are trained.

    Args:
        backbone: the encoder.
        tuning: "full", "frozen", "cnn-frozen", "lora" or "top-N".
        key: the recipe's key, for the error.

    Raises:
        RecipeError: the policy does not apply to this encoder.
    """
    backbone.requires_grad_(tuning in ("full", "cnn-frozen"))
    if tuning == "lora":
        for name, parameter in backbone.named_parameters():
            parameter.requires_grad_("lora_" in name)
    if tuning == "cnn-frozen":
        _front_end(backbone, key).requires_grad_(False)
    if tuning.startswith("top-"):
        layers = _layers(backbone, key)
        wanted = int(tuning.removeprefix("top-"))
        if wanted > len(layers):
            raise RecipeError(f"{key}.tuning: {tuning}, but the encoder has {len(layers)} layers")
        for layer in layers[-wanted:]:
            layer.requires_grad_(True)


def add_adapters(backbone: PreTrainedModel, settings: Mapping[str, Any]) -> None:
    """Put low-rank adapters beside the query and value projections of an encoder (Hu et al. 2021).

    WavLM's attention reads its projections' weights past their modules, so that an adapter there would never be
    used: its feed-forward layers get them.

    Raises:
        MissingExtraError: peft is not installed.
        RecipeError: the encoder has no layers that take adapters.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("peft", "the tuning policy lora") from error
    wanted = FEED_FORWARD if backbone.config.model_type == "wavlm" else QUERY_AND_VALUE
    names = {name.rsplit(".", 1)[-1] for name, module in backbone.named_modules() if isinstance(module, nn.Linear)}
    targets = sorted(names & wanted)
    if not targets:
        raise RecipeError(
            f"tuning: lora finds no attention layers in {backbone.config.model_type}; choose another"
        )
    lora = LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=targets,
    )
    inject_adapter_in_model(lora, backbone)
    for name, module in backbone.named_modules():
        if "lora_" in name:  # an adapter must begin as nothing: transformers would draw its weights again
            module._is_hf_initialized = True


def is_frozen(module: nn.Module) -> bool:
    """Return whether no weight of a module is trained."""
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
