"""Weights that can be computed with: as many as the files hold, floating-point, finite and of a usual size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from emofuse.errors import CheckpointError, brief_message
from emofuse.hub.model_settings import weight_files

# Trained weights are below a thousand, running variances below a million; squares must stay finite in float32.
LARGEST_WEIGHT = 1e12
FLOATING = {"F64", "F32", "F16", "BF16"}
# A network may have so many more numbers than its files: heads of its pre-training, tables that it computes.
SPARE_FACTOR, SPARE_NUMBERS = 2, 2**22


@dataclass(frozen=True)
class HeldWeights:
    """What the files of a model folder hold, by their headers.

    Attributes:
        numbers: how many, all weights together.
        whole: names of weights that are whole numbers or truth values.
    """

    numbers: int = 0
    whole: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def in_folder(cls, folder: Path) -> HeldWeights:
        """Read the headers of the safetensors files of a model.

        Raises:
            CheckpointError: there are none, or one is damaged.
        """
        numbers, whole = 0, set()
        for path in weight_files(folder):
            try:
                with safe_open(path, "pt") as file:
                    for name in file.keys():  # noqa: SIM118  # not a mapping
                        part = file.get_slice(name)
                        numbers += math.prod(part.get_shape())
                        if part.get_dtype() not in FLOATING:
                            whole.add(name)
            except (SafetensorError, OSError, ValueError) as error:
                raise CheckpointError(
                    f"{path}: is no whole file of weights ({brief_message(error)}); fetch or copy it again"
                ) from error
        return cls(numbers, frozenset(whole))


def refuse_larger_than_its_files(name: str, make: Callable[[], nn.Module], held: int) -> None:
    """Refuse a network of which the files hold only a small part, before its memory is taken.

    Args:
        name: of the model, for the message.
        make: builds the network; no memory is taken for it.
        held: how many numbers the files hold.

    Raises:
        CheckpointError: the network is larger than the files can fill.
    """
    with torch.device("meta"):
        network = make()
    wanted = sum(value.numel() for value in (*network.parameters(), *network.buffers()))
    if wanted > SPARE_FACTOR * held + SPARE_NUMBERS:
        raise CheckpointError(
            f"{name}: its configuration asks for {wanted:,} numbers, and its files hold {held:,}; they are not of "
            "one model, fetch or copy it again"
        )


def refuse_unusable(name: str, network: nn.Module, held: HeldWeights) -> None:
    """Refuse weights with which a network would compute nonsense.

    Args:
        name: of the model, for the message.
        network: with its weights.
        held: what its files hold.

    Raises:
        CheckpointError: a weight is no floating-point number where it should be, is not finite, or is too large.
    """
    weights = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    whole = sorted(one for one in held.whole if _names_one_of(one, weights))
    if whole:
        raise CheckpointError(
            f"{name}: the weight {whole[0]!r} is stored as whole numbers or truth values ({len(whole)} such in "
            "all), not as floating-point numbers; fetch or copy the model again"
        )
    unusable = [key for key, value in weights.items() if not _usable(value)]
    if unusable:
        raise CheckpointError(
            f"{name}: the weight {unusable[0]!r} holds what is no number, or one beyond {LARGEST_WEIGHT:g} "
            f"({len(unusable)} such in all); train the model again, or copy it again"
        )


def _usable(value: torch.Tensor) -> bool:
    if value.is_meta or not value.numel():
        return True
    lowest, highest = torch.aminmax(value.detach())  # a number that is none makes both of them none
    return bool(lowest >= -LARGEST_WEIGHT) and bool(highest <= LARGEST_WEIGHT)


def _names_one_of(name: str, weights: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether a name in a file is that of a weight, with or without the prefix of a bare encoder."""
    bare = name.partition(".")[2]
    return name in weights or bare in weights
