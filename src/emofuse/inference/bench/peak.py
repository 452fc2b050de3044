"""The speed of float32 matrix products on this machine: the peak that systems are compared with."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from emofuse.onnx_library import onnxruntime

# Rows and columns of the multiplied matrices: 0.3 to 17 GFLOP a product.
SIDES = (512, 1024, 2048)
# Versions of the one-product graph: old enough for every runtime.
OPSET, IR = 13, 8


class MatrixProducts:
    """Measures the floating-point operations per second of float32 matrix products.

    Measures both libraries that the systems use, because which is faster, and at which size, depends on the
    processor.

    Args:
        threads: number of threads.
    """

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self._products = [
            (side, product)
            for side in SIDES
            for product in (_product_by_torch(side), _product_by_onnx_runtime(side, threads))
        ]

    def __call__(self, times: int) -> float:
        """Return the operations per second of the fastest product, each computed several times."""
        return max(2 * side**3 / _seconds(product) for _ in range(times) for side, product in self._products)


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _product_by_torch(side: int) -> Callable[[], object]:
    a, b, out = torch.rand(side, side), torch.rand(side, side), torch.empty(side, side)
    return lambda: torch.mm(a, b, out=out)


def _product_by_onnx_runtime(side: int, threads: int) -> Callable[[], object]:
    a, b = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    left, result = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [side, side]) for name in ("a", "c"))
    product = helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph([product], "product", [left], [result], [numpy_helper.from_array(b, "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # spinning threads would slow torch down
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda: session.run(None, {"a": a})
