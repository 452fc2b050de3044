"""Graphs that a stranger changed are refused in one sentence, before ONNX Runtime opens them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import exported_folder, small_exported_folder

from emofuse import layout, load
from emofuse.errors import CheckpointError, OutputError
from emofuse.inference.graph_vetting import refuse_unusable_graph

onnx = pytest.importorskip("onnx")
MOST_SECONDS = 1.0
Change = Callable[[Any], None]


def weight(graph: Any, rank: int = 2) -> Any:
    """Return the first weight of floating-point numbers with so many axes."""
    return next(one for one in graph.initializer if one.data_type == 1 and len(one.dims) == rank)


def filled(value: float, count: int) -> Change:
    """Return what puts a value in the place of the first numbers of a weight."""

    def change(model: Any) -> None:
        held = weight(model.graph)
        numbers = onnx.numpy_helper.to_array(held).copy()
        numbers.ravel()[:count] = value
        held.CopyFrom(onnx.numpy_helper.from_array(numbers, held.name))

    return change


def in_field(model: Any) -> None:
    """Let a weight lie in a field of numbers, not in bytes, and be no number."""
    held = weight(model.graph)
    numbers = onnx.numpy_helper.to_array(held).ravel().copy()
    numbers[0] = np.nan
    held.CopyFrom(onnx.helper.make_tensor(held.name, 1, held.dims, numbers.tolist()))


def of_kind(kind: int) -> Change:
    def change(model: Any) -> None:
        weight(model.graph).data_type = kind

    return change


def of_shape(*dims: int) -> Change:
    def change(model: Any) -> None:
        held = weight(model.graph)
        del held.dims[:]
        held.dims.extend(dims)

    return change


def beside(location: str, offset: int = 0) -> Change:
    def change(model: Any) -> None:
        held = weight(model.graph)
        held.ClearField("raw_data")
        held.data_location = 1
        for key, value in (("location", location), ("offset", str(offset))):
            held.external_data.add(key=key, value=value)

    return change


def operator(name: str, domain: str = "", **attributes: Any) -> Change:
    def change(model: Any) -> None:
        model.graph.node.append(onnx.helper.make_node(name, ["huge"], ["made"], domain=domain, **attributes))

    return change


def grown(name: str, *shape: int) -> Change:
    """Return what adds an operator that makes much of a constant."""

    def change(model: Any) -> None:
        held = onnx.numpy_helper.from_array(np.array(shape, np.int64), "huge")
        if name == "Tile":
            model.graph.node.append(onnx.helper.make_node("Constant", [], ["huge"], value=held))
        elif name == "Expand":
            model.graph.node.append(onnx.helper.make_node("Constant", [], ["huge"], value_ints=list(shape)))
        else:
            model.graph.initializer.append(held)
        operator(name)(model)

    return change


def function(model: Any) -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    opset = onnx.helper.make_opsetid("", 18)
    model.functions.append(onnx.helper.make_function("own", "f", ["x"], ["y"], [node], [opset]))


def loop(model: Any) -> None:
    body = onnx.helper.make_graph([], "body", [], [])
    operator("Loop", body=body)(model)


def sparse(model: Any) -> None:
    model.graph.sparse_initializer.add()


NO_NUMBER, KIND, PLACE = (
    "holds what is no number",
    "is of kind",
    "and only model.onnx.data beside the graph is opened",
)
CHANGES: dict[str, tuple[Change, str]] = {
    "one NaN": (filled(np.nan, 1), NO_NUMBER),
    "all infinite": (filled(-np.inf, 10**6), NO_NUMBER),
    "NaN in a field": (in_field, NO_NUMBER),
    "texts": (of_kind(8), KIND),
    "complex": (of_kind(14), KIND),
    "bfloat16": (of_kind(16), KIND),
    "no kind": (of_kind(0), KIND),
    "unknown kind": (of_kind(99), KIND),
    "a huge shape": (of_shape(10**9, 10**9), "and its shape 1,000,000,000,000,000,000"),
    "a negative shape": (of_shape(-1, 3), "has a negative size"),
    "an absolute place": (beside("/etc/passwd"), PLACE),
    "a place above": (beside("../secret.bin"), PLACE),
    "another file": (beside("tokenizer.json"), PLACE),
    "no place": (beside(""), PLACE),
    "a file that is not there": (beside("model.onnx.data"), "No such file"),
    "custom operator": (operator("Evil", "com.stranger"), "of 'com.stranger', which is not run"),
    "operator of Microsoft": (operator("Inverse", "com.microsoft"), "of 'com.microsoft', which is not run"),
    "functions": (function, "functions of its own"),
    "a loop": (loop, "a graph of its own within"),
    "random numbers": (operator("RandomNormal", shape=[10**5, 10**5]), "draws random numbers"),
    "ConstantOfShape": (grown("ConstantOfShape", 10**5, 10**6), "numbers of a few, more than any export"),
    "Expand": (grown("Expand", 10**5, 10**6), "numbers of a few, more than any export"),
    "Tile": (grown("Tile", 10**5, 10**6), "numbers of a few, more than any export"),
    "sparse weights": (sparse, "sparse weights"),
}


def changed(folder: Path, change: Change) -> Path:
    shutil.copytree(exported_folder(), folder)
    model = onnx.load(folder / layout.GRAPH)
    change(model)
    (folder / layout.GRAPH).write_bytes(model.SerializeToString())
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_a_graph_that_a_stranger_changed_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    change, reason = CHANGES[name]
    folder = changed(tmp_path / "model", change)
    began = time.process_time()
    with pytest.raises(CheckpointError) as refusal:
        load(folder)
    assert time.process_time() - began < MOST_SECONDS
    said = str(refusal.value)
    assert said.startswith((f"{folder / layout.GRAPH}: ", f"{folder / layout.GRAPH}.data: "))
    assert said.endswith("; export or copy the model again")
    assert reason in said
    assert "\n" not in said


def test_weights_beside_the_graph_are_checked_too(tmp_path: Path) -> None:
    folder = changed(tmp_path / "model", lambda model: None)
    model = onnx.load(folder / layout.GRAPH)
    onnx.save(model, folder / layout.GRAPH, save_as_external_data=True, location=layout.GRAPH + ".data")
    assert load(folder).labels
    numbers = np.fromfile(folder / f"{layout.GRAPH}.data", np.float32)
    numbers[:] = np.nan
    numbers.tofile(folder / f"{layout.GRAPH}.data")
    with pytest.raises(CheckpointError, match=NO_NUMBER):
        load(folder)
    os.truncate(folder / f"{layout.GRAPH}.data", 100)
    with pytest.raises(CheckpointError, match=r"lies outside of model\.onnx\.data"):
        load(folder)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 9, b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"no graph", b"\x3a\x02\x28\x01"]
)
def test_what_is_no_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is not a whole graph|is no file that holds anything"):
        refuse_unusable_graph(tmp_path / "a.onnx")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.onnx")
    with pytest.raises(CheckpointError, match="is no file that holds anything"):
        refuse_unusable_graph(tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ["box-open", "box"])
def test_what_exports_write_is_taken(name: str) -> None:
    assert load(name).labels
    for folder in (exported_folder(), small_exported_folder()):
        refuse_unusable_graph(folder / layout.GRAPH)


def lying(kind: str) -> Change:
    """Return what lets a graph declare something else than it computes or takes."""

    def change(model: Any) -> None:
        graph = model.graph
        if kind == "output":
            logits = next(node for node in graph.node if "logits" in node.output)
            logits.output[0] = "inner"
            graph.node.append(onnx.helper.make_node("Concat", ["inner", "inner"], ["logits"], axis=0))
        elif kind == "input":
            graph.input[0].type.tensor_type.elem_type = 11
        else:
            graph.input[0].type.tensor_type.shape.dim[1].dim_value = 10**9

    return change


@pytest.mark.parametrize("kind", ["input", "size"])
def test_a_graph_that_takes_something_else_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not"):
        load(changed(tmp_path / "model", lying(kind)))


def test_a_graph_that_computes_something_else_than_it_declares_fails_each_input(tmp_path: Path) -> None:
    recognizer = load(changed(tmp_path / "model", lying("output")))
    with pytest.raises(OutputError, match="does not compute what it declares; export the model again"):
        recognizer.predict(text="so lonely")
