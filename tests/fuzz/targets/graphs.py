"""Graphs of ONNX, as far as they are looked through before ONNX Runtime opens them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from emofuse.inference.graph_vetting import refuse_unusable_graph


def graph(data: bytes, folder: Path) -> None:
    (folder / "model.onnx").write_bytes(data)
    refuse_unusable_graph(folder / "model.onnx")


def seeds() -> list[bytes]:
    helper, numbers = onnx.helper, onnx.numpy_helper.from_array
    value, kind = helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    weights = [numbers(np.eye(2, dtype=np.float32), "a"), helper.make_tensor("b", 7, [2], [2, 3])]
    weights.append(helper.make_tensor("c", kind, [2], [0.5, 1.5]))
    nodes = [
        helper.make_node("Constant", [], ["d"], value=numbers(np.array([2, 2]), "e")),
        helper.make_node("Expand", ["x", "b"], ["y"]),
    ]
    made = helper.make_graph(nodes, "g", [value("x", kind, [2])], [value("y", kind, [2])], weights)
    whole = helper.make_model(made)
    beside = helper.make_model(made)
    beside.graph.initializer[0].data_location = 1
    beside.graph.initializer[0].external_data.add(key="location", value="model.onnx.data")
    return [whole.SerializeToString(), beside.SerializeToString()]


READERS = [graph]
