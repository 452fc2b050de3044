"""A graph in 8-bit integers: smaller, and faster on processors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

# What gains: products with weights. Convolutions with scales found while running are slower than in float32.
PRODUCTS = ["MatMul", "Gemm"]
# What gains with scales that are known beforehand.
CONVOLUTIONS = ["Conv"]

Feed = dict[str, npt.NDArray[Any]]


def quantise(graph: Path, out: Path, large: bool = False) -> None:
    """Write a graph whose matrix products are in 8 bits, with scales of the sound found while running.

    Weights get one scale a column and 7 of the 8 bits: where a processor adds pairs of products in 16 bits (x86
    without VNNI), 8 bits would saturate and nothing would tell.

    Args:
        graph: in float32.
        out: the new graph.
        large: put weights beside the graph.
    """
    model = onnx.load(graph)
    # Shapes that the exporter noted contradict those that are inferred anew, and the quantiser stops at that.
    del model.graph.value_info[:]
    with _quiet():
        quantize_dynamic(
            model,
            out,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=large,
            extra_options={"MatMulConstBOnly": True},
        )


def quantise_convolutions(graph: Path, out: Path, heard: Sequence[Feed], large: bool = False) -> None:
    """Write a graph whose convolutions are in 8 bits too, with the scales that they had on what was heard.

    Args:
        graph: what `quantise` wrote.
        out: the new graph.
        heard: named arrays of utterances like those that the model will hear.
        large: put weights beside the graph.
    """
    with _quiet():
        quantize_static(
            onnx.load(graph),
            out,
            _Reader(heard),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=CONVOLUTIONS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            use_external_data_format=large,
        )


def has_convolutions(graph: Path) -> bool:
    """Tell whether a graph has convolutions."""
    nodes = onnx.load(graph, load_external_data=False).graph.node
    return any(node.op_type in CONVOLUTIONS for node in nodes)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # from an untyped package
    """Hands out what was heard, once."""

    def __init__(self, heard: Sequence[Feed]) -> None:
        self._coming = iter(heard)

    def get_next(self) -> Feed | None:
        """Return the next arrays, None at the end."""
        return next(self._coming, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice on pre-processing away: it says it to the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
