"""What relative predictions need of a model: its head, alone, and the moments of the sound that it was trained on.

Both are in a file of the model's folder, `relative.safetensors`: arrays only, so that nothing in it can be run.
The head is computed here with NumPy, for torch and for exported models alike, a vector at a time: what else is
computed changes no digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emofuse import layout
from emofuse.data.preparation import Outputs
from emofuse.data.speaker_statistics import Moments
from emofuse.errors import CheckpointError, brief_message
from emofuse.types.arrays import Float32Array, Float64Array

# The layers of a head, each a matrix and a bias: a hidden one with a ReLU, then one for each kind of output.
HIDDEN, LABELS, DIMENSIONS = "hidden", "labels", "dimensions"
LAYERS = (HIDDEN, LABELS, DIMENSIONS)
# What normalises the vector: scale and shift of each number, after layer normalisation or without.
NORM, LAYER_NORM = "norm", "layer-norm"
# What layer normalisation adds to a variance; the one that torch has.
LAYER_NORM_EPSILON = 1e-5
# No head and no vector has more numbers; a file that does is none of ours.
MOST_NUMBERS = 2**26


@dataclass(frozen=True)
class Affine:
    """A scale or a matrix, and what is added.

    Attributes:
        weight: (width,) to scale by, or (outputs, width).
        bias: (width,) or (outputs,).
    """

    weight: Float64Array
    bias: Float64Array


@dataclass(frozen=True)
class HeadWeights:
    """The head of a network, in evaluation mode.

    Attributes:
        labels: the layer of the logits, (labels, width or hidden).
        norm: scale and shift of each number of the vector; None without.
        layer_norm: whether the vector is brought to mean 0 and variance 1 before that.
        hidden: a hidden layer; None without.
        dimensions: the layer of the dimensions, as the corpus scales them; None without.
    """

    labels: Affine
    norm: Affine | None = None
    layer_norm: bool = False
    hidden: Affine | None = None
    dimensions: Affine | None = None

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return int((self.hidden or self.labels).weight.shape[1])

    def __call__(self, vector: npt.NDArray[Any]) -> Outputs:
        """Map one vector, (width,), to logits and dimensions, (1, ...) each."""
        values = vector.astype(np.float64)
        if self.layer_norm:
            values = (values - values.mean()) / np.sqrt(values.var() + LAYER_NORM_EPSILON)
        if self.norm is not None:
            values = values * self.norm.weight + self.norm.bias
        if self.hidden is not None:
            values = np.maximum(_times(self.hidden, values), 0.0)
        dimensions = None if self.dimensions is None else _row(_times(self.dimensions, values))
        return Outputs(_row(_times(self.labels, values)), dimensions)


@dataclass(frozen=True)
class RelativeParts:
    """The head of a model, and the moments of what it was trained on.

    Attributes:
        head: takes pooled vectors.
        trained: modalities of an utterance, as "audio" or "audio+text" -> moments, over the training part, of the
            first numbers of the vector, which are those of its sound: all of them where there is sound alone.
            Those of words are left as they are.
    """

    head: HeadWeights
    trained: Mapping[str, Moments]

    def save(self, folder: Path) -> None:
        """Write the file into the folder of a model, whole or not at all."""
        head = self.head
        layers = {NORM: head.norm, HIDDEN: head.hidden, LABELS: head.labels, DIMENSIONS: head.dimensions}
        arrays = {
            f"{name}.{kind}": values
            for name, layer in layers.items()
            if layer is not None
            for kind, values in (("weight", layer.weight), ("bias", layer.bias))
        }
        for pattern, moments in self.trained.items():
            arrays |= {f"{pattern}.mean": moments.mean, f"{pattern}.variance": moments.variance}
        small = {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in arrays.items()}
        layout.write_bytes(folder / layout.RELATIVE, save(small, {LAYER_NORM: "yes" if head.layer_norm else "no"}))

    @classmethod
    def load(cls, folder: Path) -> RelativeParts:
        """Read what `save` wrote.

        Raises:
            CheckpointError: there is no such file, or it is damaged.
        """
        path = folder / layout.RELATIVE
        try:
            with safe_open(path, "np") as file:
                sizes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118  # no mapping
                if sum(int(np.prod(size)) for size in sizes) > MOST_NUMBERS:
                    raise ValueError("it holds more numbers than any head has")
                arrays = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
                layer_norm = (file.metadata() or {}).get(LAYER_NORM) == "yes"
            return _parts(arrays, layer_norm)
        except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
            raise CheckpointError(
                f"{path}: is not what {layout.RELATIVE} of a model holds ({brief_message(error)}); train or copy "
                "the model again"
            ) from error


def _parts(arrays: dict[str, Float64Array], layer_norm: bool) -> RelativeParts:
    """Put arrays by name together.

    Raises:
        ValueError, LookupError: they do not fit, or hold what is no number.
    """
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise ValueError("it holds what is no number")
    layers = {
        name: Affine(arrays.pop(f"{name}.weight"), arrays.pop(f"{name}.bias"))
        for name in (NORM, *LAYERS)
        if f"{name}.weight" in arrays
    }
    head = HeadWeights(layers[LABELS], layers.get(NORM), layer_norm, layers.get(HIDDEN), layers.get(DIMENSIONS))
    _refuse_unfit(head)
    patterns = [name.removesuffix(".mean") for name in arrays if name.endswith(".mean")]
    trained = {one: Moments(arrays.pop(f"{one}.mean"), arrays.pop(f"{one}.variance")) for one in patterns}
    for moments in trained.values():
        if moments.mean.shape != moments.variance.shape or not (0 < moments.mean.size <= head.width):
            raise ValueError("its moments do not fit its head")
    if not trained or any(moments.mean.ndim != 1 for moments in trained.values()):
        raise ValueError("it has no moments")
    if arrays or any((moments.variance < 0).any() for moments in trained.values()):
        raise ValueError("it holds what is no part of it")
    return RelativeParts(head, trained)


def _refuse_unfit(head: HeadWeights) -> None:
    given = head.width
    for layer in (head.hidden, head.labels, head.dimensions):
        if layer is None:
            continue
        if layer.weight.ndim != 2 or layer.weight.shape != (len(layer.bias), given) or layer.bias.ndim != 1:
            raise ValueError("its layers do not fit each other")
        given = len(layer.bias) if layer is head.hidden else given
    if head.norm is not None and not head.norm.weight.shape == head.norm.bias.shape == (head.width,):
        raise ValueError("its layers do not fit each other")


def _times(layer: Affine, values: Float64Array) -> Float64Array:
    return np.asarray(layer.weight @ values + layer.bias)


def _row(values: Float64Array) -> Float32Array:
    return values.astype(np.float32)[None]
