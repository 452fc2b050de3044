"""A graph in 8-bit integers: smaller, and faster on processors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from emofuse.onnx_library import quantization_tools

quantization = quantization_tools()
# Faster in 8 bits: products with weights. Convolutions with scales found while running are slower than in float32.
PRODUCTS = ["MatMul", "Gemm"]
# Faster in 8 bits with scales that are known beforehand.
CONVOLUTIONS = ["Conv"]

# Smaller tables stay in float32.
SMALLEST_TABLE_BYTES = 1 << 16

# The whole numbers of a weight in 8 bits, on both sides of 0.
LARGEST_WHOLE = 127

Feed = dict[str, npt.NDArray[Any]]


def quantise(graph: Path, out: Path, large: bool = False) -> None:
    """Write a graph whose matrix products are in 8 bits, with scales of the sound found while running.

    Weights get one scale a column and 7 of the 8 bits: where a processor adds pairs of products in 16 bits (x86
    without VNNI), 8 bits would saturate silently. Embedding tables are stored in half precision.

    Args:
        graph: in float32.
        out: the new graph.
        large: put weights beside the graph.
    """
    model = onnx.load(graph)
    # Shapes that the exporter noted contradict those that are inferred again, and the quantiser stops at that.
    del model.graph.value_info[:]
    halve_tables(model)
    with _quiet():
        quantization.quantize_dynamic(
            model,
            out,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            reduce_range=True,
            weight_type=quantization.QuantType.QInt8,
            use_external_data_format=large,
            extra_options={"MatMulConstBOnly": True},
        )


def quantise_weights(graph: Path, out: Path, large: bool = False) -> None:
    """Write a graph whose weights are stored in 8 bits and computed with in float32: as small, not as fast.

    For networks of which computing in 8 bits changes too much, such as those with a few values far larger than the
    others. Each column of a product and each channel of a convolution has a scale. Embedding tables are stored in
    half precision.

    Args:
        graph: in float32.
        out: the new graph.
        large: put weights beside the graph.
    """
    model = onnx.load(graph)
    halve_tables(model)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for name, tensor in tensors.items():
        axes = {_scaled_axis(node, name) for node in users.get(name, [])}
        if tensor.data_type != onnx.TensorProto.FLOAT or len(axes) != 1 or None in axes:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if values.nbytes >= SMALLEST_TABLE_BYTES:
            _store_in_8_bits(model.graph, tensor, values, axes.pop() or 0)
    onnx.save(model, out, save_as_external_data=large, location=f"{out.name}.data" if large else None)


def _scaled_axis(node: onnx.NodeProto, name: str) -> int | None:
    """Return the axis of a weight that gives the output its channels; None where it is no weight of a product."""
    if list(node.input).index(name) != 1:
        return None
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm":
        transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        return 0 if transposed else 1
    return 1 if node.op_type == "MatMul" else None


def _store_in_8_bits(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, values: npt.NDArray[Any], axis: int
) -> None:
    """Replace a weight by whole numbers, a scale for each channel, and an operator that multiplies them."""
    if axis >= values.ndim or (values.ndim > 2 and axis):
        return
    others = tuple(number for number in range(values.ndim) if number != axis)
    scale = np.maximum(np.abs(values).max(axis=others), np.finfo(np.float32).tiny) / LARGEST_WHOLE
    shape = [-1 if number == axis else 1 for number in range(values.ndim)]
    whole = np.round(values / scale.reshape(shape)).astype(np.int8)
    name = tensor.name
    stored = [onnx.numpy_helper.from_array(whole, f"{name}.whole")]
    stored.append(onnx.numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
    graph.initializer.remove(tensor)
    graph.initializer.extend(stored)
    inputs = [one.name for one in stored]
    graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", inputs, [name], axis=axis))


def halve_tables(model: onnx.ModelProto) -> None:
    """Store embedding tables, whose rows are only looked up, in half precision, in place.

    Looked-up rows are cast back to float32. A table with a value beyond half precision stays as it is.
    """
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for table in model.graph.initializer:
        using = users.get(table.name, [])
        looked_up = all(node.op_type == "Gather" and node.input[0] == table.name for node in using)
        if not using or not looked_up or table.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(table)
        if values.nbytes < SMALLEST_TABLE_BYTES or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        table.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), table.name))
        for node in using:
            _as_float32(model.graph, node)


def _as_float32(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """Cast what a node gives to float32, under the name that it had."""
    name = node.output[0]
    node.output[0] = f"{name}.half"
    cast = onnx.helper.make_node("Cast", [node.output[0]], [name], to=onnx.TensorProto.FLOAT)
    graph.node.insert(list(graph.node).index(node) + 1, cast)


def quantise_convolutions(graph: Path, out: Path, samples: Sequence[Feed], large: bool = False) -> None:
    """Write a graph whose convolutions are in 8 bits too, with the scales computed from samples.

    Args:
        graph: what `quantise` wrote.
        out: the new graph.
        samples: named arrays of utterances similar to those that the model will get.
        large: put weights beside the graph.
    """
    with _quiet():
        quantization.quantize_static(
            onnx.load(graph),
            out,
            _Reader(samples),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=CONVOLUTIONS,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            use_external_data_format=large,
        )


def has_convolutions(graph: Path) -> bool:
    """Tell whether a graph has convolutions."""
    nodes = onnx.load(graph, load_external_data=False).graph.node
    return any(node.op_type in CONVOLUTIONS for node in nodes)


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc,name-defined]  # from an untyped package
    """Yields the samples once, as the quantiser reads them."""

    def __init__(self, samples: Sequence[Feed]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Feed | None:
        """Return the next arrays, None at the end."""
        return next(self._samples, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser's advice on pre-processing, which goes to the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
