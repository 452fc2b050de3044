"""ONNX Runtime comes through one door, so that nothing runs it with its telemetry on."""

from __future__ import annotations

import ast

from source_tree import package_modules

from emofuse import onnx_library


def test_no_other_module_imports_onnx_runtime() -> None:
    direct = set()
    for name, module in package_modules().items():
        for node in module.nodes:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(one.split(".")[0] == "onnxruntime" for one in names):
                direct.add(name)
    assert direct == {"emofuse.onnx_library"}


def test_it_gives_the_runtime_its_failures_and_its_quantisation() -> None:
    assert onnx_library.onnxruntime.InferenceSession
    assert issubclass(onnx_library.failures.InvalidGraph, Exception)
    assert onnx_library.quantization_tools().quantize_dynamic
