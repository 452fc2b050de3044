"""Let the graph of an exported folder give its pooled vectors too, without changing any of its numbers.

python tools/box/add_pooled_output.py EXPORTED_FOLDER ...

Graphs that are exported today have this output. This tool is for those of an early fusion, or of one modality,
that were exported before: the vectors are what the layers of the head are fed with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from emofuse import layout
from emofuse.data.preparation import POOLED, Preparation
from emofuse.inference.parity import SHAPES, noise

HEAD = ("network.fusion.head.norm.", "network.fusion.head.hidden.", "network.fusion.head.classifier.")


def pooled_tensor(graph: onnx.GraphProto) -> str:
    """Return the tensor that the first layer of the head is fed with.

    Raises:
        SystemExit: the graph has no such layer.
    """
    made_of: dict[str, str] = {}
    for node in graph.node:
        for name in node.input:
            if name.startswith(HEAD):
                # Dynamic quantisation puts nodes between the vectors and the layer's product.
                fed = str(node.input[0])
                return made_of.get(fed, fed)
        if node.op_type == "DynamicQuantizeLinear":
            made_of |= dict.fromkeys(node.output, node.input[0])
    raise SystemExit("the graph has no head of an early fusion or of one modality; export the model again")


def add_pooled_output(path: Path, width: int) -> None:
    """Add the output to a graph, in place, unless it has it."""
    model = onnx.load(path)
    if any(output.name == POOLED for output in model.graph.output):
        return
    shape = [model.graph.output[0].type.tensor_type.shape.dim[0].dim_param, width]
    model.graph.node.append(onnx.helper.make_node("Identity", [pooled_tensor(model.graph)], [POOLED]))
    model.graph.output.append(onnx.helper.make_tensor_value_info(POOLED, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    with layout.writing_file(path) as temporary:
        onnx.save(model, temporary)


def logits(folder: Path) -> list[npt.NDArray[Any]]:
    """Return the logits of the graph for noise of many sizes."""
    session = onnxruntime.InferenceSession(folder / layout.GRAPH, providers=["CPUExecutionProvider"])
    preparation, rng = Preparation.load(folder), np.random.default_rng(0)
    names = [node.name for node in session.get_inputs()]
    found = []
    for shape in SHAPES:
        arrays = preparation.collate([noise(preparation, *row, rng) for row in shape]).arrays()
        found.append(session.run(["logits"], {name: arrays[name] for name in names})[0])
    return found


def pooled_width(folder: Path) -> int:
    """Return the width of the vectors: how many values the head's first layer takes."""
    model = onnx.load(folder / layout.GRAPH)
    for one in model.graph.initializer:
        if one.name.startswith(HEAD):
            return int(one.dims[0])
    raise SystemExit(f"{folder}: the graph has no head of an early fusion or of one modality")


def main() -> None:
    """Add the output to each graph, and stop where a logit changes by a single bit."""
    for folder in map(Path, sys.argv[1:]):
        before = logits(folder)
        add_pooled_output(folder / layout.GRAPH, pooled_width(folder))
        same = all(np.array_equal(one, other) for one, other in zip(before, logits(folder), strict=True))
        if not same:
            raise SystemExit(f"{folder}: the logits are no longer the same to the bit; restore the graph")
        print(f"{folder}: the graph gives its pooled vectors; its logits are the same to the bit")


if __name__ == "__main__":
    main()
