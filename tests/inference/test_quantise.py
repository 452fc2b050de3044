"""Tables of pieces in half precision: what is looked up stays what it was, to half precision; the rest is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from emofuse.inference.quantise import halve_tables, quantise_weights

ROWS, WIDTH = 500, 64


def graph(table: np.ndarray, also_multiplied: bool = False) -> onnx.ModelProto:  # type: ignore[type-arg]
    nodes = [helper.make_node("Gather", ["table", "ids"], ["found"])]
    outputs = [helper.make_tensor_value_info("found", TensorProto.FLOAT, ["n", WIDTH])]
    if also_multiplied:
        nodes.append(helper.make_node("ReduceSum", ["table"], ["sum"], keepdims=0))
        outputs.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, []))
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    made = helper.make_graph(nodes, "lookup", [ids], outputs, [numpy_helper.from_array(table, "table")])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def found(model: onnx.ModelProto) -> np.ndarray:  # type: ignore[type-arg]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    values: np.ndarray = session.run(["found"], {"ids": np.array([3, 0, 499])})[0]  # type: ignore[type-arg]
    return values


def test_what_is_looked_up_is_the_same_to_half_precision_and_takes_half_the_room() -> None:
    table = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)
    model = graph(table)
    size = model.ByteSize()
    halve_tables(model)
    onnx.checker.check_model(model, full_check=True)
    assert model.ByteSize() < 0.55 * size
    assert found(model).dtype == np.float32
    np.testing.assert_array_equal(found(model), table[[3, 0, 499]].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("why", ["too large a value", "used otherwise", "small"])
def test_other_tables_are_left(why: str) -> None:
    table = np.ones((ROWS if why != "small" else 9, WIDTH), dtype=np.float32)
    if why == "too large a value":
        table[7, 7] = 1e6
    model = graph(table, also_multiplied=why == "used otherwise")
    before = model.SerializeToString()
    halve_tables(model)
    assert model.SerializeToString() == before


def test_weights_of_products_and_convolutions_are_stored_in_8_bits_and_computed_with_in_float(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    shapes = {"kernel": (160, 40, 3), "columns": (160, 128), "rows": (160, 128), "small": (160, 4)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    weights["columns"][:, 7] *= 1000.0  # a column far larger than the others takes no digits from them
    nodes = [
        helper.make_node("Conv", ["sound", "kernel"], ["filtered"], pads=[1, 1]),
        helper.make_node("ReduceMean", ["filtered", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "columns"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "rows"], ["wide"], transB=1),
        helper.make_node("MatMul", ["wide", "small"], ["found"]),
    ]
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    stored.append(numpy_helper.from_array(np.array([2]), "axes"))
    inputs = [helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["n", 40, "t"])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in ("hidden", "found")]
    made = helper.make_graph(nodes, "network", inputs, outputs, stored)
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), whole)
    quantise_weights(whole, small)
    onnx.checker.check_model(onnx.load(small), full_check=True)
    assert small.stat().st_size < 0.3 * whole.stat().st_size
    sound = {"sound": rng.normal(size=(2, 40, 50)).astype(np.float32)}
    ours, theirs = (onnxruntime.InferenceSession(path).run(None, sound) for path in (small, whole))
    for one, other in ((ours[0], theirs[0]), (ours[1], theirs[1]), (ours[0][:, 8:], theirs[0][:, 8:])):
        assert np.linalg.norm(one - other) < 0.02 * np.linalg.norm(other)
